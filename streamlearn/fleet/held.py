"""The learners of a fleet's keys: each a state, and one bench for all who learn on it.

All keys of a fleet start from one image, and their labels and features are known from then on. So
their images differ in the state only. A key's learner is its state; it becomes an image when that
is kept.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.errors import DivergedError, StateFormatError
from quant.heads import HEADS
from quant.image import decode_image, describe, pack, unpack
from quant.layout import State
from quant.packed import PackedKernel
from quant.state import state_from_bytes, state_to_bytes
from streamlearn.by_index import runs
from streamlearn.engine import advice
from streamlearn.engines import NativeEngine, make_engine


class Bench:
    """What the learners of one fleet share; for one thread.

    Parameters
    ----------
    start : bytes
        The image that all keys start from.

    Raises
    ------
    StateFormatError
        If it is foreign, truncated, damaged or of another version.
    """

    def __init__(self, start: bytes) -> None:
        image = decode_image(start, "the image that all keys start from")
        self._of = image.spec, image.config, image.arithmetic
        self._start, self._text = start, describe(image)
        self._fresh, self._dtype = state_to_bytes(image.state), image.state.dtype
        self._numbers = HEADS[image.spec.head].prediction_words > 0
        engine = make_engine(*self._of)
        self._packed = PackedKernel(engine.kernel) if isinstance(engine, NativeEngine) else None
        self._engine: Any = engine

    def open(self, image: bytes, source: str) -> bytearray:
        """Return the bytes of the state of an image, to learn on.

        Raises
        ------
        StateFormatError
            If it is damaged, or of another network, configuration, labels or features.
        """
        if image == self._start:
            return bytearray(self._fresh)
        text, payload = unpack(image, source)
        if text != self._text:
            raise StateFormatError(
                f"{source}: it is of another learner than the one that all keys start from; give "
                "the folder back as it was"
            )
        state_from_bytes(*self._of, payload)  # refuses what no learner comes to
        return bytearray(payload)

    def close(self, data: bytearray) -> bytes:
        """Return the image of a state."""
        return pack(self._text, data)

    def learn(
        self,
        data: bytearray,
        at: int,
        x: npt.NDArray[np.float32],
        y: npt.NDArray[Any],
        labelled: bool,
    ) -> list[Any]:
        """Predict, then learn, each row in turn, with the bits of ``learn_one`` of each.

        Parameters
        ----------
        data : bytearray
            Of the state, which changes in place; not to be used again after an error.
        at : int
            Its address.
        x : float32[n, n_features]
            Finite.
        y : int64[n] or float32[n]
            Class indices, -1: no label, the row is predicted only; or finite targets.
        labelled : bool
            Whether every row has a label.

        Returns
        -------
        list
            Class indices, or predicted means.

        Raises
        ------
        DivergedError
            If the learner's outputs are no longer finite.
        """
        if labelled and self._packed is not None:
            targets = y.astype(self._packed.target_type).tobytes()
            try:
                found = self._packed.learn(at, x.tobytes(), targets, len(y))
            except DivergedError as error:
                with advice():
                    raise error
            return self._said(found.view(np.float32) if self._numbers else found)
        said: list[Any] = []
        state: State = np.frombuffer(data, self._dtype)
        for part in [slice(None)] if labelled else runs(y >= 0):
            if labelled or y[part.start] >= 0:
                said += self._said(self._engine.learn_many(state, x[part], y[part]))
            else:
                said += self._said(self._engine.predict_many(state, x[part])[0])
        return said

    def _said(self, found: npt.NDArray[Any]) -> list[Any]:
        return list((found[:, 0] if self._numbers else found).tolist())


class Held:
    """The learner of a key, and how many samples it has learned.

    Parameters
    ----------
    bench : Bench
    image : bytes
    n_samples : int
    source : str
        What to call the image in messages.
    """

    __slots__ = ("_at", "_bench", "_data", "n_samples")

    def __init__(self, bench: Bench, image: bytes, n_samples: int, source: str) -> None:
        self._bench, self.n_samples = bench, n_samples
        self._data = bench.open(image, source)
        self._at = ctypes.addressof(ctypes.c_char.from_buffer(self._data))

    def learn(self, x: npt.NDArray[np.float32], y: npt.NDArray[Any], labelled: bool) -> list[Any]:
        """Predict, then learn: :meth:`Bench.learn`."""
        found = self._bench.learn(self._data, self._at, x, y, labelled)
        self.n_samples += len(found) if labelled else int((y >= 0).sum())
        return found

    @property
    def image(self) -> bytes:
        """The image of the learner as it is."""
        return self._bench.close(self._data)
