"""Images that come to life for a block of samples, and are images again behind it.

Most images of a fleet have one description: network, configuration, labels. What it costs to read,
an engine and the layout, is made once for a description; an image then is its state's bytes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from quant.errors import ConfigError, LabelError, ShapeError
from quant.hyperparameters import is_whole
from quant.image import Image, decode_image, describe, pack, unpack
from quant.layout import State
from quant.rule import arithmetic_of
from quant.state import state_to_bytes
from streamlearn.by_index import ByIndex
from streamlearn.engines import Backend
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.learners.loading import learner_class

#: Learners that stay alive unless somebody says how many, and descriptions that stay read.
LIVE, MOULDS = 1024, 64
#: Bytes that an image begins with, its CRC-32 among them: enough to look it up by.
_HEAD = 24

_Result = TypeVar("_Result")


class _Mould(NamedTuple):
    """What all images with one description share: a learner whose state is exchanged."""

    text: bytes
    image: Image
    learner: StreamLearner

    def state_of(self, payload: bytes) -> State | None:
        """Return the state in the bytes of one; None if they are no state of this network."""
        spec, config, dtype = self.image.spec, self.image.config, self.image.state.dtype
        if len(payload) != dtype.itemsize:
            return None
        state: State = np.frombuffer(payload, dtype).copy()
        check = arithmetic_of(spec, config, self.image.arithmetic).check_state
        try:
            if check is not None:
                check(spec, config, state)
        except ShapeError:  # whoever reads the whole image says it better
            return None
        return state


class _Live(NamedTuple):
    """An image that is alive: its bytes, its state, and who can teach it."""

    data: bytes
    state: State
    mould: _Mould


class LiveLearners:
    """The learners of a worker that were taught last: at most so many; all others are images.

    An image that is found here isn't read again. One that is not found is read; nothing else
    depends on whether it is. What is dropped is an image that the caller has anyway.

    Parameters
    ----------
    capacity : int
        How many stay alive, 0 or more; each takes the bytes of its state and of its image.
    backend : {"c", "numpy"}, optional
        What computes (:func:`streamlearn.engines.make_engine`).

    Raises
    ------
    ConfigError
        If the capacity is no whole number, 0 or above.
    """

    def __init__(self, capacity: int = LIVE, backend: Backend | None = None) -> None:
        if not is_whole(capacity) or capacity < 0:
            raise ConfigError(f"capacity={capacity!r}: expected 0 or above, a number of learners")
        self._capacity, self._backend = int(capacity), backend
        self._alive: OrderedDict[bytes, _Live] = OrderedDict()
        self._moulds: OrderedDict[bytes, _Mould] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many learners are alive."""
        return len(self._alive)

    def learn(self, image: bytes, X: Any, y: Any, source: str = "image") -> tuple[bytes, Any]:
        """Predict, then learn, each row in turn: :func:`streamlearn.fleet.learn`."""

        def block(learner: Any) -> Any:
            return learner.test_then_learn_many(X, y)

        return self._teach(image, source, block)

    def learn_by_index(
        self, image: bytes, x: Any, y: Any, source: str = "image"
    ) -> tuple[bytes, npt.NDArray[np.int64]]:
        """Learn as :meth:`learn`, from class indices to class indices: no object per sample.

        Parameters
        ----------
        image : bytes
            Of a classifier that has a label for every class that comes.
        x : float32[n, n_features]
            Finite, in the learner's order of features.
        y : int64[n]
            Class indices; -1: no label, and the row is predicted only.
        source : str
            What to call the image in messages.

        Raises
        ------
        LabelError
            If an index is no class, or the learner is none of classes.
        StateFormatError, ShapeError, InputValueError, DivergedError
            As :meth:`learn`.
        """

        def block(learner: StreamLearner) -> npt.NDArray[np.int64]:
            if not isinstance(learner, StreamClassifier):
                raise LabelError(
                    f"{source}: class indices for a learner that predicts a number; use learn"
                )
            return ByIndex(learner).test_then_learn_block(x, y)

        return self._teach(image, source, block)

    def _teach(
        self, image: bytes, source: str, teach: Callable[[StreamLearner], _Result]
    ) -> tuple[bytes, _Result]:
        with self._lock:
            mould, state = self._read(image, source)
            learner = mould.learner
            learner._state = state
            try:
                found = teach(learner)
                learned, _, _ = learner.__getstate__()
            finally:
                self._restore(mould)
            after = self._mould_of(learned) if _names(learned) != _names(mould.image) else mould
            data = pack(after.text, state_to_bytes(learned.state))
            self._keep(_Live(data, learned.state, after))
            return data, found

    def _read(self, image: bytes, source: str) -> tuple[_Mould, State]:
        """Return what teaches an image, and its state; it is alive no longer."""
        known = isinstance(image, bytes | bytearray | memoryview)
        found = self._alive.pop(bytes(image[:_HEAD]), None) if known else None
        if found is not None and found.data == image:
            return found.mould, found.state
        text, payload = unpack(image, source)
        mould = self._moulds.get(text)
        state = None if mould is None else mould.state_of(payload)
        if mould is not None and state is not None:
            self._moulds.move_to_end(text)
            return mould, state
        decoded = decode_image(image, source)
        return self._mould_of(decoded), decoded.state

    def _mould_of(self, image: Image) -> _Mould:
        text = describe(image)
        found = self._moulds.get(text)
        if found is None:
            kind = learner_class(image.config.rule, image.spec.head)
            found = _Mould(text, image, kind._from_image(image, self._backend))
            self._moulds[text] = found
            while len(self._moulds) > MOULDS:
                self._moulds.popitem(last=False)
        return found

    def _restore(self, mould: _Mould) -> None:
        """Take back the labels and names that one image's samples brought along."""
        learner, image = mould.learner, mould.image
        if (learner.labels, learner._features) != _names(image):
            learner.__setstate__((image, self._backend, (image.labels or None, image.features)))

    def _keep(self, live: _Live) -> None:
        self._alive[live.data[:_HEAD]] = live
        while len(self._alive) > self._capacity:
            self._alive.popitem(last=False)


def _names(image: Image) -> tuple[Any, Any]:
    return tuple(image.labels), image.features
