"""What every learner of classes is to its user, whatever its rule: verbs, labels, state, files."""

from __future__ import annotations

import importlib.util
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from quant.errors import InputValueError, LabelError, ShapeError, StateFormatError
from quant.image import Image, decode_image, encode_image
from quant.mesu_q16 import Saturations
from quant.spec import Config, NetworkSpec
from quant.state import (
    Arithmetic,
    State,
    init_state,
    state_from_bytes,
    state_sha256,
)
from streamlearn.engines import Backend, make_engine

if TYPE_CHECKING:
    from typing_extensions import Self

Features = Mapping[Any, float] | Sequence[float] | npt.NDArray[Any]


class StreamClassifier:
    """A classifier that learns one sample at a time; a subclass names its rule.

    A subclass makes its network and hyperparameters and hands them to :meth:`_start`.
    """

    #: The rule of the subclass, as in :class:`quant.spec.NetworkSpec`.
    _rule: str
    _supervised = True
    _multiclass = True
    config: Any

    def _start(
        self,
        spec: NetworkSpec,
        config: Config,
        arithmetic: Arithmetic,
        seed: int,
        classes: Sequence[Hashable] | None,
        features: Sequence[str] | None,
        backend: Backend | None,
    ) -> None:
        if features is not None and len(features) != spec.n_features:
            raise ShapeError(
                f"features has {len(features)} names: a {spec} network takes {spec.n_features}"
            )
        state = init_state(spec, config, arithmetic, seed)
        names = None if features is None else tuple(features)
        labels = tuple(classes) if classes is not None else ()
        self._setup(Image(spec, config, arithmetic, state, labels, names), backend)

    def _setup(self, image: Image, backend: Backend | None) -> None:
        self.spec, self.config, self.arithmetic = image.spec, image.config, image.arithmetic
        if len(image.labels) > self.spec.n_classes or len(set(image.labels)) != len(image.labels):
            raise LabelError(
                f"classes={list(image.labels)}: expected at most {self.spec.n_classes} different "
                "labels, as many as the last layer has units"
            )
        self._state = image.state
        self._backend = backend
        self._engine = make_engine(self.spec, self.config, self.arithmetic, backend)
        self._labels: list[Any] = list(image.labels)
        self._index: dict[Any, int] = {label: i for i, label in enumerate(self._labels)}
        self._features = image.features
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
        if self._features is None and isinstance(x, Mapping):
            self._features = tuple(map(str, x))
        return self._labels[predicted] if predicted < len(self._labels) else None

    def predict_one(self, x: Features) -> Any:
        """Return the most probable label, or None before any label is known.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.
        """
        _, logits = self._engine.predict(self._state, self._read(x))
        known = len(self._labels)
        return self._labels[int(np.argmax(logits[:known]))] if known else None

    def predict_proba_one(self, x: Features) -> dict[Any, float]:
        """Return the probability of each known label: the softmax of the mean logits.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.
        """
        _, logits = self._engine.predict(self._state, self._read(x))
        if not self._labels:
            return {}
        known = logits[: len(self._labels)]
        weights = np.exp(known - known.max())
        return dict(zip(self._labels, (weights / weights.sum()).tolist(), strict=True))

    def _read(self, x: Features) -> npt.NDArray[np.float64]:
        if isinstance(x, Mapping):
            x = self._in_order(x)
        try:
            given = np.asarray(x)
        except ValueError as error:
            raise InputValueError(f"features must be numbers, one a feature: {error}") from error
        if given.dtype.kind not in "fiub" or np.ma.is_masked(x):
            foreign = [v for v in given.astype(object).flat if not isinstance(v, int | float)]
            raise InputValueError(
                f"features must be numbers: got {foreign[0]!r}. Nothing was learned; convert it or "
                "drop the sample"
                if foreign
                else "features must be numbers: got masked values. Nothing was learned; drop the "
                "sample, or fill them"
            )
        values = given.astype(np.float64)
        if values.shape != (self.spec.n_features,):
            raise ShapeError(
                f"x has shape {values.shape}: a {self.spec} network takes ({self.spec.n_features},)"
            )
        bad = np.flatnonzero(~(np.abs(values) <= np.finfo(np.float32).max))
        if len(bad):
            names = self._features or [f"feature {i}" for i in range(len(values))]
            raise InputValueError(
                f"{names[bad[0]]} is {values[bad[0]]}: expected a finite number within float32; "
                f"{len(bad)} of {len(values)} values are bad. Nothing was learned; drop or "
                "repair the sample"
            )
        return values.astype(np.float32).astype(np.float64)

    def _in_order(self, x: Mapping[Any, float]) -> list[float]:
        if self._features is None:
            return list(x.values())
        named = {str(name): value for name, value in x.items()}
        missing = [name for name in self._features if name not in named]
        unknown = sorted(set(named) - set(self._features))
        if missing or unknown:
            raise ShapeError(
                f"features differ from the first sample's: missing {missing[:5]}, "
                f"unknown {unknown[:5]}"
            )
        return [named[name] for name in self._features]

    def _class_of(self, label: Any) -> int:
        """Return the index of a label; a new one gets the next, if there is one."""
        if label is None or label != label:
            raise LabelError(f"label {label!r} is no label: drop the sample, or name the class")
        index = self._index.get(label)
        if index is not None:
            return index
        if len(self._labels) >= self.spec.n_classes:
            raise LabelError(
                f"label {label!r} is unknown: the {self.spec.n_classes} classes are "
                f"{self._labels}; give the network a larger last layer or drop the sample"
            )
        return len(self._labels)

    # -- state ------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """A copy of the state: exactly what must survive a power cut (:mod:`quant.state`)."""
        state: State = self._state.copy()
        return state

    @state.setter
    def state(self, state: State | bytes | bytearray | memoryview) -> None:
        data = state.tobytes() if isinstance(state, np.ndarray) else bytes(state)
        self._state = state_from_bytes(self.spec, self.arithmetic, data)

    @property
    def state_sha256(self) -> str:
        """SHA-256 of the state's bytes."""
        return state_sha256(self._state)

    @property
    def labels(self) -> tuple[Any, ...]:
        """The label of each class index seen or given so far."""
        return tuple(self._labels)

    @property
    def n_samples(self) -> int:
        """Number of samples learned, modulo 2^32."""
        return int(self._state["n_samples"][0])

    @property
    def saturations(self) -> Saturations:
        """How often values met the end of their format since this object was made."""
        return self._engine.saturations

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
        return encode_image(self.__getstate__()[0])

    @classmethod
    def from_bytes(
        cls, data: bytes, backend: Backend | None = None, source: str = "state image"
    ) -> Self:
        """Invert :meth:`to_bytes`; learning goes on as if it had never stopped.

        Raises
        ------
        StateFormatError
            If the image is foreign, truncated, damaged, of another version, or of another rule.
        """
        image = decode_image(data, source)
        if image.spec.rule != cls._rule:
            raise StateFormatError(
                f"{source}: holds a learner of the rule {image.spec.rule!r}, {cls.__name__} takes "
                f"{cls._rule!r}; streamlearn.load reads any"
            )
        return cls._from_image(image, backend)

    @classmethod
    def _from_image(cls, image: Image, backend: Backend | None) -> Self:
        learner = cls.__new__(cls)
        learner._setup(image, backend)
        return learner

    def save(self, path: str | Path) -> None:
        """Write the state image to a file; a crash leaves the old file or the new one whole."""
        path = Path(path)
        temporary = path.with_name(path.name + ".new")
        temporary.write_bytes(self.to_bytes())
        temporary.replace(path)

    @classmethod
    def load(cls, path: str | Path, backend: Backend | None = None) -> Self:
        """Read a state image from a file; see :meth:`from_bytes`."""
        return cls.from_bytes(Path(path).read_bytes(), backend, str(path))

    def __getstate__(self) -> tuple[Image, Backend | None]:
        image = Image(
            self.spec,
            self.config,
            self.arithmetic,
            self.state,
            tuple(self._labels),
            self._features,
        )
        return image, self._backend

    def __setstate__(self, state: tuple[Image, Backend | None]) -> None:
        self._setup(*state)


def _register_with_river() -> None:
    """Let River's isinstance checks see a classifier, where River is installed."""
    if importlib.util.find_spec("river") is not None:
        from river.base import Classifier

        Classifier.register(StreamClassifier)
