"""One sample or a block of samples, taken for what it is, in the order of the learner's features.

What has names is matched by name: a dict, a pandas Series (a row), a data frame of pandas or
polars. What has none is matched by position: a list, a tuple, an array, a tensor, a polars Series,
anything with ``__array__``, and what pandas numbers 0, 1, 2 by itself.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from quant.errors import InputValueError, ShapeError
from quant.image import check_names
from quant.network import NetworkSpec
from streamlearn.learners.numbers import (
    Called,
    Floats,
    check_finite,
    floats,
    frame_values,
    library_of,
)

Names = tuple[str, ...] | None


def read_row(x: Any, spec: NetworkSpec, known: Names) -> Floats:
    """Return one sample, ``float64[n_features]``, each value a float32.

    Parameters
    ----------
    x : Mapping, sequence, array, Series, tensor
        One sample; see the module.
    spec : NetworkSpec
    known : tuple of str or None
        The learner's features, in order; None while it knows none.

    Raises
    ------
    ShapeError
        If there are other names or another number of features.
    InputValueError
        If a value is NaN, infinite, no number, or beyond float32; it names the feature.
    """
    names, values = _row(x, known)
    if values.shape != (spec.n_features,):
        block = values.ndim == 2 and " for one sample; learn_many and predict_many take blocks"
        raise ShapeError(
            f"x has shape {values.shape}: a {spec} network takes ({spec.n_features},){block or ''}"
        )
    return check_finite(values, _by_name(names or known))


def read_block(X: Any, spec: NetworkSpec, known: Names) -> Floats:
    """Return a block of samples, ``float64[n, n_features]``, each value a float32.

    Parameters
    ----------
    X : data frame, array or tensor ``[n, n_features]``, or list of what :func:`read_row` takes
        Where rows are dicts, all have the names of the first.
    spec, known
        As for :func:`read_row`.

    Raises
    ------
    ShapeError, InputValueError
        As :func:`read_row`; they name the row, counted from 0.
    """
    names, values = _block(X, known)
    if values.shape == (0,):  # an empty list
        values = values.reshape(0, spec.n_features)
    if values.ndim != 2 or values.shape[1] != spec.n_features:
        one = " for a block; learn_one and predict_one take one sample" * (values.ndim == 1)
        raise ShapeError(
            f"X has shape {values.shape}: a {spec} network takes (n, {spec.n_features}){one}"
        )
    return check_finite(values, _by_row_and_name(names or known, spec.n_features), "rows")


def names_of(x: Any) -> Names:
    """Return the names of features that a sample or block brings, or None."""
    if isinstance(x, Mapping):
        return tuple(map(str, x))
    library = library_of(x)
    if library == "pandas":
        return _labels(x.columns if hasattr(x, "columns") else x.index)
    if library == "polars" and hasattr(x, "columns"):
        return tuple(x.columns)
    if isinstance(x, list | tuple) and len(x) and not isinstance(x[0], int | float):
        return names_of(x[0])
    return None


def _row(x: Any, known: Names) -> tuple[Names, Floats]:
    """Return the names in the learner's order, None where there are none, and the values."""
    if isinstance(x, np.ndarray):
        return None, floats(x, _by_name(known))
    if isinstance(x, Mapping):
        names: Names = tuple(map(str, x))
        values = floats(list(x.values()), _by_name(names))
    else:
        if library_of(x) in ("pandas", "polars") and hasattr(x, "columns"):
            raise ShapeError(
                f"x is a data frame of shape {x.shape}: expected one sample; learn_many and "
                "predict_many take blocks"
            )
        names = _named(x.index, known) if library_of(x) == "pandas" else None
        values = floats(x, _by_name(names or known))
    order = _order(names, known)
    return names if order is None else known, values if order is None else values[order]


def _block(X: Any, known: Names) -> tuple[Names, Floats]:
    if isinstance(X, Mapping) or not hasattr(X, "__len__") or isinstance(X, str | bytes):
        kind = "one sample" if isinstance(X, Mapping) else "no block of samples"
        raise ShapeError(
            f"X is a {type(X).__name__}, {kind}: expected an array or tensor [n, n_features], a "
            "data frame or a list of samples"
        )
    library = library_of(X)
    if library in ("pandas", "polars") and hasattr(X, "columns"):
        given = tuple(map(str, X.columns))
        names = given if library == "polars" else _named(X.columns, known)
        values = frame_values(X, given)
        order = _order(names, known)
        return names if order is None else known, values if order is None else values[:, order]
    if isinstance(X, list | tuple) and any(not isinstance(v, int | float) for v in X[:1]):
        return _rows(X, known)
    width = X.shape[1] if len(getattr(X, "shape", ())) == 2 else 1
    return None, floats(X, _by_row_and_name(known, width))


def _rows(X: Sequence[Any], known: Names) -> tuple[Names, Floats]:
    """Read a list of samples one by one, all by the names of the first, or of the learner."""
    names = known or names_of(X[0])
    rows = []
    for i, x in enumerate(X):
        try:
            rows.append(_row(x, names)[1])
        except (InputValueError, ShapeError) as error:
            raise type(error)(f"row {i}: {error}") from error
        if rows[i].shape != rows[0].shape:
            raise ShapeError(
                f"row {i}: has shape {rows[i].shape}, the first row {rows[0].shape}; nothing was "
                "learned; give every row the same features"
            )
    return names, np.array(rows)


def _labels(labels: Any) -> Names:
    """Return a pandas index as names; None where it is the default 0, 1, 2."""
    if type(labels).__name__ == "RangeIndex" and labels.start == 0 and labels.step == 1:
        return None
    return tuple(map(str, labels))


def _named(labels: Any, known: Names) -> Names:
    """Return as :func:`_labels`, but 0, 1, 2 as names to a learner that knows these."""
    names = tuple(map(str, labels))
    return names if known is not None and set(names) == set(known) else _labels(labels)


def _order(given: Names, known: Names) -> list[int] | None:
    """Return where each known feature stands in what was given; None: as it stands."""
    if given is None or given == known:
        return None
    check_names(given)
    if known is None:
        return None
    at = {name: i for i, name in enumerate(given)}
    missing = [name for name in known if name not in at]
    unknown = sorted(at.keys() - set(known))
    if missing or unknown:
        raise ShapeError(
            f"features differ from the first sample's: missing {missing[:5]}, "
            f"unknown {unknown[:5]}{_meant(missing, unknown)}"
        )
    return [at[name] for name in known]


def _meant(missing: Iterable[str], unknown: Sequence[str]) -> str:
    """Return a question where an unknown name is all but a missing one."""
    for name in missing:
        for close in difflib.get_close_matches(name, unknown, 1):
            return f"; is {close!r} meant to be {name!r}?"
    return ""


def _by_name(names: Names) -> Called:
    def called(index: int) -> str:
        return names[index] if names and index < len(names) else f"feature {index}"

    return called


def _by_row_and_name(names: Names, width: int) -> Called:
    name = _by_name(names)
    return lambda index: f"{name(index % max(width, 1))} in row {index // max(width, 1)}"
