"""Runs a learner on a simulated board: instructions of each sample, and bytes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import firmware_sim
from export import write_export
from firmware_sim.cores import CORES


@dataclass(frozen=True)
class OnBoard:
    """What a learner costs on a board.

    Attributes
    ----------
    core : str
    learn, predict, predict_mean : int64[n]
        Instructions inside the learner, for each sample; the last one without draws.
    state_bytes, scratch_bytes, flash_bytes : int
    stack_bytes : int
        The deepest that the stack was.
    state : bytes
        What it has learned.
    """

    core: str
    learn: npt.NDArray[np.int64]
    predict: npt.NDArray[np.int64]
    predict_mean: npt.NDArray[np.int64]
    state_bytes: int
    scratch_bytes: int
    flash_bytes: int
    stack_bytes: int
    state: bytes


#: Bytes of flash and of RAM that hold every network measured here.
ROOM = 4 << 20


#: Cores with an instruction set of their own: the Cortex-M0 has the Cortex-M0+'s.
CORES_COUNTED = tuple(core for core in CORES if core != "cortex-m0")


def roomy_boards() -> list[firmware_sim.Board]:
    """Return a board for each core of :data:`CORES_COUNTED`, with room for every network."""
    first: dict[str, firmware_sim.Board] = {}
    for board in firmware_sim.list_boards():
        first.setdefault(board.core.name, board)
    return [
        replace(board, flash=replace(board.flash, bytes=ROOM), ram=replace(board.ram, bytes=ROOM))
        for board in (first[core] for core in CORES_COUNTED if core in first)
    ]


def on_board(
    learner: Any,
    board: str | firmware_sim.Board,
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    rows: Iterable[Any],
    *,
    number: bool = False,
    optimize: firmware_sim.Optimize = "speed",
    extra_flags: Sequence[str] = (),
) -> OnBoard:
    """Build firmware of a learner, let it learn a stream there, then predict some rows.

    Parameters
    ----------
    learner
        With the state that it starts from.
    board : str or Board
    x, y : arrays
        The stream.
    rows : iterable
        What it predicts afterwards, without learning.
    number : bool
        Whether it predicts a number, not a class.
    optimize : "speed" or "size"
    extra_flags : sequence of str
        For the compiler.
    """
    if isinstance(board, str):
        board = firmware_sim.get_board(board)
    with tempfile.TemporaryDirectory() as folder:
        write_export(learner, Path(folder) / "export")
        firmware = firmware_sim.build_firmware(
            Path(folder) / "export",
            board,
            Path(folder) / "firmware",
            optimize=optimize,
            extra_flags=extra_flags,
        )
        device = firmware_sim.Device(firmware)
        learn = device.run_stream(x, y).learn_instructions
        ask = device.predict_target if number else device.predict
        counts: dict[bool, list[int]] = {True: [], False: []}
        for row in rows:
            for draws, each in counts.items():
                ask(row, draws=draws)
                each.append(device.last_call.learner)
    ram = firmware.ram_bytes
    return OnBoard(
        board.core.name,
        np.asarray(learn, np.int64),
        np.array(counts[True], np.int64),
        np.array(counts[False], np.int64),
        ram.state,
        ram.scratch,
        firmware.flash_bytes,
        device.stack_peak_bytes(),
        device.read_state(),
    )
