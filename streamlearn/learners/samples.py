"""Raw samples of a signal, as stages in front of a learner take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.errors import InputValueError, ShapeError
from quant.stages import Stages

Floats = npt.NDArray[np.float32]
Sample = Mapping[Any, float] | Sequence[float] | npt.NDArray[Any]


def read_sample(x: Sample, stages: Stages) -> Floats:
    """Return one sample, ``float32[channels]``; what has names is matched by name.

    Raises
    ------
    ShapeError
        If there are other names or another number of channels.
    InputValueError
        If a value is no finite number of float32.
    """
    names = stages.channel_names
    if isinstance(x, Mapping):
        named = {str(name): value for name, value in x.items()}
        if named.keys() != {*names}:
            raise ShapeError(f"x has {sorted(named)}: expected {sorted(names)}")
        x = [named[name] for name in names]
    return _checked(x, stages, 1)


def read_samples(X: Any, stages: Stages) -> Floats:
    """Return a recording, ``float32[n_steps, channels]``.

    Raises
    ------
    ShapeError, InputValueError
        As :func:`read_sample`.
    """
    return _checked(X, stages, 2)


def _checked(values: Any, stages: Stages, ndim: int) -> Floats:
    try:
        wide = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise InputValueError(f"x holds what is no number: {error}") from error
    if wide.shape[-1:] != (stages.n_channels,) or wide.ndim != ndim:
        raise ShapeError(
            f"x has shape {wide.shape}: a signal of {stages.n_channels} channels takes "
            f"{'(n_steps, channels)' if ndim > 1 else '(channels,)'}"
        )
    with np.errstate(over="ignore"):
        found = wide.astype(np.float32)
    if not np.isfinite(found).all():
        at = np.argwhere(~np.isfinite(found))[0].tolist()
        raise InputValueError(f"x{at} is {float(wide[tuple(at)])!r}: expected a finite float32")
    return found
