"""Averaged weights: predictions read a running mean of the weights, and learning the weights.

The weights of a network that learns from one sample after another swing around what they tend to;
their average does not. Gradients are of the weights themselves; where each step has a label,
learning is what it is without an average. Every format and bound: NUMBERS.md beside this file; the
step in integers: ``golden``; in C: ``kernel``; in floats: :mod:`streamlearn.averages`.

References
----------
Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control and
Optimization 30 (1992): the mean of all iterates. Here it is of the last ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from quant.errors import ConfigError
from quant.hyperparameters import is_whole
from quant.layout import REAL, Field, State
from quant.starts import Copy, Place

#: One row in so many follows the weights at each learned step.
ROWS = 64
SHIFT_MAX = 12
WINDOW_MAX = ROWS << SHIFT_MAX

_KERNEL = Path(__file__).parent / "kernel"


def check(window: Any, leaks: tuple[int, ...]) -> int:
    """Return the learned steps that an average goes back over; 0: there is none.

    Raises
    ------
    ConfigError
        If it is neither 0 nor a power of two within the format, or the network does not spike.
    """
    known = is_whole(window) and (window == 0 or ROWS <= window <= WINDOW_MAX)
    if not known or int(window) & (int(window) - 1):
        raise ConfigError(
            f"average_window={window!r}: expected 0 for no average, or a power of two, {ROWS} to "
            f"{WINDOW_MAX} learned steps"
        )
    if window and not leaks:
        raise ConfigError(
            f"average_window={window}: only spiking networks have averaged weights; leave it out, "
            "or make a SpikingClassifier"
        )
    return int(window)


def fields(window: int, n_synapses: int, numbers: str) -> list[Field]:
    """Return what an average keeps in the state; nothing if there is none."""
    if not window:
        return []
    form = "" if numbers in REAL else ", in its format"
    dtype = REAL.get(numbers, "<i2")
    return [Field("average", dtype, f"running mean of mu, for predictions{form}", (n_synapses,))]


def start(state: State) -> None:
    """Set the average to the weights, in place: before the first step, or once they are given."""
    if "average" in (state.dtype.names or ()):
        state["average"] = state["mu"]


def starts(window: int, n_synapses: int) -> list[Copy]:
    """Return what :func:`start` copies."""
    return [Copy(Place("average", 0, 1, n_synapses, n_synapses), "mu", 0)] if window else []


def shown(state: State) -> State:
    """Return a state whose weights are the average; the state itself if there is none."""
    if "average" not in (state.dtype.names or ()):
        return state
    found: State = state.copy()
    found["mu"] = state["average"]
    return found


def shift(window: int, n_samples: int) -> int:
    """Return log2 of what a row's average is divided by: it grows until the window is reached.

    Parameters
    ----------
    window : int
    n_samples : int
        Steps learned before.
    """
    visits = n_samples // ROWS + 1
    return min((window // ROWS).bit_length(), visits.bit_length()) - 1


def rows_of(first: int, n_samples: int) -> slice:
    """Return the rows of a layer that follow at a step; ``first``: rows of all layers below."""
    return slice(-(first + n_samples) % ROWS, None, ROWS)


def kernel_folders(window: int, numbers: str) -> tuple[Path, ...]:
    """Return the folders of the average's C files; without one, that of doing nothing."""
    if not window:
        return (_KERNEL / "none",)
    return _KERNEL / "running", _KERNEL / "running" / numbers


def constants(window: int) -> dict[str, object]:
    """Return name and value of each constant in C."""
    if not window:
        return {}
    return {
        "SL_AVERAGE_ROWS": f"{ROWS}u",
        "SL_AVERAGE_SHIFT": (window // ROWS).bit_length() - 1,
    }
