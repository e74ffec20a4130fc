"""Ranges that the user knows: the frozen front end starts with them and looks for none."""

from __future__ import annotations

from typing import Any

import numpy as np

from quant.errors import ConfigError
from quant.front_end import EXPONENT_LEAST, EXPONENT_START
from quant.front_end.statistics import MAGNITUDE_BITS, MEAN_FRAC_BITS, RATE_ONE
from quant.labels import shown
from quant.layout import State

Ranges = tuple[tuple[float, float], ...]

#: A standard deviation keeps this many bits, or fewer beside a large mean, but no fewer than these.
SPREAD_BITS, SPREAD_BITS_LEAST = 14, 5


def read_ranges(ranges: Any, n_features: int, front_end: str) -> Ranges | None:
    """Return ``(low, high)`` of each feature as floats; None if none are given.

    Raises
    ------
    ConfigError
        If the front end isn't "frozen", there is not one range per feature, or one is no range:
        ``low < high``, finite, wide enough beside its values for fixed point.
    """
    if ranges is None:
        return None
    if front_end != "frozen":
        raise ConfigError(
            f'front_end_ranges with front_end={front_end!r}: known ranges are for "frozen"; '
            "the others find or need none"
        )
    try:
        found = tuple((float(low), float(high)) for low, high in ranges)
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(
            f"front_end_ranges={shown(ranges)}: expected (low, high) of each feature"
        ) from error
    if len(found) != n_features:
        raise ConfigError(
            f"front_end_ranges has {len(found)} ranges: expected {n_features}, one per feature"
        )
    for feature, (low, high) in enumerate(found):
        if not (np.isfinite([low, high]).all() and low < high and abs(low) + abs(high) < 2.0**127):
            raise ConfigError(
                f"front_end_ranges: feature {feature} has ({low:g}, {high:g}), expected two finite "
                "numbers, the lower one first"
            )
    exponent = _exponents(found)
    spread = _statistics(found)[1]
    narrow = (np.ldexp(spread, exponent) < 1 << SPREAD_BITS_LEAST) | (exponent < EXPONENT_LEAST)
    if narrow.any():
        feature = int(np.argmax(narrow))
        raise ConfigError(
            f"front_end_ranges: feature {feature} has {found[feature]}, too narrow beside its own "
            "values for fixed point; subtract a constant from the feature first"
        )
    return found


def preset(ranges: Ranges, window: int, state: State) -> None:
    """Set the statistics of every feature to those of a uniform value in its range, in place.

    The mean is the range's middle, the standard deviation its width / √12, so that z is within
    ±1.73 inside it; the count says that nothing more is to be found.
    """
    mean, spread = _statistics(ranges)
    state["feature_count"] = window
    if "exponent" not in (state.dtype.names or ()):
        state["mean"], state["variance"], state["reference"] = mean, spread**2, mean
        return
    exponent = _exponents(ranges)
    fine = np.floor(np.ldexp(mean, exponent + MEAN_FRAC_BITS) + 0.5).astype(np.int64)
    state["mean"], state["mean_low"] = fine >> MEAN_FRAC_BITS, fine & RATE_ONE - 1
    state["variance"] = np.floor(np.ldexp(spread**2, 2 * exponent) + 0.5)
    state["exponent"] = exponent
    state["reference"] = mean.astype(np.float32).view(np.uint32)


def _statistics(ranges: Ranges) -> tuple[Any, Any]:
    low, high = np.array(ranges, np.float64).T
    return (low + high) / 2, (high - low) / np.sqrt(12)


def _exponents(ranges: Ranges) -> Any:
    """Return the finest exponent that 14 bits of deviation and 27 of mean leave."""
    mean, spread = _statistics(ranges)
    of_spread = SPREAD_BITS - np.frexp(spread)[1]
    of_mean = MAGNITUDE_BITS - 1 - np.frexp(np.where(mean == 0, 1e-300, mean))[1]
    return np.minimum(np.minimum(of_spread, of_mean), EXPONENT_START).astype(np.int64)
