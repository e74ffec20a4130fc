"""When a spiking learner sends an event: what a user says of it, as a network has it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from quant.errors import ConfigError
from quant.hyperparameters import is_whole


def events_of(threshold: Any, drift: Any) -> tuple[int, ...]:
    """Return threshold and leak of the events as a network has them; ``()`` without events.

    Parameters
    ----------
    threshold : float or None
        In the front end's units, 1/16 to 7.94; rounded to sixteenths.
    drift : int
        0 to 8.

    Raises
    ------
    ConfigError
        If one of them is something else.
    """
    if not is_whole(drift) or not 0 <= drift <= 8:
        raise ConfigError(f"drift={drift!r}: expected 1 to 8, or 0 for a reference that stays")
    if threshold is None:
        return ()
    real = is_whole(threshold) or isinstance(threshold, float | np.floating)
    sixteenths = math.floor(16 * threshold + 0.5) if real and math.isfinite(threshold) else 0
    if not 1 <= sixteenths <= 127:
        raise ConfigError(f"threshold={threshold!r}: expected 1/16 to 7.94, or None for no events")
    return sixteenths, int(drift)
