"""Raw samples of a signal, as stages in front of a learner take them.

They may come as everything that a learner takes (:mod:`streamlearn.learners.rows`). What has names
is matched by name; where the stages know a number of channels alone, data frames and Series are
taken as they stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.errors import InputValueError, ShapeError
from quant.labels import shown
from quant.stages import Stages
from streamlearn.learners.numbers import Floats as Wide
from streamlearn.learners.numbers import floats, frame_values, library_of
from streamlearn.learners.rows import names_of

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
            raise ShapeError(f"x has {shown(sorted(named))}: expected {shown(sorted(names))}")
        x = [named[name] for name in names]
    values = floats(x, lambda i: names[i % len(names)], "values")
    return _checked(values, x, stages, 1)


def read_samples(X: Any, stages: Stages) -> Floats:
    """Return a recording, ``float32[n_steps, channels]``.

    Raises
    ------
    ShapeError, InputValueError
        As :func:`read_sample`.
    """
    if isinstance(X, list | tuple) and X:
        return np.array([_row(at, x, stages) for at, x in enumerate(X)])
    if library_of(X) in ("pandas", "polars") and hasattr(X, "columns"):
        return _checked(frame_values(X, tuple(map(str, X.columns))), X, stages, 2)
    names = stages.channel_names

    def called(i: int) -> str:
        return f"{names[i % len(names)]} in step {i // len(names)}"

    return _checked(floats(X, called, "values"), X, stages, 2)


def _row(at: int, x: Any, stages: Stages) -> Floats:
    try:
        return read_sample(x, stages)
    except (InputValueError, ShapeError) as error:
        raise type(error)(f"step {at}: {error}") from error


def _checked(wide: Wide, given: Any, stages: Stages, ndim: int) -> Floats:
    """Return numbers as float32, in the order of the channels."""
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
    return found if isinstance(given, list | np.ndarray) else found[..., _order(given, stages)]


def _order(given: Any, stages: Stages) -> Any:
    """Return where each channel stands in what has names."""
    names, channels = names_of(given), stages.channel_names
    if names is not None and {*names} == {*channels}:
        return [names.index(name) for name in channels]
    if names is not None and channels != tuple(f"x{i}" for i in range(len(channels))):
        raise ShapeError(f"x has {shown(sorted(names))}: expected {shown(sorted(channels))}")
    return slice(None)
