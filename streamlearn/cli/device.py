"""Putting an export folder on a simulated board, and what a person wants to know of it."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

import firmware_sim
from firmware_sim import Board, Device, Firmware, Health, Logged, StreamInterrupted
from streamlearn.cli.live import Figures
from streamlearn.evaluation import hash_of_predictions

N_PREDICTIONS = 51
#: The live view: after how many samples it changes, and how many it looks back on.
_FIGURES_EVERY, _LATEST = 50, 200


@dataclass
class DeviceRun:
    """A stream learned on a device.

    Attributes
    ----------
    board, firmware : Board, Firmware
    predictions : int64[n], or float32[n, 3] of a learner of numbers
        Made before learning: class indices, or mean and two standard deviations.
    learn_instructions : int64[n]
        Inside the learner, its callees included, without the link.
    predict_instructions : int64[k]
        The same for predicting alone, measured on samples spread over the stream.
    stack_peak : int
        Bytes.
    state : bytes
        Read back over the link.
    health : Health
        Levels and counters at the end, as the device says them.
    seconds : float
        Time that emulating the learning took.
    interrupted : bool
    logged : Logged or None
        What the device's log of events ends with, if it keeps one.
    answered : bool[m]
        Of all samples with a label: whether the device predicted. With stages in front it does if
        features come; the other arrays have those samples only.
    """

    board: Board
    firmware: Firmware
    predictions: npt.NDArray[Any]
    learn_instructions: npt.NDArray[np.int64]
    predict_instructions: npt.NDArray[np.int64]
    stack_peak: int
    state: bytes
    health: Health
    seconds: float
    interrupted: bool
    logged: Logged | None = None
    answered: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    def metrics(self) -> dict[str, Any]:
        """Return the ``device`` key of ``--json``."""
        ram = self.firmware.ram_bytes
        learn = float(np.median(self.learn_instructions)) if len(self.learn_instructions) else 0.0
        model = firmware_sim.model_cost(self.board, learn)
        return {
            "board": self.board.name,
            "core": self.board.core.name,
            "flash_bytes": self.firmware.flash_bytes,
            "ram_bytes": {
                "state": ram.state,
                "scratch": ram.scratch,
                "stack_peak": self.stack_peak,
                "total": ram.total - ram.stack_reserved + self.stack_peak,
            },
            "instructions_per_sample": {
                "learn_median": int(learn),
                "learn_max": int(self.learn_instructions.max(initial=0)),
                "predict_median": int(np.median(self.predict_instructions))
                if len(self.predict_instructions)
                else 0,
            },
            "blind": self.health.blind,
            "step": self.health.step,
            "saturations": self.health.saturations,
            "state_sha256": hashlib.sha256(self.state).hexdigest(),
            "predictions_sha256": hash_of_predictions(self.predictions),
            "model": {
                "ms_per_sample": model.model_time_ms,
                "uj_per_sample": model.model_energy_uj,
            },
        }

    def memory(self) -> dict[str, Any]:
        """Return what fills flash and RAM, in bytes, and what the board has."""
        sections, ram = self.firmware.sections, self.firmware.ram_bytes
        return {
            "flash": {
                "bytes_available": self.board.flash.bytes,
                "parts": {
                    "code": sections["vectors"] + sections["text"],
                    "tables and start state": sections["rodata"] + sections["data"],
                },
            },
            "ram": {
                "bytes_available": self.board.ram.bytes,
                "parts": {
                    "state": ram.state,
                    "scratch": ram.scratch,
                    "link buffer": ram.frame,
                    "stack (peak)": self.stack_peak,
                    "other": ram.other,
                },
            },
        }


def learn_on_device(
    firmware: Firmware,
    chunks: Callable[[], Any],
    on_progress: Callable[[int], None],
    on_figures: Callable[[Figures], None] | None = None,
    key: bytes | None = None,
) -> DeviceRun:
    """Boot a firmware and let it learn ``(x[n, features], y[n])`` chunks over its link.

    A chunk may have a third member, whether a recording begins with it. Behind stages, or to a
    spiking network, y may be None: a sample without a label, with which time passes.

    `on_progress` hears how many were learned, `on_figures` every 50 samples how it goes.

    Ctrl-C ends it between two samples; the state is read back all the same.
    """
    device = Device(firmware, key=key)
    parts: list[Any] = []
    seen: list[npt.NDArray[np.float32]] = []
    interrupted, done, seconds = False, 0, 0.0
    latest: deque[Any] = deque(maxlen=_LATEST)
    try:
        for x, y, *begins in chunks():
            if begins and begins[0]:
                device.reset_time()
            if y is None:
                device.exchange(firmware_sim.link.Request.ADVANCE, x.tobytes())
                continue
            seen.extend(x[:: max(1, len(x) // N_PREDICTIONS)])
            if len(seen) > 4 * N_PREDICTIONS:
                seen = seen[::2]
            start = perf_counter()
            parts.append(device.run_stream(x, y, _after(done, on_progress)))
            seconds += perf_counter() - start
            done += len(y)
            last, ok = parts[-1], parts[-1].statuses == 0
            latest.extend(
                zip(last.predictions[ok], y[ok], last.learn_instructions[ok], strict=True)
            )
            if on_figures is not None and latest and done % _FIGURES_EVERY < len(y):
                on_figures(_figures(device, latest))
    except StreamInterrupted as stopped:
        parts.append(stopped.result)
        seconds += perf_counter() - start
        interrupted = True
    except KeyboardInterrupt:
        interrupted = True
    predict, ask = [], device.predict if firmware.n_classes else device.predict_target
    behind = "sl_stages_look" in firmware.symbols  # a row is asked for when its time has come
    for row in [] if behind else seen[:: max(1, len(seen) // N_PREDICTIONS)]:
        ask(row)
        predict.append(device.last_call.learner)

    def joined(name: str) -> npt.NDArray[Any]:
        nothing = np.zeros((0, 3), np.float32) if not firmware.n_classes else np.zeros(0, np.int64)
        found = [getattr(part, name)[part.statuses == 0] for part in parts]
        return np.concatenate(found) if found else nothing

    came = [part.statuses == 0 for part in parts]

    return DeviceRun(
        board=firmware.board,
        firmware=firmware,
        predictions=joined("predictions"),
        learn_instructions=joined("learn_instructions"),
        predict_instructions=np.array(predict, np.int64),
        stack_peak=device.stack_peak_bytes(),
        state=device.read_state(),
        health=device.health(),
        seconds=seconds,
        interrupted=interrupted,
        logged=None if firmware.log is None else _last(firmware_sim.read_log(device)),
        answered=np.concatenate(came) if came else np.zeros(0, np.bool_),
    )


def _figures(device: Device, latest: deque[Any]) -> Figures:
    """Return how right the latest predictions were, what they took, and how the board is."""
    took = int(np.median([cost for _, _, cost in latest]))
    if device.firmware.n_classes:
        right = np.mean([predicted == truth for predicted, truth, _ in latest])
        of_late = f"{right:.0%} of the last {len(latest)} right"
    else:
        off = np.mean([abs(float(predicted[0]) - truth) for predicted, truth, _ in latest])
        of_late = f"off by {off:.3g} of late"
    health = device.health()
    return Figures(
        of_late,
        took,
        firmware_sim.model_cost(device.firmware.board, took).model_time_ms,
        health.step,
        health.blind,
        device.stored().commits,
        sum(device.hardware.cells.erasures.values()),
    )


def _last(logged: list[Logged]) -> Logged | None:
    return logged[-1] if logged else None


def _after(done: int, on_progress: Callable[[int], None]) -> Callable[[int, int], None]:
    return lambda n, _: on_progress(done + n)


def build(
    export_dir: Path,
    board: firmware_sim.Board | str,
    out: Path,
    key: bytes | None = None,
    log_samples: int = 0,
    optimize: firmware_sim.Optimize = "speed",
) -> Firmware:
    """Build the firmware of an export folder for a board, or for the shipped one of that name."""
    if isinstance(board, str):
        board = firmware_sim.get_board(board)
    return firmware_sim.build_firmware(
        export_dir, board, out, optimize=optimize, key=key, log_samples=log_samples
    )
