"""Windows in front of any learner: raw samples go in, a prediction comes out per window."""

from __future__ import annotations

import base64
import binascii
import copy
import hashlib
import json
import threading
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from quant.durable import write_durably
from quant.errors import ConfigError, LabelError, ShapeError, StateFormatError
from quant.window import Window, golden, reset
from quant.window.file import from_bytes as window_from_bytes
from quant.window.file import to_bytes as window_to_bytes
from quant.window.native import NativeWindow
from streamlearn.engine import Backend
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.learners.labels import read_label, read_target
from streamlearn.learners.loading import read
from streamlearn.learners.samples import Floats, Sample, read_sample, read_samples

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Window", "Windowed"]

FORMAT, VERSION = "streamlearn-windowed", 1


class Windowed:
    """A learner behind a window of a signal.

    One call per raw sample. When a window ends, the learner predicts, and learns if the sample
    came with a label: the label of a window is that of its last sample. Between two ends there is
    no prediction, and the verbs return None.

    Parameters
    ----------
    learner : any learner of this package
        Takes `window.n_features` features.
    window : Window
    backend : {"c", "numpy"}
        What computes the features: C, or the golden model with the same bits.

    Raises
    ------
    ConfigError
        If the learner takes another number of features, or is a spiking one: it has a sense of
        time itself.
    BuildError
        If the C compiler fails.
    """

    def __init__(self, learner: Any, window: Window, backend: Backend = "c") -> None:
        if not isinstance(learner, StreamLearner) or not isinstance(window, Window):
            raise ConfigError(
                f"Windowed({type(learner).__name__}, {type(window).__name__}): expected a learner "
                "and a Window"
            )
        if learner.spec.leaks:
            raise ConfigError("a spiking learner has a sense of time itself: give it raw samples")
        if learner.spec.n_features != window.n_features:
            raise ConfigError(
                f"the window gives {window.n_features} features, the learner takes "
                f"{learner.spec.n_features}: make it with layers=({window.n_features}, ...)"
            )
        if backend not in ("c", "numpy"):
            raise ConfigError(f"backend={backend!r}: expected 'c' or 'numpy'")
        self.learner: Any = learner
        self.window = window
        self._engine: Any = NativeWindow(window) if backend == "c" else golden
        self._state = window.start()
        self._backend: Backend = backend
        self._lock = threading.RLock()

    def _look(self, x: Floats) -> Floats | None:
        if self._backend == "c":
            return self._engine.look(self._state, x)  # type: ignore[no-any-return]
        return golden.look(self.window, self._state, x)

    # -- one sample -------------------------------------------------------------------------

    def learn_one(self, x: Sample, y: Hashable) -> Self:
        """Take one raw sample; where it ends a window, learn the window with its label.

        ``y`` None: only take it.

        Raises
        ------
        ShapeError, InputValueError, LabelError, DivergedError
            As the learner's own; then the sample was not taken.
        """
        self.test_then_learn_one(x, y)
        return self

    def test_then_learn_one(self, x: Sample, y: Hashable) -> Any:
        """Predict, then learn, where a sample ends a window; return the prediction, else None.

        Raises
        ------
        ShapeError, InputValueError, LabelError, DivergedError
            As :meth:`learn_one`.
        """
        with self._lock:
            values = read_sample(x, self.window)
            found = self._look(values)
            predicted = None
            if found is not None and y is None:
                predicted = self.learner.predict_one(found)
            elif found is not None:
                predicted = self.learner.test_then_learn_one(found, y)
            elif y is not None:
                self._check_label(y)
            golden.push(self.window, self._state, values)
            return predicted

    def _check_label(self, y: Hashable) -> None:
        """Refuse a label that no window could be learned with."""
        if isinstance(self.learner, StreamClassifier):
            self.learner._class_of(read_label(y))
        else:
            read_target(y)

    def step(self, x: Sample) -> Any:
        """Take one raw sample without a label; return what is predicted if it ends a window.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.
        """
        return self.test_then_learn_one(x, None)

    def predict_one(self, x: Sample) -> Any:
        """Return what :meth:`step` would return for the next sample, and change nothing.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.
        """
        with self._lock:
            found = self._look(read_sample(x, self.window))
            return None if found is None else self.learner.predict_one(found)

    def features_one(self, x: Sample) -> Floats | None:
        """Return the features of the window that a sample would end, or None; change nothing.

        For any other verb of the learner, such as ``novelty_one``.

        Raises
        ------
        ShapeError, InputValueError
            As :meth:`learn_one`.
        """
        with self._lock:
            return self._look(read_sample(x, self.window))

    def reset(self) -> None:
        """Begin a recording: no window holds samples of two. What was learned stays."""
        with self._lock:
            reset(self.window, self._state)

    # -- whole recordings -------------------------------------------------------------------

    def learn_recording(self, X: Any, y: Hashable) -> Self:
        """Learn the windows of a recording from its start, all with one label.

        Parameters
        ----------
        X : array ``[n_steps, channels]``
        y : label or number

        Raises
        ------
        ShapeError, InputValueError, LabelError, DivergedError
            As :meth:`learn_one`; before the first sample, but for what diverges.
        """
        with self._lock:
            rows = read_samples(X, self.window)
            self._check_label(y)
            self.reset()
            for row in rows:
                self.test_then_learn_one(row, y)
        return self

    def predict_recording(self, X: Any) -> Any:
        """Return the label of a whole recording: that of the largest product of probabilities.

        The learner stays as it is. Each window's probabilities count, none of them less than
        1/1000.

        Raises
        ------
        LabelError
            If no label is known yet, or the learner predicts a number.
        ShapeError
            If the recording is shorter than a window; or as :meth:`learn_one`.
        """
        with self._lock:
            found = golden.recording(self.window, read_samples(X, self.window))
            if not self.learner.labels:
                raise LabelError("no label is known yet: learn a recording, or give classes=")
            if not len(found):
                raise ShapeError(f"a recording of {len(X)} samples: a window has {self.window.n}")
            shares = np.array(self.learner.predict_proba_many(found))
            total = np.log(np.maximum(shares, 1e-3)).sum(axis=0)
            return self.learner.labels[int(np.argmax(total))]

    # -- state and files --------------------------------------------------------------------

    @property
    def labels(self) -> tuple[Any, ...]:
        """The learner's labels."""
        found: tuple[Any, ...] = self.learner.labels
        return found

    @property
    def n_samples(self) -> int:
        """Number of windows learned."""
        return int(self.learner.n_samples)

    @property
    def state_sha256(self) -> str:
        """SHA-256 of the window's state, then the learner's."""
        with self._lock:
            both = self._state.tobytes() + self.learner.state.tobytes()
        return hashlib.sha256(both).hexdigest()

    def to_bytes(self) -> bytes:
        """Return the whole chain: a line of JSON, then the learner's state image."""
        with self._lock:
            image: bytes = self.learner.to_bytes()
            head = {
                "format": FORMAT,
                "version": VERSION,
                "window": window_to_bytes(self.window).decode(),
                "state": base64.b64encode(self._state.tobytes()).decode(),
                "sha256": hashlib.sha256(self._state.tobytes() + image).hexdigest(),
            }
        return json.dumps(head).encode() + b"\n" + image

    @classmethod
    def from_bytes(cls, data: bytes, source: str = "windowed learner") -> Self:
        """Invert :meth:`to_bytes`; everything goes on as if it had never stopped.

        Raises
        ------
        StateFormatError
            If the bytes are foreign, damaged, cut or of another version.
        """
        text, _, image = data.partition(b"\n")
        try:
            head = json.loads(text)
            known = head["format"] == FORMAT and head["version"] == VERSION
            state = base64.b64decode(head["state"], validate=True)
            window = window_from_bytes(head["window"].encode(), source)
        except (KeyError, TypeError, ValueError, RecursionError, binascii.Error) as error:
            raise StateFormatError(f"{source}: no windowed learner of this version") from error
        if not known or hashlib.sha256(state + image).hexdigest() != head.get("sha256"):
            raise StateFormatError(
                f"{source}: another version, or its contents are damaged; take it from the backup"
            )
        try:
            found = cls(read(image, source), window)
            found._state = window.state_from_bytes(state)
        except (ConfigError, ShapeError) as error:
            raise StateFormatError(f"{source}: {error}") from error
        return found

    def save(self, path: str | Path) -> None:
        """Write :meth:`to_bytes` to a file; a crash leaves the old file or the new one whole.

        Raises
        ------
        WriteError
            An OSError. If it cannot be written; what was there before is untouched.
        """
        write_durably(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote; see :meth:`from_bytes`."""
        return cls.from_bytes(Path(path).read_bytes(), str(path))

    def __deepcopy__(self, memo: dict[int, Any]) -> Windowed:
        found = Windowed(copy.deepcopy(self.learner, memo), self.window, self._backend)
        found._state = self._state.copy()
        return found

    def __repr__(self) -> str:
        return f"Windowed({self.learner!r}, {self.window!r})"
