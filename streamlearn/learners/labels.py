"""Labels and targets as they come: scalars of NumPy, pandas or torch are Python's own inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from quant.errors import InputValueError, LabelError, ShapeError
from quant.labels import check_label, shown
from streamlearn.learners.numbers import (
    Floats,
    check_finite,
    floats,
    is_time,
    library_of,
    number,
    unwrap,
)


def read_label(y: Any) -> Any:
    """Return the label: the Python scalar inside a NumPy scalar, a 0-d array or a 0-d tensor.

    Raises
    ------
    LabelError
        If it cannot name a class: None, NaN, a missing or masked value, a list, an array, a date
        or duration of NumPy.
    """
    label = unwrap(y)
    if not is_time(y) and _is_hashable(label) and not _is_missing(label):
        return label
    raise LabelError(
        f"label {shown(y)} is no label: drop the sample, or name the class by text or a number"
    )


def check_savable(label: Any) -> None:
    """Refuse the label of a new class if a state image could not hold it.

    Raises
    ------
    LabelError
        If it is not text, a finite number of up to 1,024 bits, or a truth value.
    """
    try:
        check_label(label)
    except ShapeError as error:
        raise LabelError(
            f"label {shown(label)} of type {type(label).__name__} cannot be saved: use text, "
            "finite numbers or truth values"
        ) from error


def check_classes(labels: Sequence[Any], n_classes: int) -> None:
    """Refuse the labels of a learner that has just been made if they are not its classes.

    Raises
    ------
    LabelError
        If there are too many, one cannot be saved, or two are equal: 1, 1.0 and True are.
    """
    first: dict[Any, Any] = {}
    for label in labels:
        check_savable(label)
        if label in first:
            raise LabelError(
                f"classes has {shown(first[label])} and {shown(label)}, which are equal: expected "
                "different labels"
            )
        first[label] = label
    if len(labels) > n_classes:
        raise LabelError(
            f"classes has {len(labels)} labels: expected at most {n_classes}, as many as the last "
            "layer has units"
        )


def read_labels(y: Any, n: int) -> list[Any]:
    """Return ``n`` labels, as :func:`read_label` each.

    Parameters
    ----------
    y : list, tuple, array, tensor, or Series of pandas or polars
        One-dimensional.
    n : int
        Number of samples.

    Raises
    ------
    ShapeError
        If it is no such collection, or another number of labels.
    LabelError
        If one cannot name a class; it names the row, counted from 0.
    """
    given = _elements(y, n, "labels")
    labels = []
    for row, label in enumerate(given):
        try:
            labels.append(read_label(label))
        except LabelError as error:
            raise LabelError(f"row {row}: {error}. Nothing was learned") from error
    return labels


def read_target(y: Any) -> float:
    """Return one target, a float32.

    Raises
    ------
    ShapeError
        If it is not one number.
    InputValueError
        If it is no number, NaN, infinite or beyond float32.
    """
    value = number(y)
    if value is None and (isinstance(y, list | tuple) or len(getattr(y, "shape", ()))):
        shape = floats(y, lambda row: f"the target in row {row}", "targets").shape
        raise ShapeError(
            f"target has shape {shape}: expected one number; a regressor has one target"
        )
    if value is None:
        raise InputValueError(
            f"target is {y!r}: expected a number. Nothing was learned; convert it or drop the "
            "sample"
        )
    return float(check_finite(np.array(value), lambda _: "target"))


def read_targets(y: Any, n: int) -> Floats:
    """Return ``n`` targets, ``float64[n]``, each a float32.

    Raises
    ------
    ShapeError
        If it is no such collection, or another number of targets.
    InputValueError
        As :func:`read_target`; it names the row, counted from 0.
    """
    _elements(y, n, "targets")
    values = floats(y, lambda row: f"the target in row {row}", "targets")
    return check_finite(values, lambda row: f"the target in row {row}", "rows")


def _elements(y: Any, n: int, what: str) -> Any:
    """Return what can be iterated, one element a sample."""
    shape = getattr(y, "shape", None)
    if library_of(y) == "polars":
        given = y.to_list() if hasattr(y, "to_list") else None
    elif shape is not None and len(shape) == 1:
        given = list(y) if is_time(y) else y.tolist()
    elif shape is not None:
        given = None
    else:
        given = y if isinstance(y, list | tuple | range) else None
    if given is None:
        got = f"has shape {tuple(shape)}" if shape is not None else f"is a {type(y).__name__}"
        raise ShapeError(
            f"y {got}: expected {n} {what}, one per sample, as a list, a one-dimensional array or "
            "a Series"
        )
    if len(given) != n:
        raise ShapeError(f"y has {len(given)} {what}: X has {n} samples; give one for each")
    return given


def _is_hashable(label: Any) -> bool:
    try:
        hash(label)
    except TypeError:  # a list, or a tuple with a list in it
        return False
    return True


def _is_missing(label: Any) -> bool:
    if label is None or label is np.ma.masked:
        return True
    try:
        return bool(label != label)
    except (TypeError, ValueError, RuntimeError):  # neither: pandas' NA, or many of them
        return True
