"""Which values enter a feature's statistics: the decisions, alike in every arithmetic.

Golden model and float reference measure how far a value lies from the mean, in their own numbers;
what follows from it is decided here. C: ``sl_hold.h``. In words: NUMBERS.md beside this file.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from quant.integers import clip

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: A value farther than this many standard deviations from the mean enters as if it were there,
HOLD = 8
#: and beyond this many it is no input at all, unless such values recur.
BEYOND = 64
#: So many held values in a row: the statistics start again from them.
PERSIST = 16
#: A value is near another within a standard deviation divided by this.
NEAR = 128
#: So many values in a row near each other, but not equal, and the statistics start again: a
#: quarter of the samples that they hold, within these.
QUIET_MIN, QUIET_MAX = 8, 64
#: After so many equal values in a row the statistics wait.
REPEATS = 64
#: Statistics of fewer samples say little: a constant may have been a bad value.
EARLY = 16
#: An excursion is remembered so many times :data:`TICK` samples: one from known statistics, and
#: one from a constant.
REMEMBERED, REMEMBERED_ALONE = 64, 255
TICK = 16


class Seen(NamedTuple):
    """What is known of a value, ``bool[n]`` each.

    Attributes
    ----------
    known : bool[n]
        The variance is above 0.
    away : bool[n]
        The value isn't the mean.
    far, beyond : bool[n]
        More than HOLD, and BEYOND, standard deviations from the mean.
    near : bool[n]
        Within a standard deviation / NEAR of the reference.
    same : bool[n]
        Equal to the reference.
    closer : bool[n]
        Closer to the reference than to the mean.
    """

    known: Mask
    away: Mask
    far: Mask
    beyond: Mask
    near: Mask
    same: Mask
    closer: Mask


class Memory(NamedTuple):
    """What the front end remembers of a feature's last values, ``int64[n]`` each.

    Attributes
    ----------
    streak : int64[n]
        Above 0: how many values were held in a row; below 0: minus how many were quiet.
    repeats : int64[n]
        How many values in a row were equal, up to REPEATS.
    excursions : int64[n]
        Above 0: a value was held in the last ``TICK * excursions`` samples.
    """

    streak: Integers
    repeats: Integers
    excursions: Integers


class Decision(NamedTuple):
    """What becomes of a value.

    Attributes
    ----------
    memory : Memory
        The new one.
    restart : bool[n]
        The statistics start again from the reference and this value.
    enters : bool[n]
        The value enters mean and variance.
    held : bool[n]
        It enters, or is an input, as if it were HOLD standard deviations away.
    silent : bool[n]
        It is no input: 0.
    moves : bool[n]
        It becomes the reference.
    """

    memory: Memory
    restart: Mask
    enters: Mask
    held: Mask
    silent: Mask
    moves: Mask


def decide(
    seen: Seen, old: Memory, count: Integers, n_samples: int, frozen_at: int | None = None
) -> Decision:
    """Decide what becomes of a value of every feature.

    Parameters
    ----------
    seen : Seen
    old : Memory
    count : int64[n]
        Samples in a feature's statistics, from 1.
    n_samples : int
        Samples learned before this one.
    frozen_at : int, optional
        Statistics of so many samples stay as they are; by default they go on.
    """
    known, away, far, _, near, same, closer = seen
    fixed = np.zeros(len(known), np.bool_)
    if frozen_at is not None:
        fixed = known & (count >= frozen_at)
    recent = old.excursions > 0
    excursions = old.excursions - (recent & (n_samples % TICK == 0))
    positive = np.maximum(old.streak, 0)
    far, near = far & known, near & ~far & known

    # A constant: its first other value waits for a second one.
    other = ~known & away
    first = other & (positive == 0) & ~recent
    second = other & ~first
    # A reading that comes twice, after one that did, is no sign that the constant was bad.
    early = second & (positive > 0) & (count < EARLY) & closer & (~same | (count == 1))

    # Far from the mean.
    streak = np.where(far & ~same, positive + 1, np.where(far, np.maximum(positive, 1), 0))
    excursions = np.where(far & (positive == 0) & (count >= EARLY), REMEMBERED, excursions)

    # Near the reference.
    repeats = np.where(near & same, np.minimum(old.repeats + 1, REPEATS), 0)
    streak = np.where(near & same, np.minimum(old.streak, 0), streak)
    streak = np.where(near & ~same, np.minimum(old.streak, 0) - 1, streak)
    quiet = clip(count >> 2, QUIET_MIN, QUIET_MAX)

    streak = clip(streak, -QUIET_MAX, PERSIST)
    restart = early | (streak >= PERSIST) | (streak <= -quiet) & near & ~same
    restart &= ~fixed
    waits = fixed | first | far & same | (repeats == REPEATS) & (streak == 0)
    if frozen_at is not None:
        waits |= ~known & ~away
    fresh = restart | second
    lasting = fixed & (positive == PERSIST)
    return Decision(
        Memory(
            np.where(first, 1, np.where(restart, 0, streak)),
            np.where(restart, 0, repeats),
            np.where(first, REMEMBERED_ALONE, np.where(fresh, 0, excursions)),
        ),
        restart,
        ~waits | restart,
        far & ~restart,
        far & ~restart & seen.beyond & ((positive > 0) | ~recent) & ~lasting,
        ~near | restart,
    )


def blind_features(state: Any) -> Mask:
    """Return which features the last learned sample did not show to the network, ``bool[n]``.

    Its value was held, or the last QUIET_MIN values and more lay so close together, seen from the
    feature's standard deviation, that the network could not tell them apart.
    """
    streak = state["streak"][0]
    found: Mask = (streak > 0) | (streak <= -QUIET_MIN)
    return found


def blind(state: Any) -> int:
    """Return how many features are blind (:func:`blind_features`)."""
    return int(np.count_nonzero(blind_features(state)))
