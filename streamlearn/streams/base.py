"""A labelled stream that fits in memory: rows in the order in which they are to be learned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import InputValueError, LabelError, ShapeError

FloatRow = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Stream:
    """Samples and labels in learning order; iterating yields ``(x, y)`` pairs.

    Parameters
    ----------
    name
        Short name of the data set.
    x
        float32 ``[n, n_features]``, finite.
    y
        int64 ``[n]``, class indices in ``0 .. n_classes - 1``.
    classes
        The class names; ``classes[y[i]]`` is the label of row i.
    feature_names
        One name per column of ``x``.
    batch
        int64 ``[n]``, the recording batch of each row, or None if there are none.
    licence
        Licence of the data.
    citation
        What to cite when the data is used.

    Raises
    ------
    ShapeError
        The arrays and names do not belong together, or have another dtype.
    InputValueError
        ``x`` holds NaN or infinity.
    LabelError
        ``y`` holds an index that has no class.
    """

    name: str
    x: NDArray[np.float32]
    y: NDArray[np.int64]
    classes: tuple[str, ...]
    feature_names: tuple[str, ...]
    batch: NDArray[np.int64] | None
    licence: str
    citation: str

    def __post_init__(self) -> None:
        if self.x.ndim != 2 or self.x.dtype != np.float32:
            raise ShapeError(
                f"stream {self.name!r}: x must be a float32 matrix [n, n_features], "
                f"got {self.x.dtype} {list(self.x.shape)}"
            )
        for label, column in (("y", self.y), ("batch", self.batch)):
            if column is None:
                continue
            if column.shape != (len(self.x),) or column.dtype != np.int64:
                raise ShapeError(
                    f"stream {self.name!r}: {label} must be int64 [{len(self.x)}] to match x, "
                    f"got {column.dtype} {list(column.shape)}"
                )
        if len(self.feature_names) != self.x.shape[1]:
            raise ShapeError(
                f"stream {self.name!r}: x has {self.x.shape[1]} columns "
                f"but {len(self.feature_names)} feature names"
            )
        if not np.isfinite(self.x).all():
            raise InputValueError(f"stream {self.name!r}: x holds NaN or infinity")
        if self.y.size and not 0 <= self.y.min() <= self.y.max() < len(self.classes):
            raise LabelError(
                f"stream {self.name!r}: y must lie in 0..{len(self.classes) - 1}, "
                f"got {self.y.min()}..{self.y.max()}"
            )

    @property
    def n_features(self) -> int:
        """Number of columns of ``x``."""
        return int(self.x.shape[1])

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.classes)

    def __len__(self) -> int:
        return len(self.x)

    def __iter__(self) -> Iterator[tuple[FloatRow, int]]:
        yield from zip(self.x, self.y.tolist(), strict=True)
