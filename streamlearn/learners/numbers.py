"""Numbers as they come: of NumPy, pandas, polars, torch or Python, made float64 or refused.

pandas, polars and torch are recognised by the module of an object's type, so that none of them is
imported for a user who has no such object.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from quant.errors import InputValueError, ShapeError

Floats = npt.NDArray[np.float64]
Library = Literal["pandas", "polars", "torch", ""]
#: What a message calls the element of a flat index.
Called = Callable[[int], str]

FLOAT32_MAX = float(np.finfo(np.float32).max)
_LIBRARIES: dict[str, Library] = {"pandas": "pandas", "polars": "polars", "torch": "torch"}
_REAL = int | float | np.integer | np.floating | np.bool_


def library_of(x: object) -> Library:
    """Return whose object it is: "pandas", "polars", "torch", or "" for anything else."""
    for base in type(x).__mro__:
        found = _LIBRARIES.get(base.__module__.partition(".")[0])
        if found is not None:
            return found
    return ""


def unwrap(value: Any) -> Any:
    """Return the Python scalar inside a NumPy scalar, a 0-d array or a 0-d tensor; else the value.

    What is masked stays masked.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        return np.ma.masked
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        inner = value.item()
        return inner.item() if isinstance(inner, np.generic) else inner
    return value


def floats(x: Any, called: Called, what: str = "features") -> Floats:
    """Return numbers as float64 of the same shape.

    Parameters
    ----------
    x : array, tensor, sequence, Series, or anything with ``__array__``
        Truth values count as 0 and 1.
    called : callable
        Names an element in a message, by its index in the flattened array.
    what : str
        What the numbers are, in messages.

    Raises
    ------
    InputValueError
        If an element is text, masked, missing, complex, a date, or anything but a real number.
    ShapeError
        If it is a data frame.
    """
    library = library_of(x)
    if library == "torch":
        return _tensor(x, what)
    if library:
        x = _column(x)
        if isinstance(x, list):
            return _one_by_one(x, called, what)
    if isinstance(x, np.ma.MaskedArray) and np.ma.is_masked(x):
        at = int(np.flatnonzero(np.ma.getmaskarray(x))[0])
        raise _refused(what, "masked values", called(at))
    try:
        given = np.asarray(x)
    except (ValueError, TypeError, RuntimeError):
        # Ragged, or tensors that require a gradient: looking at each element tells which.
        return _one_by_one(x, called, what)
    if given.dtype.kind in "fiub":
        return given.astype(np.float64)
    return _one_by_one(x if isinstance(x, list | tuple) else given, called, what)


def check_finite(values: Floats, called: Called, what: str = "") -> Floats:
    """Return values rounded to float32, as a device gets them.

    Parameters
    ----------
    values : float64[...]
    called : callable
        As for :func:`floats`.
    what : str
        What to drop where a value is bad: "sample" or "rows".

    Raises
    ------
    InputValueError
        If one is NaN, infinite or beyond float32.
    """
    bad = ~(np.abs(values) <= FLOAT32_MAX)
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        count = f"; {np.count_nonzero(bad)} of {bad.size} values are bad" if bad.size > 1 else ""
        raise InputValueError(
            f"{called(at)} is {values.flat[at]}: expected a finite number within float32{count}. "
            f"Nothing was learned; drop or repair the {what or 'sample'}"
        )
    return values.astype(np.float32).astype(np.float64)


def frame_values(frame: Any, names: Sequence[str]) -> Floats:
    """Return the values of a pandas or polars data frame, ``float64[n, columns]``.

    Raises
    ------
    InputValueError
        If a column holds anything but real numbers; it names the column and the row.
    """
    found = np.empty(frame.shape, np.float64)
    for i, name in enumerate(names):
        column = frame.iloc[:, i] if library_of(frame) == "pandas" else frame.to_series(i)
        found[:, i] = floats(column, lambda row, name=name: f"{name} in row {row}")  # type: ignore[misc]
    return found


def _column(x: Any) -> Any:
    """Return a pandas or polars Series, or Index, as an array; missing numbers are NaN."""
    if not hasattr(x, "dtype"):
        raise ShapeError(f"a {type(x).__name__} is a block: expected one sample or one column")
    if library_of(x) == "polars":
        given = x.to_numpy()
        return given if given.dtype.kind in "fiub" and given.ndim == 1 else x.to_list()
    if getattr(x.dtype, "kind", "O") in "fiub":
        return x.to_numpy(dtype=np.float64, na_value=np.nan)
    return x.tolist()


def _tensor(x: Any, what: str) -> Floats:
    if x.is_complex():
        raise _refused(what, f"a tensor of {x.dtype}")
    try:
        values: Floats = x.detach().cpu().double().numpy()
    except (TypeError, RuntimeError) as error:
        raise InputValueError(
            f"{what} must be a dense tensor: {str(error).splitlines()[0]}. Nothing was learned; "
            "give x.to_dense()"
        ) from error
    return values


def _one_by_one(x: Any, called: Called, what: str) -> Floats:
    if not isinstance(x, list | tuple | np.ndarray):
        raise _refused(what, _short(x))
    elements = list(x.flat) if isinstance(x, np.ndarray) else list(x)
    found = np.empty(len(elements))
    for i, element in enumerate(elements):
        value = number(element)
        if value is None:
            raise _refused(what, _short(unwrap(element)), called(i))
        found[i] = value
    return found.reshape(x.shape) if isinstance(x, np.ndarray) else found


def is_time(value: Any) -> bool:
    """Return whether it is a date or a duration of NumPy; one in nanoseconds holds an integer."""
    return getattr(getattr(value, "dtype", None), "kind", None) in ("m", "M")


def number(value: Any) -> float | None:
    """Return a real number, also out of a 0-d array or tensor, as a float; None if it is none."""
    if is_time(value):
        return None
    value = unwrap(value)
    if not isinstance(value, _REAL):
        return None
    try:
        return float(value)
    except OverflowError:  # a whole number beyond float64
        return math.inf if value > 0 else -math.inf


def _short(value: Any) -> str:
    if value is np.ma.masked:
        return "a masked value"
    text = repr(value)
    return text if len(text) <= 60 else f"{type(value).__name__} {text[:40]}…"


def _refused(what: str, got: str, where: str = "") -> InputValueError:
    return InputValueError(
        f"{what} must be numbers: got {got}{f' for {where}' if where else ''}. Nothing was "
        "learned; convert it or drop the sample"
    )
