"""What every learner of classes is to its user, whatever its rule: verbs, labels, state, files."""

from __future__ import annotations

import importlib.util
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from quant.errors import LabelError
from quant.heads.head import ClassPrediction
from quant.image import Image
from streamlearn.engines import Backend
from streamlearn.learners.base import Features, StreamLearner

if TYPE_CHECKING:
    from typing_extensions import Self


class StreamClassifier(StreamLearner):
    """A classifier that learns one sample at a time; a subclass names its rule."""

    _multiclass = True

    def _setup(self, image: Image, backend: Backend | None) -> None:
        super()._setup(image, backend)
        for label in image.labels:
            _check_label(label)
        if len(image.labels) > self.spec.n_classes or len(set(image.labels)) != len(image.labels):
            raise LabelError(
                f"classes={list(image.labels)}: expected at most {self.spec.n_classes} different "
                "labels, as many as the last layer has units"
            )
        self._labels: list[Any] = list(image.labels)
        self._index: dict[Any, int] = {label: i for i, label in enumerate(self._labels)}
        _register_with_river()

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
            If the label is new and every class already has one.
        DivergedError
            If a floating-point state no longer gives finite outputs.
        """
        self.test_then_learn_one(x, y)
        return self

    def test_then_learn_one(self, x: Features, y: Hashable) -> Any:
        """Predict, then learn, in one forward pass, as the device does; return the prediction.

        Before all classes have a label this may be None: the class without one.

        Raises
        ------
        ShapeError, InputValueError, LabelError, DivergedError
            As :meth:`learn_one`.
        """
        values, label = self._read(x), y.item() if isinstance(y, np.generic) else y
        index = self._class_of(label)
        predicted = self._engine.learn(self._state, values, index)
        if index == len(self._labels):
            self._labels.append(label)
            self._index[label] = index
        self._note_names(x)
        return self._labels[predicted] if predicted < len(self._labels) else None

    def predict_one(self, x: Features) -> Any:
        """Return the most probable label, or None before any label is known.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.
        """
        logits = self._logits(x)
        known = len(self._labels)
        return self._labels[int(np.argmax(logits[:known]))] if known else None

    def predict_proba_one(self, x: Features) -> dict[Any, float]:
        """Return the probability of each known label: the softmax of the mean logits.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.
        """
        logits = self._logits(x)
        if not self._labels:
            return {}
        known = logits[: len(self._labels)]
        weights = np.exp(known - known.max())
        return dict(zip(self._labels, (weights / weights.sum()).tolist(), strict=True))

    def _logits(self, x: Features) -> npt.NDArray[np.float64]:
        found: ClassPrediction = self._engine.predict(self._state, self._read(x))
        return found.logits

    def _class_of(self, label: Any) -> int:
        """Return the index of a label; a new one gets the next, if there is one."""
        _check_label(label)
        index = self._index.get(label)
        if index is not None:
            return index
        if len(self._labels) >= self.spec.n_classes:
            raise LabelError(
                f"label {label!r} is unknown: the {self.spec.n_classes} classes are "
                f"{self._labels}; give the network a larger last layer or drop the sample"
            )
        return len(self._labels)

    @property
    def labels(self) -> tuple[Any, ...]:
        """The label of each class index seen or given so far."""
        return tuple(self._labels)

    def to_bytes(self) -> bytes:
        """Return the state image: the learner in one self-describing block (docs/state-format.md).

        Raises
        ------
        LabelError
            If a label is not text, a number or a truth value, which a file can hold.
        """
        for label in self._labels:
            if not isinstance(label, str | int | float | bool):
                raise LabelError(
                    f"label {label!r} of type {type(label).__name__} cannot be saved: "
                    "use text, numbers or truth values"
                )
        return super().to_bytes()


def _check_label(label: Any) -> None:
    """Refuse what cannot name a class: None, NaN, lists, arrays."""
    if label is None or not isinstance(label, Hashable) or label != label:
        raise LabelError(
            f"label {label!r} is no label: drop the sample, or name the class by text or a number"
        )


def _register_with_river() -> None:
    """Let River's isinstance checks see a classifier, where River is installed."""
    if importlib.util.find_spec("river") is not None:
        from river.base import Classifier

        Classifier.register(StreamClassifier)
