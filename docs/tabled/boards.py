"""Boards that are shipped, and how much of a state a few samples change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import firmware_sim
from streamlearn.cli.board_table import commits_of
from streamlearn.cli.options import DEMO_STATE_BYTES
from streamlearn.streams import load_gas_drift
from tabled.known import block
from tabled.learners import is_classifier, learners, make, shape


@block
def boards() -> Iterator[str]:
    """Every board that is shipped."""
    yield "| name | core | clock | flash | RAM | current model | commits | in QEMU |"
    yield "|---|---|---:|---:|---:|---|---:|---|"
    for board in firmware_sim.list_boards():
        default = " (default)" if board.name == firmware_sim.DEFAULT_BOARD else ""
        now = board.current
        other = f"`{board.qemu.machine}`" if board.qemu else ""
        current = f"{now.active_ua_per_mhz:g} µA/MHz at {now.supply_v} V" if now else "none"
        yield (
            f"| `{board.name}`{default} | {board.core.name} | {board.clock_hz / 1e6:g} MHz "
            f"| {board.flash.bytes // 1024:,} KiB | {board.ram.bytes // 1024:,} KiB | {current} "
            f"| {commits_of(board, DEMO_STATE_BYTES)} | {other} |"
        )


@block
def wear() -> Iterator[str]:
    """How much of a state a few samples change: what a delta would have to write."""
    yield "| learner | samples between commits | 16-byte units of the state that differ |"
    yield "|---|---:|---:|"
    stream = load_gas_drift(limit=600)
    for name in filter(is_classifier, learners()):
        learner = make(name)
        learner.learn_many(stream.x[:500], stream.y[:500])
        before, at = _units(learner), 500
        for n in (1, 10, 100):
            learner.learn_many(stream.x[at : 500 + n], stream.y[at : 500 + n])
            at = 500 + n
            differ = (before != _units(learner)).any(1).mean()
            yield f"| `{name}`, {shape(name)} | {n} | {100 * differ:.0f} % |"


def _units(learner: Any) -> Any:
    content = np.frombuffer(learner.state.tobytes(), np.uint8)
    return content[: len(content) // 16 * 16].reshape(-1, 16)
