"""What every learner on a stream shares, whatever it predicts: features, state, files."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.durable import write_durably
from quant.errors import ShapeError, StateFormatError
from quant.image import Image, check_names, decode_image, encode_image
from quant.levels import Levels, levels_of
from quant.library import address
from quant.network import NetworkSpec
from quant.state import State, started, state_from_bytes, state_sha256
from streamlearn.engines import Backend, Engine, make_engine
from streamlearn.learners.forking import follow
from streamlearn.learners.labels import read_label
from streamlearn.learners.odometer import Odometer
from streamlearn.learners.parameters import Parameters
from streamlearn.learners.river_protocol import RiverEstimator
from streamlearn.learners.rows import names_of, read_block, read_row
from streamlearn.learners.template import as_tuple, template

if TYPE_CHECKING:
    from typing_extensions import Self

Features = Mapping[Any, float] | Sequence[float] | npt.NDArray[Any]


class StreamLearner(Parameters, RiverEstimator):
    """A learner that takes one sample at a time; a subclass names its rule and its head.

    A subclass has explicit keyword parameters, and hands them all to :meth:`_build`.

    Several threads may ask, teach and save one learner: each call is whole, and learners do not
    wait for one another.
    """

    #: Names in :data:`quant.rule.RULES` and :data:`quant.heads.HEADS`.
    _rule: str
    _head = "categorical"
    #: Whether its network is a spiking one.
    _spikes = False
    _engine: Engine
    spec: NetworkSpec
    config: Any
    arithmetic: str
    #: The state, and the address of its first byte, which the quick ways of an engine take.
    _held: State
    _state_at: int
    #: Held by whoever asks or teaches this learner: a kernel has one scratch for both.
    _lock: threading.RLock

    def __new__(cls, *args: Any, **given: Any) -> Self:
        """Make a learner with a lock of its own; copies and unpickled learners get theirs here."""
        learner = super().__new__(cls, *args, **given)
        learner._lock = threading.RLock()
        follow(learner)
        return learner

    def _build(self, given: Mapping[str, Any]) -> None:
        """Make the network, the hyperparameters and the state from a constructor's parameters.

        Parameters
        ----------
        given : mapping
            The constructor's ``locals()``: ``layers``, ``arithmetic``, ``seed``, ``bias``,
            ``front_end``, ``features``, ``backend``, for a classifier ``classes`` and those of
            replay and memory, and the fields of the rule's configuration.
        """
        spec, config, blank = template(self._rule, self._head, given)
        names = given["features"]
        if names is not None:
            names = tuple(map(str, as_tuple("features", names)))
            if len(names) != spec.n_features:
                raise ShapeError(
                    f"features has {len(names)} names: a {spec} network takes {spec.n_features}"
                )
        check_names(names)
        state = started(spec, config, given["arithmetic"], blank, given["seed"])
        classes = given.get("classes")
        labels = () if classes is None else as_tuple("classes", classes)
        labels = tuple(map(read_label, labels))
        image = Image(spec, config, given["arithmetic"], state, labels, names)
        self._setup(image, given["backend"])

    def _setup(self, image: Image, backend: Backend | None) -> None:
        """Take what an image holds."""
        self.spec, self.config, self.arithmetic = image.spec, image.config, image.arithmetic
        self._state = image.state
        self._backend = backend
        self._features = image.features
        self._odometer = Odometer(image.epochs, image.state)
        self._given = image.labels or None, image.features
        self._engine = make_engine(self.spec, self.config, self.arithmetic, backend)

    @property
    def _state(self) -> State:
        return self._held

    @_state.setter
    def _state(self, state: State) -> None:
        self._held, self._state_at = state, address(state)

    def _read(self, x: Features) -> npt.NDArray[np.float64]:
        return read_row(x, self.spec, self._features)

    def _read_many(self, X: Any) -> npt.NDArray[np.float64]:
        return read_block(X, self.spec, self._features)

    def _note_names(self, x: Any) -> None:
        """Keep the names of the first sample or block that was learned and has any."""
        if self._features is None:
            self._features = names_of(x)

    @property
    def state(self) -> State:
        """A copy of the state: exactly what must survive a power cut (:mod:`quant.state`)."""
        with self._lock:
            state: State = self._state.copy()
        return state

    @state.setter
    def state(self, state: State | bytes | bytearray | memoryview) -> None:
        if not isinstance(state, np.ndarray | bytes | bytearray | memoryview):
            raise ShapeError(
                f"state is {state!r}: expected the state of a learner of this network, or its bytes"
            )
        data = state.tobytes() if isinstance(state, np.ndarray) else bytes(state)
        read = state_from_bytes(self.spec, self.config, self.arithmetic, data)
        with self._lock:
            self._odometer.move(self._state, read)
            self._state = read

    @property
    def state_sha256(self) -> str:
        """SHA-256 of the state's bytes."""
        return state_sha256(self.state)

    @property
    def labels(self) -> tuple[Any, ...]:
        """The label of each class index seen or given so far; a regressor has none."""
        return ()

    @property
    def n_samples(self) -> int:
        """Number of samples learned.

        The state counts modulo 2^32, which is all that its noise needs. What passed that is kept
        beside it (:mod:`streamlearn.learners.odometer`) and saved.
        """
        with self._lock:
            return self._odometer.read(self._state)

    @property
    def saturations(self) -> Saturations:
        """How often values met the end of their format since this object was made."""
        with self._lock:
            found: Saturations = self._engine.saturations
        return found

    @property
    def levels(self) -> Levels:
        """Where the learner stands now: features that it cannot see, and its step's multiplier."""
        return levels_of(self.state)

    def to_bytes(self) -> bytes:
        """Return the state image: the learner in one block (docs/state-format.md)."""
        return encode_image(self.__getstate__()[0])

    @classmethod
    def from_bytes(
        cls, data: bytes, backend: Backend | None = None, source: str = "state image"
    ) -> Self:
        """Invert :meth:`to_bytes`; learning goes on as if it had never stopped.

        Raises
        ------
        StateFormatError
            If the image is foreign, truncated, damaged, of another version, or of another rule or
            head.
        """
        image = decode_image(data, source)
        for what, found, ours in (
            ("rule", image.config.rule, cls._rule),
            ("head", image.spec.head, cls._head),
            ("layers", *map(_kind, (len(image.spec.leaks) > 0, cls._spikes))),
        ):
            if found != ours:
                raise StateFormatError(
                    f"{source}: holds a learner of the {what} {found!r}, {cls.__name__} takes "
                    f"{ours!r}; streamlearn.load reads any"
                )
        return cls._from_image(image, backend)

    @classmethod
    def _from_image(cls, image: Image, backend: Backend | None) -> Self:
        learner = cls.__new__(cls)
        learner._setup(image, backend)
        return learner

    def save(self, path: str | Path) -> None:
        """Write the state image to a file; a crash leaves the old file or the new one whole.

        When this returns, the file is on the disk (:func:`quant.durable.write_durably`).

        Raises
        ------
        WriteError
            An OSError. If it cannot be written; what was there before is untouched.
        """
        write_durably(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | Path, backend: Backend | None = None) -> Self:
        """Read a state image from a file; see :meth:`from_bytes`."""
        return cls.from_bytes(Path(path).read_bytes(), backend, str(path))

    def __str__(self) -> str:
        return repr(self)  # River's base has another

    def _take(self, other: StreamLearner) -> None:
        """Take over what another learner of the same sizes has learned, not its parameters."""
        kept = self._given
        learned = other.__getstate__()[0]
        state = state_from_bytes(self.spec, self.config, self.arithmetic, learned.state.tobytes())
        labels, names = learned.labels, learned.features
        given = self.spec, self.config, self.arithmetic
        self._setup(Image(*given, state, labels, names, learned.epochs), self._backend)
        self._given = kept

    def __getstate__(self) -> tuple[Any, ...]:
        with self._lock:  # state, labels and names of one sample
            image = Image(
                self.spec,
                self.config,
                self.arithmetic,
                self.state,
                self.labels,
                self._features,
                self._odometer.epochs(self._state),
            )
        return image, self._backend, self._given

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        image, backend, given = state
        self._setup(image, backend)
        self._given = given


def _kind(spikes: bool) -> str:
    return "spiking" if spikes else "dense"
