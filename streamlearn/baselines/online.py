"""The baselines that stand beside a run, in C, in blocks: constant memory and time per sample."""

from __future__ import annotations

import ctypes
import functools
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quant.compiler import build_shared
from streamlearn.baselines.sgd_mlp import BEST_LR, SgdMlpClassifier
from streamlearn.errors import ShapeError, StateFormatError

SOURCE = Path(__file__).parent / "kernel" / "sl_baselines.c"
#: Samples over which the features' statistics follow, as in the learners' own front end.
WINDOW = 300.0
#: Bytes of a row that are compared at a time.
WIDTH = 32
#: Bytes of a mean and a variance as float32, which the nearest neighbour's bytes count.
FRONT_END_BYTES = 8

Ints = NDArray[np.int64]
_POINTER, _SIZE, _NUMBER = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_double


class Predicted(NamedTuple):
    """What each baseline predicted of a block before it learned it: int64 ``[n]`` each."""

    majority: Ints
    no_change: Ints
    sgd: Ints
    nearest: Ints


class OnlineBaselines:
    """Majority, no change, SGD of a shape, and a nearest neighbour of so many bytes.

    The SGD network is :class:`SgdMlpClassifier` at its best rate on the gas stream. The nearest
    neighbour keeps the newest standardised samples, a byte per value, beside their labels.

    Parameters
    ----------
    layers
        Sizes from input to output.
    state_bytes
        What the nearest neighbour may keep: the bytes of the learner's state.
    seed
        Seed of the initial weights.

    Attributes
    ----------
    room : int
        Samples that the nearest neighbour keeps.

    Raises
    ------
    ShapeError
        If there are fewer than two layers.
    BuildError
        If the compiler fails.

    Examples
    --------
    >>> import numpy as np
    >>> beside = OnlineBaselines((2, 8, 2), 1000)
    >>> x = np.array([[0, 1], [1, 0], [0, 1]], np.float32)
    >>> beside.see(x, np.array([0, 1, 0])).nearest.tolist()
    [0, 0, 0]
    """

    def __init__(self, layers: Sequence[int], state_bytes: int, seed: int = 0) -> None:
        if len(layers) < 2 or min(layers) < 1:
            raise ShapeError(f"layers are {list(layers)}: expected two or more sizes of 1 or more")
        d, k = layers[0], layers[-1]
        label_bytes = 1 if k <= 256 else 2
        self.layers = tuple(layers)
        self.room = max(1, (state_bytes - FRONT_END_BYTES * d) // (d + label_bytes))
        start = SgdMlpClassifier(layers, seed=seed)
        biases = start.biases or []
        parts = [p for w, b in zip(start.weights, biases, strict=True) for p in (w.T.ravel(), b)]
        self._state: dict[str, NDArray[Any]] = {
            "front": np.zeros(1 + 2 * d),
            "weights": np.concatenate(parts),
            "kept": padded(np.zeros((self.room, d), np.int8)),
            "kept_labels": np.zeros(self.room, np.uint16),
            "seen": np.zeros(1, np.uint64),
            "counts": np.zeros(k, np.uint64),
            "latest": np.zeros(2, np.int64),
        }
        self._sizes = np.array(layers, np.uint32)
        self._values = np.zeros(sum(layers) + 2 * max(layers))
        self._row = padded(np.zeros((1, d), np.int8))
        self._library = library()

    @property
    def bytes_kept(self) -> int:
        """Bytes of samples, labels and statistics that the nearest neighbour counts."""
        d, k = self.layers[0], self.layers[-1]
        return self.room * (d + (1 if k <= 256 else 2)) + FRONT_END_BYTES * d

    def see(self, x: NDArray[np.floating[Any]], labels: Ints) -> Predicted:
        """Predict each row in turn, and learn it if it has a label.

        Parameters
        ----------
        x
            float ``[n, n_features]``, finite.
        labels
            int64 ``[n]``, class indices; -1: no label.

        Raises
        ------
        ShapeError
            If rows and labels do not fit, or a label is no class index.
        """
        rows = np.ascontiguousarray(x, np.float32)
        y = np.ascontiguousarray(labels, np.int64)
        n, k = len(y), self.layers[-1]
        if rows.shape != (n, self.layers[0]):
            raise ShapeError(f"rows {rows.shape}: expected {(n, self.layers[0])}")
        if n and (int(y.min()) < -1 or int(y.max()) >= k):
            raise ShapeError(f"labels from {y.min()} to {y.max()}: expected -1 to {k - 1}")
        found = Predicted(*np.empty((4, n), np.int64))
        s = {name: part.ctypes.data for name, part in self._state.items()}
        self._library.slb_labels(
            y.ctypes.data, n, s["counts"], s["latest"],
            found.majority.ctypes.data, found.no_change.ctypes.data,
        )  # fmt: skip
        self._library.slb_learned(
            rows.ctypes.data, y.ctypes.data, n, self._sizes.ctypes.data, len(self.layers), WINDOW,
            BEST_LR, s["front"], s["weights"], s["kept"], s["kept_labels"], self.room, s["seen"],
            self._values.ctypes.data, self._row.ctypes.data,
            found.sgd.ctypes.data, found.nearest.ctypes.data,
        )  # fmt: skip
        return found

    def to_bytes(self) -> bytes:
        """Return everything that they know, for a checkpoint."""
        out = io.BytesIO()
        kept = self._state["kept"][:, : self.layers[0]]
        np.savez(out, **{**self._state, "kept": kept})  # type: ignore[arg-type]
        return out.getvalue()

    def go_on(self, data: bytes) -> None:
        """Take over what :meth:`to_bytes` returned.

        Raises
        ------
        StateFormatError
            If it is of other sizes, or damaged.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                read = {name: np.ascontiguousarray(file[name]) for name in self._state}
        except Exception as error:  # zipfile, zlib and numpy each raise their own
            raise StateFormatError(f"the baselines' state is damaged: {error}") from error
        if read["kept"].ndim == 2 and read["kept"].dtype == np.int8:
            read["kept"] = padded(read["kept"])
        for name, part in self._state.items():
            if (read[name].shape, read[name].dtype) != (part.shape, part.dtype):
                raise StateFormatError(f"the baselines' state is of another network ({name})")
        self._check(read)
        self._state = read

    def _check(self, read: dict[str, NDArray[Any]]) -> None:
        labels = int(read["kept_labels"].max(initial=0)), *read["latest"].tolist()
        if not all(0 <= label < self.layers[-1] for label in labels):
            raise StateFormatError("the baselines' state holds a label that is no class index")


def padded(kept: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return rows of bytes as the C code takes them: with zeros up to a multiple of 32."""
    n, d = kept.shape
    found = np.zeros((n, -(-d // WIDTH) * WIDTH), np.int8)
    found[:, :d] = kept
    return found


@functools.cache
def library() -> ctypes.CDLL:
    """Return the compiled baselines."""
    found = ctypes.CDLL(str(build_shared([SOURCE], {})))
    found.slb_labels.argtypes = [_POINTER, _SIZE, *[_POINTER] * 4]
    found.slb_learned.argtypes = [
        _POINTER, _POINTER, _SIZE, _POINTER, ctypes.c_uint32, _NUMBER, _NUMBER, *[_POINTER] * 4,
        _SIZE, *[_POINTER] * 5,
    ]  # fmt: skip
    found.slb_learned_targets.argtypes = [
        _POINTER, _POINTER, _SIZE, _POINTER, ctypes.c_uint32, _NUMBER, _NUMBER, *[_POINTER] * 4,
        _SIZE, *[_POINTER] * 3, _NUMBER, *[_POINTER] * 3,
    ]  # fmt: skip
    for function in (found.slb_labels, found.slb_learned, found.slb_learned_targets):
        function.restype = None
    return found
