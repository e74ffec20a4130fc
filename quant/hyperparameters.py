"""Numbers given as hyperparameters: Python's own, or NumPy's, which become Python's."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

import numpy as np

from quant.errors import ConfigError
from quant.labels import shown

#: Hyperparameters beyond these are mistakes, and would overflow what is computed from them.
SMALL, LARGE = 1e-9, 1e9


def is_whole(value: object) -> bool:
    """Tell whether a value is an integer, Python's or NumPy's; truth values are none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def real(value: object) -> float | None:
    """Return a real number, Python's or NumPy's, as a float; None for all else.

    Truth values are none, and neither are integers that no float holds. NaN is one.
    """
    if isinstance(value, float | np.floating):
        return float(value)
    if not is_whole(value):
        return None
    try:
        return float(int(value))  # type: ignore[call-overload]
    except OverflowError:
        return None


def keep_plain_numbers(config: Any, optional: Collection[str]) -> None:
    """Refuse fields of a frozen dataclass that are no real numbers; make NumPy's Python's.

    Fields marked ``per_layer`` may be tuples, those marked ``word`` are text: their class checks
    them.

    A ``np.float32`` would compute the engines' constants with 24 bits, and JSON, so a state image,
    takes none.

    Parameters
    ----------
    config : dataclass instance
    optional : collection of str
        Fields that may be None.

    Raises
    ------
    ConfigError
        If a field is no number.
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if value is None and field.name in optional:
            continue
        if field.metadata.get("per_layer") or field.metadata.get("word"):
            continue
        found = real(value)
        if found is None:
            wanted = "a number" + is_whole(value) * " that a float holds"
            raise ConfigError(f"{field.name}={shown(value)}: expected {wanted}")
        object.__setattr__(config, field.name, int(value) if is_whole(value) else found)
