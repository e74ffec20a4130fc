"""What a learner costs on a board: instructions and bytes, counted in the emulator."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import firmware_sim
from export import write_export
from streamlearn.streams import load_gas_concentration, load_gas_drift
from tabled.known import block, value
from tabled.learners import is_classifier, learners, make, shape

BOARDS = ("rp2040", "nrf52840")
N_COUNTED, N_PREDICTIONS = 200, 50


@cache
def counted(name: str, board_name: str) -> dict[str, int]:
    """Median instructions inside the learner over the stream's first samples, and its bytes."""
    return measured(make(name), board_name, *samples(not is_classifier(name)))


def measured(learner: Any, board_name: str, x: Any, y: Any) -> dict[str, int]:
    """The same of a learner as it is, over samples of its own."""
    target = learner.spec.n_classes == 0
    with tempfile.TemporaryDirectory() as folder:
        write_export(learner, Path(folder) / "export")
        board = firmware_sim.get_board(board_name)
        firmware = firmware_sim.build_firmware(
            Path(folder) / "export", board, Path(folder) / "build"
        )
        device = firmware_sim.Device(firmware)
        learn = int(np.median(device.run_stream(x, y).learn_instructions))
        ask = device.predict_target if target else device.predict
        counts: dict[bool, list[int]] = {True: [], False: []}
        for row in x[:: max(1, len(x) // N_PREDICTIONS)]:
            for draws, each in counts.items():
                ask(row, draws=draws)
                each.append(device.last_call.learner)
        return {
            "learn": learn,
            "predict": int(np.median(counts[True])),
            "without draws": int(np.median(counts[False])),
            "state": firmware.ram_bytes.state,
            "flash": firmware.flash_bytes,
        }


@cache
def samples(target: bool) -> tuple[Any, Any]:
    """Rows and labels, or targets, of the gas stream's start."""
    stream = load_gas_concentration(limit=N_COUNTED) if target else load_gas_drift()
    return stream.x[:N_COUNTED], stream.y[:N_COUNTED]


@value
def count(name: str, board_name: str, what: str) -> str:
    """One figure of a learner on a board."""
    return f"{counted(name, board_name)[what]:,}"


@value
def share(name: str, of: str, board_name: str, what: str) -> str:
    """One learner's figure in percent of another's."""
    return f"{100 * counted(name, board_name)[what] / counted(of, board_name)[what]:.0f}"


@block
def instructions() -> Iterator[str]:
    """Instructions, state and flash of every learner."""
    heads = ("learn", "predict", "without draws", "state", "flash")
    yield (
        "| learner | board | instructions to learn | to predict | without draws | state, bytes "
        "| flash, bytes |"
    )
    yield "|---|---|" + "---:|" * len(heads)
    for name in learners():
        for board in BOARDS:
            figures = " | ".join(count(name, board, what) for what in heads)
            yield (
                f"| `{name}`, {make(name).arithmetic}, {shape(name)} "
                f"| {board} ({firmware_sim.get_board(board).core.name}) | {figures} |"
            )


MEMORIES: dict[str, dict[str, Any]] = {
    "none": {},
    "`mean`, 64 columns": {"memory": "mean"},
    "`lda`, 32 columns": {"memory": "lda", "memory_features": 32},
    "`lda`, in 12 KB": {"memory": "lda", "memory_bytes": 12 * 1024},
    "`lda`, the 128 inputs": {"memory": "lda", "memory_features": 0},
}


@block
def memories() -> Iterator[str]:
    """What a memory costs the gas learner: after 180 samples its scale is fixed."""
    yield (
        "| memory | state, bytes | "
        + " | ".join(
            f"{what}, {firmware_sim.get_board(board).core.name}"
            for what in ("learn", "predict")
            for board in BOARDS
        )
        + " |"
    )
    yield "|---|" + "---:|" * (1 + 2 * len(BOARDS))
    x, y = samples(False)
    for title, settings in MEMORIES.items():
        learner = make("MesuClassifier", **settings).learn_many(x[:180], y[:180].tolist())
        found = [measured(learner, board, x[180:], y[180:]) for board in BOARDS]
        cells = [f"{one[what]:,}" for what in ("learn", "predict") for one in found]
        yield f"| {title} | {learner.state.nbytes:,} | " + " | ".join(cells) + " |"
