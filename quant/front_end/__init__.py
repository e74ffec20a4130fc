"""The front end: what turns raw sensor values into the inputs of a network."""

from __future__ import annotations

import numpy as np

from quant.errors import ShapeError
from quant.layout import REAL, Field, State

#: ``standardise``: by a running mean and variance; ``frozen``: by those of a feature's first
#: samples, so many as the window; ``none``: as the values are, clamped.
FRONT_ENDS = ("standardise", "frozen", "none")

#: Inputs are Q3.4,
INPUT_FRAC_BITS = 4
#: within this.
INPUT_MAX = 127

#: Binary exponent of a feature's statistics before the first sample; the least that they reach.
EXPONENT_START, EXPONENT_LEAST = 127, -116
#: What a mean and a variance in integers are below.
STATISTICS_END = 1 << 28
#: Samples that statistics are taken over, at most.
WINDOW_MAX = 32768


def fields(front_end: str, n_features: int, numbers: str) -> list[Field]:
    """Return what the front end keeps in the state.

    Parameters
    ----------
    front_end : {"standardise", "frozen", "none"}
    n_features : int
    numbers : {"integer", "float32", "float64"}
    """
    if front_end == "none":
        return []
    n = (n_features,)
    memory = [
        Field(
            "feature_count",
            "<u2",
            "samples in a feature's statistics, up to the window",
            n,
            most=WINDOW_MAX,
        ),
        Field("streak", "i1", "values held in a row; below 0: minus the quiet ones", n, 0, -64, 16),
        Field("repeats", "u1", "equal values in a row, up to 64", n, most=64),
        Field("excursions", "u1", "above 0: a value was held not long ago", n),
    ]
    if numbers in REAL:
        real = REAL[numbers]
        return [
            Field("mean", real, "running mean of a feature", n),
            Field("variance", real, "running variance of a feature", n, least=0),
            Field("reference", real, "the value that the next ones are compared with", n),
            *memory,
        ]
    top = STATISTICS_END - 1
    return [
        Field("mean", "<i4", "running mean, in units of 2^-exponent", n, 0, -top, top),
        Field(
            "variance",
            "<u4",
            "running variance, in units of 2^-(2 exponent), below 2^28",
            n,
            most=top,
        ),
        Field("reference", "<u4", "the value that the next ones are compared with, binary32", n),
        Field("mean_low", "<u2", "16 more fraction bits of the mean", n),
        Field(
            "exponent",
            "i1",
            "binary exponent of a feature's statistics",
            n,
            EXPONENT_START,
            EXPONENT_LEAST,
        ),
        *memory,
    ]


def check_state(state: State) -> None:
    """Refuse a state whose features refer to no number.

    Raises
    ------
    ShapeError
        If a ``reference`` is NaN or infinite: no raw value is.
    """
    if "reference" not in (state.dtype.names or ()):
        return
    reference = state["reference"][0].view(f"<f{state['reference'].itemsize}")
    if not np.isfinite(reference).all():
        raise ShapeError(
            f"state whose reference of feature {int(np.argmin(np.isfinite(reference)))} is no "
            "finite number, which every raw value is; was it damaged?"
        )
