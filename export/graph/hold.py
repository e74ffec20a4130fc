"""The decisions of :mod:`quant.front_end.hold` in a graph; the features' memory may be constant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from export.graph.whole import Value, clip, equal, floor, maximum, minimum, where
from quant.front_end.hold import (
    EARLY,
    PERSIST,
    QUIET_MAX,
    QUIET_MIN,
    REMEMBERED,
    REMEMBERED_ALONE,
    REPEATS,
    TICK,
)


class Seen(NamedTuple):
    """As :class:`quant.front_end.hold.Seen`, ``bool[batch, n_features]`` each.

    ``closer`` is made only where it can matter.
    """

    known: Any
    away: Any
    far: Any
    beyond: Any
    near: Any
    same: Any
    closer: Callable[[], Any]


class Memory(NamedTuple):
    """As :class:`quant.front_end.hold.Memory`."""

    streak: Any
    repeats: Any
    excursions: Any


class Decision(NamedTuple):
    """As :class:`quant.front_end.hold.Decision`."""

    memory: Memory
    restart: Any
    enters: Any
    held: Any
    silent: Any
    moves: Any


def decide(
    seen: Seen, old: Memory, count: Any, n_samples: Any, frozen_at: int | None = None
) -> Decision:
    """Decide what becomes of a value of every feature.

    Parameters
    ----------
    seen : Seen
    old : Memory
    count : number[n]
        Samples in a feature's statistics, from 1.
    n_samples : number
        Samples learned before this one.
    frozen_at : int, optional
        Statistics of so many samples stay as they are.
    """
    known, away, far, beyond, near, same, closer = seen
    fixed = known & (count >= frozen_at) if frozen_at is not None else known & False
    recent = old.excursions > 0
    ticks = equal(n_samples - TICK * floor(n_samples * (1 / TICK)), 0)
    excursions = old.excursions - where(recent & ticks, 1, 0)
    positive = maximum(old.streak, 0)
    far, near = far & known, near & ~far & known

    other = ~known & away
    first = other & equal(positive, 0) & ~recent
    second = other & ~first
    early: Any = ~known & (positive > 0) & (count < EARLY)
    if isinstance(early, Value) or early.any():
        early = early & second & closer() & (~same | equal(count, 1))

    held_once = where(far, maximum(positive, 1), 0)
    streak = where(far & ~same, positive + 1, held_once)
    begins = far & equal(positive, 0) & (count >= EARLY)
    excursions = where(begins, REMEMBERED, excursions)

    quiet_streak = minimum(old.streak, 0)
    repeats = where(near & same, minimum(old.repeats + 1, REPEATS), 0)
    streak = where(near & same, quiet_streak, streak)
    streak = where(near & ~same, quiet_streak - 1, streak)
    quiet = clip(floor(count * 0.25), QUIET_MIN, QUIET_MAX)

    streak = clip(streak, -QUIET_MAX, PERSIST)
    restart = early | (streak >= PERSIST) | ((streak <= -quiet) & near & ~same)
    restart = restart & ~fixed
    waits = fixed | first | (far & same) | (equal(repeats, REPEATS) & equal(streak, 0))
    if frozen_at is not None:
        waits = waits | (~known & ~away)
    fresh = restart | second
    lasting = fixed & equal(positive, PERSIST)
    held = far & ~restart
    return Decision(
        Memory(
            where(first, 1, where(restart, 0, streak)),
            where(restart, 0, repeats),
            where(first, REMEMBERED_ALONE, where(fresh, 0, excursions)),
        ),
        restart,
        ~waits | restart,
        held,
        held & beyond & ((positive > 0) | ~recent) & ~lasting,
        ~near | restart,
    )
