"""What every learner of classes is to its user, whatever its rule: verbs, labels, state, files."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from quant.errors import DivergedError, LabelError
from quant.heads.categorical.taught import anything, compared
from quant.heads.head import ClassPrediction
from quant.image import Image
from quant.labels import shown
from quant.layout import State
from quant.status import REFUSED
from streamlearn.engines import DIVERGED, Backend
from streamlearn.learners.base import Features, StreamLearner
from streamlearn.learners.blocks import ClassBlocks, probabilities
from streamlearn.learners.doubts import ClassDoubts
from streamlearn.learners.labels import check_classes, check_savable, read_label
from streamlearn.learners.river_protocol import join_river

if TYPE_CHECKING:
    from typing_extensions import Self

Raw = npt.NDArray[np.float64]
#: Labels that are what they are: there is nothing inside them to look for.
PLAIN = frozenset({bool, int, str, np.int64, np.int32, np.uint8})
#: NumPy's numbers of types up to long double are those of real numbers.
LAST_REAL = np.dtype(np.longdouble).num


class StreamClassifier(ClassDoubts, ClassBlocks, StreamLearner):
    """A classifier that learns one sample at a time; a subclass names its rule."""

    def _setup(self, image: Image, backend: Backend | None) -> None:
        super()._setup(image, backend)
        check_classes(image.labels, self.spec.n_classes)
        self._labels: list[Any] = list(image.labels)
        self._index: dict[Any, int] = {label: i for i, label in enumerate(self._labels)}
        self._shape = (self.spec.n_features,)
        join_river(StreamClassifier, "Classifier")

    # -- learning ---------------------------------------------------------------------------

    def learn_one(self, x: Features, y: Hashable) -> Self:
        """Learn one sample: ``x`` of ``n_features`` finite numbers, ``y`` a label.

        Raises
        ------
        ShapeError
            If ``x`` has another number or other names of features.
        InputValueError
            If a value is NaN, infinite, not a number, or beyond float32.
        LabelError
            If the label is new and every class already has one, or it is no text, number or truth
            value, which a file can hold.
        DivergedError
            If a floating-point state no longer gives finite outputs.
        """
        self.test_then_learn_one(x, y)
        return self

    def test_then_learn_one(self, x: Features, y: Hashable) -> Any:
        """Predict, then learn, in one forward pass, as the device does; return the prediction.

        The first label before anything was taught. None if the predicted class has no label.

        Raises
        ------
        ShapeError, InputValueError, LabelError, DivergedError
            As :meth:`learn_one`.
        """
        with self._lock:
            if type(y) in PLAIN and type(x) is np.ndarray:  # the quick way: nothing to convert
                known_as = self._index.get(y)
                found = REFUSED if known_as is None else self._learn_row(x, known_as)
                if found != REFUSED:
                    return self._labels[found] if found < len(self._labels) else None
            values, label = self._read(x), read_label(y)
            index, known = self._class_of(label), len(self._labels)
            predicted = self._engine.learn(self._state, values, index)
            if index == len(self._labels):
                self._labels.append(label)
                self._index[label] = index
            self._note_names(x)
            return self._labels[predicted] if predicted < known else None

    def predict_one(self, x: Features, *, draws: bool = True) -> Any:
        """Return the most probable label of those taught, the first before anything was taught.

        None if the predicted class has no label: no label is known, or a device was taught it.

        Parameters
        ----------
        x : mapping, sequence or array
            Of ``n_features`` finite numbers.
        draws : bool
            False: predict with the mean weights, at about half the cost on a chip. Such a
            prediction does not see how sure the weights are, and has no epistemic part
            (docs/choose-a-rule.md says how right it is). A rule that draws nothing gives the same.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.
        """
        with self._lock:
            if type(x) is np.ndarray and (index := self._predict_row(x, draws)) != REFUSED:
                return self._labels[index] if index < len(self._labels) else None
            found: ClassPrediction = self._engine.predict(self._state, self._read(x), draws)
            known = found.class_index < len(self._labels)
            return self._labels[found.class_index] if known else None

    def _learn_row(self, x: npt.NDArray[Any], index: int) -> int:
        """Learn an array; return the class predicted, or REFUSED if it needs a closer look."""
        learn = self._engine.learn_row
        if learn is None or x.shape != self._shape or x.dtype.num > LAST_REAL:
            return REFUSED
        found: int = learn(self._state_at, x, index)
        if found < 0 and found != REFUSED:
            raise DivergedError(DIVERGED)
        return found

    def _predict_row(self, x: npt.NDArray[Any], draws: bool) -> int:
        """Return as :meth:`_learn_row`, and learn nothing."""
        predict = self._engine.predict_row
        if predict is None or x.shape != self._shape or x.dtype.num > LAST_REAL:
            return REFUSED
        found: int = predict(self._state_at, x, draws)
        if found < 0 and found != REFUSED:
            raise DivergedError(DIVERGED)
        return found

    def predict_proba_one(self, x: Features, *, draws: bool = True) -> dict[Any, float]:
        """Return the probability of each known label: the softmax of the mean logits.

        It is over the classes taught so far, and a label that was never taught has 0. Before
        anything was taught all labels are alike. ``draws`` as in :meth:`predict_one`.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.
        """
        with self._lock:
            logits = self._logits(self._read(x), draws)
            if not self._labels:
                return {}
            return dict(zip(self._labels, self._shares(logits).tolist(), strict=True))

    def recall_one(self, x: Features) -> Any:
        """Return the label by the memory alone, or None before any label is known.

        ``predict_one`` answers for now, with the network that follows the stream; this answers for
        everything that was ever taught. Needs ``memory=``.

        Raises
        ------
        ConfigError
            If the learner has no memory.
        ShapeError, InputValueError
            As :meth:`learn_one`.
        """
        return self._recalled(x)[0]

    def recall_proba_one(self, x: Features) -> dict[Any, float]:
        """Return the probability of each known label by the memory alone.

        Raises
        ------
        ConfigError, ShapeError, InputValueError
            As :meth:`recall_one`.
        """
        return self._recalled(x)[1]

    def _recalled(self, x: Features) -> tuple[Any, dict[Any, float]]:
        with self._lock:
            logs = self._engine.recall_many(self._state, self._read(x)[None])[0]
            if not self._labels:
                return None, {}
            known = logs[: len(self._labels)]
            found = probabilities(known).tolist()
            return self._labels[int(np.argmax(known))], dict(zip(self._labels, found, strict=True))

    def _logits(self, values: Raw, draws: bool = True) -> npt.NDArray[np.float64]:
        found: ClassPrediction = self._engine.predict(self._state, values, draws)
        return found.logits

    def _shares(
        self, logits: npt.NDArray[np.float64], state: State | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the probability of each known label, of which there is one at least, in a state.

        None: in the learner's own.
        """
        known, state = len(self._labels), self._state if state is None else state
        if not anything(state):
            return np.full(known, 1 / known)
        return probabilities(compared(state, logits))[:known]

    def _class_of(self, label: Any) -> int:
        """Return the index of a label; a new one gets the next, if there is one."""
        index = self._index.get(label)
        if index is not None:
            return index
        if len(self._labels) >= self.spec.n_classes:
            raise LabelError(
                f"label {shown(label)} is unknown: the {self.spec.n_classes} classes are "
                f"[{', '.join(map(shown, self._labels))}]; give the network a larger last layer or "
                "drop the sample"
            )
        check_savable(label)
        return len(self._labels)

    @property
    def labels(self) -> tuple[Any, ...]:
        """The label of each class index seen or given so far."""
        return tuple(self._labels)
