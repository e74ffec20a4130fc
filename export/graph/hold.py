"""The decisions of :mod:`quant.front_end.hold` as ONNX nodes; the features' memory is constant.

A graph predicts only, so it needs what a value is as an input, not what is remembered of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from export.graph.builder import GraphBuilder
from quant.front_end.hold import EARLY, PERSIST, QUIET_MAX, QUIET_MIN, REPEATS
from quant.layout import State


class Seen(NamedTuple):
    """As :class:`quant.front_end.hold.Seen`, ``bool[batch, n_features]`` each.

    ``closer`` is needed where :func:`asks_closer` says so.
    """

    away: str
    far: str
    beyond: str
    near: str
    same: str
    closer: str | None


class Decision(NamedTuple):
    """As :class:`quant.front_end.hold.Decision`, ``bool[batch, n_features]`` each."""

    restart: str
    enters: str
    held: str
    silent: str


def _memory(state: State) -> tuple[npt.NDArray[Any], ...]:
    names = ("variance", "streak", "repeats", "excursions", "feature_count")
    variance, streak, repeats, excursions, count = (state[name][0] for name in names)
    integers = (part.astype(np.int64) for part in (streak, repeats, excursions, count))
    return variance > 0, *integers


def asks_closer(state: State) -> npt.NDArray[np.bool_]:
    """Say of which features the graph must know what a value is closer to, ``bool[n]``."""
    known, streak, _, _, count = _memory(state)
    early: npt.NDArray[np.bool_] = ~known & (streak > 0) & (count < EARLY)
    return early


def decide(g: GraphBuilder, seen: Seen, state: State, frozen_at: int | None = None) -> Decision:
    """Decide what becomes of a value of every feature.

    Parameters
    ----------
    g : GraphBuilder
    seen : Seen
    state : State
        Its memory becomes constants.
    frozen_at : int, optional
        Statistics of so many samples stay as they are.
    """
    known, streak, repeats, excursions, count = _memory(state)
    recent, positive, quiet = excursions > 0, np.maximum(streak, 0), np.minimum(streak, 0)

    def both(*masks: Any) -> str:
        found = masks[0]
        for mask in masks[1:]:
            found = g.op("And", found, mask)
        return str(found)

    def either(*masks: Any) -> str:
        found = masks[0]
        for mask in masks[1:]:
            found = g.op("Or", found, mask)
        return str(found)

    other = g.op("Not", seen.same)
    far = both(seen.far, known)
    near = both(seen.near, known, g.op("Not", far))
    enough = quiet - 1 <= -np.clip(count >> 2, QUIET_MIN, QUIET_MAX)
    restart = either(
        both(far, other, positive + 1 >= PERSIST),
        both(near, other, enough),
    )
    if seen.closer is not None:
        early = both(seen.away, seen.closer, asks_closer(state))
        restart = either(restart, both(early, either(other, count == 1)))
    fixed = known & (count >= frozen_at) if frozen_at is not None else known & False
    restart = both(restart, ~fixed)
    waits = either(
        fixed,
        both(seen.away, ~known & (positive == 0) & ~recent),
        both(far, seen.same),
        both(near, seen.same, (repeats + 1 >= REPEATS) & (quiet == 0)),
    )
    held = both(far, g.op("Not", restart))
    return Decision(
        restart,
        either(g.op("Not", waits), restart),
        held,
        both(held, seen.beyond, ((positive > 0) | ~recent) & ~(fixed & (positive == PERSIST))),
    )
