"""When a spiking learner sends an event: what a user says of it, as a network has it."""

from __future__ import annotations

import math
from typing import Any

from quant.errors import ConfigError
from quant.hyperparameters import is_whole, real
from quant.labels import shown


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
        raise ConfigError(f"drift={shown(drift)}: expected 1 to 8, or 0 for a reference that stays")
    if threshold is None:
        return ()
    units = real(threshold)
    if units is None or not math.isfinite(units):
        units = 0.0
    sixteenths = math.floor(16 * units + 0.5)
    if not 1 <= sixteenths <= 127:
        raise ConfigError(
            f"threshold={shown(threshold)}: expected 1/16 to 7.94, or None for no events"
        )
    return sixteenths, int(drift)
