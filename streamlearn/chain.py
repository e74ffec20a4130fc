"""Stages in front of any learner: raw samples go in, a prediction comes out with each row."""

from __future__ import annotations

import copy
import hashlib
import threading
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from quant.durable import write_durably
from quant.errors import ConfigError, LabelError, ShapeError, StateFormatError
from quant.stages import Stage, Stages, check_stages
from quant.stages.bank import Bank
from quant.stages.delta import Delta
from quant.stages.golden import GoldenStages
from quant.stages.native import NativeStages
from quant.stages.stage import HOP_MAX, whole
from quant.stages.standardise import Standardise
from quant.stages.traces import Traces
from quant.stages.window import Window
from streamlearn import chain_file
from streamlearn.engine import Backend
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.learners.forking import follow
from streamlearn.learners.labels import read_label, read_target
from streamlearn.learners.loading import read
from streamlearn.learners.samples import Floats, Sample, read_sample, read_samples
from streamlearn.learners.spikes import Spikes

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Bank", "Chain", "Delta", "Stages", "Standardise", "Traces", "Window"]


class Chain:
    """A learner behind a chain of stages.

    One call per raw sample. When the last stage has a row of features, the learner predicts, and
    learns if the sample came with a label: the label of a row is that of its last sample. Between
    two rows there is no prediction, and the verbs return None. For a spiking learner each row is a
    step of time.

    Parameters
    ----------
    learner : any learner of this package
        Takes as many features as the last stage gives.
    stages : Stages, Stage, or sequence of Stage
        From the raw sample to the learner. A single one needs no :class:`Stages` around it.
    learn_every : int
        Of the rows that come with a label, each so many-th is learned; all are predicted. For
        labels that stay the same for long.
    backend : {"c", "numpy"}
        What computes the features: C, or the golden model with the same bits.

    Raises
    ------
    ConfigError
        If the learner takes another number of features.
    BuildError
        If the C compiler fails.
    """

    def __init__(
        self,
        learner: Any,
        stages: Stages | Stage | Sequence[Stage],
        learn_every: int = 1,
        backend: Backend = "c",
    ) -> None:
        if not isinstance(learner, StreamLearner):
            raise ConfigError(f"Chain({type(learner).__name__}, ...): expected a learner first")
        every = whole("learn_every", learn_every, 1, HOP_MAX)
        chain = stages if isinstance(stages, Stages) else Stages(stages)
        check_stages(chain, learner.spec)
        if backend not in ("c", "numpy"):
            raise ConfigError(f"backend={backend!r}: expected 'c' or 'numpy'")
        self.learner: Any = learner
        self.stages = chain
        self.learn_every = every
        self._engine = NativeStages(chain) if backend == "c" else GoldenStages(chain)
        self._state = chain.start()
        self._passed = 0  # labelled rows since one was learned
        self._backend: Backend = backend
        self._lock = threading.RLock()
        follow(self, around=True)

    def learn_one(self, x: Sample, y: Hashable) -> Self:
        """Take one raw sample; if a row of features comes with it, learn it with its label.

        ``y`` None: only take it.

        Raises
        ------
        ShapeError, InputValueError, LabelError, DivergedError
            As the learner's own; then the sample was not taken.
        """
        self.test_then_learn_one(x, y)
        return self

    def test_then_learn_one(self, x: Sample, y: Hashable) -> Any:
        """Predict, then learn, if a row of features comes; return the prediction, else None.

        Raises
        ------
        ShapeError, InputValueError, LabelError, DivergedError
            As :meth:`learn_one`.
        """
        with self._lock:
            values = read_sample(x, self.stages)
            if y is not None:
                self._check_label(y)
            found = self._engine.look(self._state, values)
            predicted = None
            if found is not None:
                predicted = self._asked(found, y)
            self._engine.push(self._state, values)
            return predicted

    def _asked(self, found: Floats, y: Hashable) -> Any:
        """Predict a row, and learn it if its turn has come."""
        if y is None or self._passed + 1 < self.learn_every:
            predicted = self._look(found)
            self._passed += y is not None
            return predicted
        predicted = self.learner.test_then_learn_one(found, y)
        self._passed = 0
        return predicted

    def _look(self, found: Floats) -> Any:
        """Predict a row that is not learned: of a spiking learner, a step of time."""
        is_step = isinstance(self.learner, Spikes)
        return self.learner.step(found) if is_step else self.learner.predict_one(found)

    def _check_label(self, y: Hashable) -> None:
        """Refuse a label that no row could be learned with."""
        if isinstance(self.learner, StreamClassifier):
            self.learner._class_of(read_label(y))
        else:
            read_target(y)

    def step(self, x: Sample) -> Any:
        """Take one raw sample without a label; return what is predicted if a row comes.

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
            found = self._engine.look(self._state, read_sample(x, self.stages))
            return None if found is None else self.learner.predict_one(found)

    def features_one(self, x: Sample) -> Floats | None:
        """Return the features that would come with a sample, or None; change nothing.

        For any other verb of the learner, such as ``novelty_one``.

        Raises
        ------
        ShapeError, InputValueError
            As :meth:`learn_one`.
        """
        with self._lock:
            return self._engine.look(self._state, read_sample(x, self.stages))

    def reset(self) -> None:
        """Begin a recording: nothing of the one before stays. What was learned stays."""
        with self._lock:
            self.stages.reset(self._state)
            if isinstance(self.learner, Spikes):
                self.learner.reset()

    def learn_recording(self, X: Any, y: Hashable) -> Self:
        """Learn the rows of a recording from its start, all with one label.

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
            rows = read_samples(X, self.stages)
            self._check_label(y)
            self.reset()
            for row in rows:
                self.test_then_learn_one(row, y)
        return self

    def predict_recording(self, X: Any) -> Any:
        """Return the label of a whole recording: that of the largest product of probabilities.

        The learner stays as it is. Each row's probabilities count, none of them less than
        1/1000; of a spiking learner its own verb decides.

        Raises
        ------
        LabelError
            If no label is known yet, or the learner predicts a number.
        ShapeError
            If the recording is too short for a row; or as :meth:`learn_one`.
        """
        with self._lock:
            state = self._state.copy()
            self.stages.reset(state)
            found = self._engine.run(state, read_samples(X, self.stages))
            if not self.learner.labels:
                raise LabelError("no label is known yet: learn a recording, or give classes=")
            if not len(found):
                raise ShapeError(
                    f"a recording of {len(X)} samples: too short for a row of features"
                )
            if isinstance(self.learner, Spikes):
                return self.learner.predict_recording(found)
            shares = np.array(self.learner.predict_proba_many(found))
            total = np.log(np.maximum(shares, 1e-3)).sum(axis=0)
            return self.learner.labels[int(np.argmax(total))]

    def settled(self) -> Stages:
        """Return the stages as an export takes them: they begin with what is known of the sensor.

        ``write_export(chain.learner, folder, stages=chain.settled())``: with a
        :class:`Standardise` among them a board begins with the statistics of now.
        """
        with self._lock:
            return self.stages.settled(self._state)

    @property
    def labels(self) -> tuple[Any, ...]:
        """The learner's labels."""
        found: tuple[Any, ...] = self.learner.labels
        return found

    @property
    def n_samples(self) -> int:
        """Number of rows learned."""
        return int(self.learner.n_samples)

    @property
    def state_sha256(self) -> str:
        """SHA-256 of the stages' state, then the learner's."""
        with self._lock:
            both = self._state.tobytes() + self.learner.state.tobytes()
        return hashlib.sha256(both).hexdigest()

    def to_bytes(self) -> bytes:
        """Return the whole chain: a line of JSON, then the learner's state image."""
        with self._lock:
            return chain_file.to_bytes(
                self.stages, self._state, self.learn_every, self._passed, self.learner.to_bytes()
            )

    @classmethod
    def from_bytes(cls, data: bytes, source: str = "chain") -> Self:
        """Invert :meth:`to_bytes`; everything goes on as if it had never stopped.

        Raises
        ------
        StateFormatError
            If the bytes are foreign, damaged, cut or of another version.
        """
        stages, state, every, passed, image = chain_file.from_bytes(data, source)
        try:
            found = cls(read(image, source), stages, every)
            found._state = stages.state_from_bytes(state)
            found._passed = whole("passed", passed, 0, every - 1)
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

    def __deepcopy__(self, memo: dict[int, Any]) -> Chain:
        found = Chain.__new__(type(self))
        found.__setstate__(self._kept(memo))
        return found

    def __getstate__(self) -> tuple[Any, ...]:
        return self._kept({})

    def _kept(self, memo: dict[int, Any]) -> tuple[Any, ...]:
        with self._lock:  # stages and learner of one sample
            learner, state = copy.deepcopy(self.learner, memo), self._state.copy()
            given = learner, self.stages, self.learn_every, self._backend
            return given, state, self._passed

    def __setstate__(self, kept: tuple[Any, ...]) -> None:
        given, state, passed = kept
        Chain.__init__(self, *given)
        self._state, self._passed = state, passed

    def __repr__(self) -> str:
        return f"Chain({self.learner!r}, {self.stages!r})"
