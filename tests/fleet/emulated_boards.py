"""Emulated boards at cables that can be pulled, for tests of the fleet's devices."""

from __future__ import annotations

import ctypes
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import firmware_sim as fs
from export import write_export
from streamlearn import MesuClassifier
from streamlearn.fleet.devices import Place, Registry
from streamlearn.fleet.devices.pushing import record_name
from streamlearn.recorder.writer import RecordWriter

LABELS = ("idle", "worn")
TIMEOUT_S = 0.4


def learner(seed: int = 0) -> MesuClassifier:
    return MesuClassifier((3, 4, 2), classes=LABELS, seed=seed)


def build(folder: Path, key: bytes | None = None) -> fs.Firmware:
    write_export(learner(), folder / "export")
    return fs.build_firmware(folder / "export", fs.get_board("nrf52840"), folder / "run", key=key)


def samples(seed: int, n: int) -> list[tuple[list[float], str]]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    x = np.round(rng.normal(size=(n, 3)) + 2 * y[:, None], 2)
    return [(row, LABELS[k]) for row, k in zip(x.tolist(), y.tolist(), strict=True)]


def message(number: int, x: Sequence[float], y: str | None) -> str:
    return json.dumps({"n": number, "x": list(x), "y": y})


class Cable:
    """The serial line of one board; what fails on it is set from outside.

    Attributes
    ----------
    cut_after : int or None
        Bytes that the host may still send before the line is gone.
    lose : int
        Answers that do not arrive.
    """

    def __init__(self, firmware: fs.Firmware, key: bytes | None = None) -> None:
        self.device = fs.Device(firmware, key=key)
        self.key = key  # that the host has
        self.plugged, self.cut_after, self.lose = True, None, 0
        self.power: fs.Cut | None = None
        self._waiting = b""
        self.lock = threading.Lock()
        self.requests: list[int] = []

    def open(self) -> tuple[fs.RemoteDevice, Callable[[], object]]:
        if not self.plugged:
            raise OSError("the cable is not plugged in")
        self._waiting = b""
        return fs.RemoteDevice(self, "board", TIMEOUT_S, key=self.key), lambda: None

    def read(self, size: int, /) -> bytes:
        found, self._waiting = self._waiting[:size], self._waiting[size:]
        return found

    def write(self, data: bytes, /) -> int:
        with self.lock:
            if not self.plugged:
                raise OSError("the cable was pulled")
            if self.power is not None:
                self.device.cut_power(self.power)
                self.power = None
            part = data if self.cut_after is None else data[: self.cut_after]
            self._sent(part)
            if self.cut_after is not None:
                self.cut_after -= len(part)
                if self.cut_after <= 0:
                    self.plugged, self.cut_after, self._waiting = False, None, b""
                    raise OSError("the cable was pulled")
        return len(data)

    def _sent(self, data: bytes) -> None:
        try:
            answer = self.device.send_bytes(data)
        except fs.PowerLost:
            self.device.power_on()
            return
        if answer and self.lose:
            self.lose -= 1
            return
        self._waiting += answer

    def mend(self) -> None:
        """Let nothing fail any more."""
        with self.lock:
            self.plugged, self.cut_after, self.lose, self.power = True, None, 0, None
            self.device._cut = self.device.hardware.cells.cut = None

    def flip(self) -> None:
        """Flip a bit of a weight in the board's memory."""
        offset = learner().state.dtype.fields["mu"][1]  # type: ignore[index]
        firmware = self.device.firmware
        at = firmware.address_of("sl_state") - firmware.board.ram.origin + offset
        ctypes.c_uint8.from_buffer(self.device._ram, at).value ^= 1


def place(cable: Cable) -> Place:
    return Place(cable.open, (fs.FirmwareSimError, OSError), (fs.RefusedError,))


def registered(
    folder: Path, names: Sequence[str], clock: Callable[[], float] | None = None
) -> Registry:
    registry = Registry(folder, create=True, **({} if clock is None else {"clock": clock}))
    for name in names:
        made: Any = learner()
        record = record_name(name, 0)
        (folder / record).parent.mkdir(parents=True, exist_ok=True)
        RecordWriter.create(folder / record, made).close()
        registry.add(
            name, "cable", None, "nrf52840", "0" * 64, "accuracy", made.to_bytes(), record,
            made.n_samples, made.state_sha256,
        )  # fmt: skip
    return registry


def alone(rows: Sequence[tuple[Sequence[float], Any]]) -> tuple[MesuClassifier, list[Any]]:
    """Feed a learner by itself: what a device has to be, and to have said."""
    made = learner()
    said = [made.test_then_learn_one(np.array(x, np.float32), y) for x, y in rows]
    return made, said
