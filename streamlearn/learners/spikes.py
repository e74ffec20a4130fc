"""The verbs of a learner whose samples are steps of time."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from quant import spiking
from quant.errors import ConfigError, LabelError, ShapeError, StreamlearnError
from quant.heads.head import ClassPrediction
from quant.hyperparameters import is_whole
from quant.labels import shown
from quant.rooms import part
from quant.rule import RULES
from streamlearn.learners.activity import Activity, activity_of
from streamlearn.learners.base import Features, StreamLearner
from streamlearn.learners.blocks import like
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.learners.events import events_of
from streamlearn.learners.labels import read_label
from streamlearn.learners.parameters import parameter
from streamlearn.learners.template import as_tuple

if TYPE_CHECKING:
    from typing_extensions import Self


def spiking_class(rule: str) -> type[Any] | None:
    """Return the class of a rule's learners that spike; None if it has none."""
    return getattr(part(rule, "streamlearn"), "SPIKING", None)


class Spikes(StreamClassifier):
    """A classifier with a sense of time; a subclass names its rule.

    Parameters
    ----------
    layers : sequence of int
        ``(n_features, hidden..., n_classes)``.
    rule : str
        The learning rule: "mesu", or another one that learns spiking layers.
    classes : sequence, optional
        The label of each class. Default: labels are taken in the order in which they appear.
    arithmetic : {"q16", "q8", "float32", "float64"}
        Fixed point, 16 bits or 8 as the rule has it; floats in C; or the equations.
    seed : int
        Of the start and of the noise, 0 to 2^32 - 1.
    bias : bool
        Give every layer a bias: a constant current.
    front_end : {"frozen", "standardise", "none"}
        What makes values of raw ones, before the events (:class:`quant.network.NetworkSpec`). One
        that follows the signal by itself would take a level away that tells recordings apart.
    front_end_ranges : sequence of (float, float), optional
        See :class:`quant.network.NetworkSpec`.
    threshold : float or None
        Send-on-delta: an event is a change by so many of the front end's units, standard deviations
        where it standardises; 1/16 to 7.94, rounded to sixteenths. None: no events, the front end's
        values are currents.
    drift : int
        What a feature is compared with leaks towards the mean by 2^-drift a step, 1 to 8, so that
        a level that stays goes on to send events. 0: it does not leak.
    leaks : sequence of int, optional
        One number k for each layer of weights, 1 to 6: its inputs' traces and its membranes leak by
        2^-k a step, and so remember about 2^k steps. Default: 3, then 4.
    recurrent : bool
        Hidden units read their own layer's spikes of the step before, too.
    features : sequence of str, optional
        Names of the features, in order. Default: those of the first dict that is learned.
    backend : {"c", "numpy"}, optional
        In fixed point: the C kernel (default) or the golden model.
    {hyperparameters}

    Raises
    ------
    ConfigError
        If a value is out of range, or fixed point cannot hold it.
    LabelError
        If ``classes`` has duplicates or is longer than the output.
    ShapeError
        If ``features`` has another length than the input.
    """

    _spikes = True
    _made: tuple[str, ...] = ("layers", "rule", "threshold", "drift")

    def __new__(cls, *args: Any, rule: str | None = None, **given: Any) -> Any:
        """Make a learner of the class that the rule has.

        Raises
        ------
        ConfigError
            If the rule learns no spiking layers, or none as asked.
        """
        named = isinstance(rule, str)
        if rule is None or (named and rule == cls._rule):
            return super().__new__(cls, *args, **given)
        known = {name: kind for name in RULES if (kind := spiking_class(name)) is not None}
        if not named or rule not in known:
            raise ConfigError(
                f"rule={shown(rule)}: spiking layers learn by "
                f"{' or '.join(map(repr, known))} so far; no other rule does"
            )
        if given.get("recurrent") and not RULES[rule].recurrent:
            text = f"recurrent=True: the rule {rule!r} has no recurrent connections; leave it out"
            raise ConfigError(text)
        window = 0 if RULES[rule].averages else given.pop("average_window", 0)
        if not is_whole(window) or window:
            raise ConfigError(f"average_window: the rule {rule!r} has no averaged weights; give 0")
        return known[rule](*args, rule=rule, **given)

    # -- parameters -------------------------------------------------------------------------

    def _build(self, given: Mapping[str, Any]) -> None:
        # The forecast of a dense network's noise says nothing of sparse events.
        StreamLearner._build(self, self._network(given))

    def _network(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return a constructor's parameters with those of the network that they mean."""
        found = {name: value for name, value in given.items() if name not in ("self", *self._made)}
        layers = as_tuple("layers", given["layers"])
        threshold, leaks = given["threshold"], given["leaks"]
        if leaks is None:
            leaks = (3, *[4] * (len(layers) - 2))[: max(len(layers) - 1, 1)]
        found["leaks"] = as_tuple("leaks", leaks)
        if not found["leaks"]:
            raise ConfigError("leaks=(): give one number for each layer of weights, or None")
        found["delta"] = events_of(threshold, given["drift"])
        if found["delta"] and len(layers) > 1 and is_whole(layers[0]):
            layers = (2 * int(layers[0]), *layers[1:])
        found["layers"] = layers
        return found

    @property
    def layers(self) -> tuple[int, ...]:
        """``(n_features, hidden..., n_classes)``."""
        return (self.spec.n_features, *self.spec.layers[1:])

    @property
    def rule(self) -> str:
        """The learning rule."""
        return self._rule

    @property
    def threshold(self) -> float | None:
        """The change that is an event; None if the inputs are no events."""
        return self.spec.delta[0] / 16 if self.spec.delta else None

    @property
    def drift(self) -> int:
        """How what a feature is compared with leaks: by 2^-drift a step; 0: not at all."""
        return self.spec.delta[1] if self.spec.delta else 0

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """See :meth:`streamlearn.learners.parameters.Parameters.get_params`."""
        del deep
        made = {name: getattr(self, name) for name in self._made}
        names = self._parameters
        return {name: made[name] if name in made else parameter(self, name) for name in names}

    # -- time -------------------------------------------------------------------------------

    def reset(self) -> None:
        """Forget the time before, as between two recordings; what was learned stays."""
        with self._lock:
            spiking.reset(self._state)

    def step(self, x: Features) -> Any:
        """Let a step of time pass, and return the label predicted at its end.

        Nothing is learned, but membranes, traces and the front end follow. None if the predicted
        class has no label.

        Raises
        ------
        ShapeError, InputValueError, DivergedError
            As :meth:`learn_one`.
        """
        with self._lock:
            return self._label(self._pass(x))

    def _pass(self, x: Features) -> ClassPrediction:
        found: ClassPrediction = self._engine.advance(self._state, self._read(x))
        return found

    def _label(self, found: ClassPrediction) -> Any:
        return self._labels[found.class_index] if found.class_index < len(self._labels) else None

    def test_then_learn_one(self, x: Features, y: Hashable) -> Any:
        """Predict, then learn, and let the step of time pass; without a label (None) only that.

        Returns
        -------
        label
            What was predicted before learning, as of :meth:`step`.

        Raises
        ------
        ShapeError, InputValueError, LabelError, DivergedError
            As :meth:`learn_one`.
        """
        return self.step(x) if y is None else super().test_then_learn_one(x, y)

    def test_then_learn_many(self, X: Any, y: Any) -> Any:
        """Predict, then learn, each step in turn; a step whose label is None only passes.

        Returns
        -------
        list, or pandas Series with the index of ``X`` where that is a data frame of pandas

        Raises
        ------
        ShapeError, InputValueError, LabelError, DivergedError
            As :meth:`learn_many`: then nothing was learned, and no time has passed.
        """
        if not isinstance(y, list | tuple) or all(label is not None for label in y):
            return super().test_then_learn_many(X, y)
        with self._lock:
            rows = self._read_many(X)
            if len(rows) != len(y):
                raise ShapeError(f"{len(y)} labels for {len(rows)} steps: give each one, or None")
            before = self._state, self._labels, self._index
            self._state, self._labels = self._state.copy(), [*self._labels]
            self._index, found = {**self._index}, []
            try:
                for row, label in zip(rows, y, strict=True):
                    found.append(self.test_then_learn_one(row, label))
            except BaseException as error:
                self._state, self._labels, self._index = before
                if isinstance(error, StreamlearnError):
                    raise type(error)(f"row {len(found)}: {error}") from error
                raise
            self._note_names(X)
        return like(X, found)

    def learn_recording(self, X: Any, y: Hashable, *, every: int = 1) -> Self:
        """Learn a recording from its start: :meth:`reset`, then its steps, all of one label.

        Parameters
        ----------
        X : array or data frame ``[n_steps, n_features]``
        y : label
        every : int
            Learn every so many steps; the others only pass.

        Raises
        ------
        ConfigError
            If ``every`` is no whole number from 1 on.
        ShapeError, InputValueError, LabelError, DivergedError
            As :meth:`learn_one`; before the first step.
        """
        if not is_whole(every) or every < 1:
            raise ConfigError(f"every={every!r}: expected 1 or more steps")
        with self._lock:
            rows = self._read_many(X)
            label = read_label(y)
            self._class_of(label)
            self.reset()
            labels = [label if at % every == every - 1 else None for at in range(len(rows))]
            self.learn_many(rows, labels)
        return self

    def predict_recording(self, X: Any) -> Any:
        """Return the label of a whole recording; the learner stays as it was.

        The logits of all steps are added, those of later steps with more weight: step t counts t
        times. The recording starts as after :meth:`reset`.

        Parameters
        ----------
        X : array or data frame ``[n_steps, n_features]``

        Raises
        ------
        LabelError
            If no label is known yet.
        ShapeError
            If the recording has no step; or as :meth:`learn_one`.
        InputValueError, DivergedError
            As :meth:`learn_one`.
        """
        with self._lock:
            if not self._labels:
                raise LabelError("no label is known yet: learn a recording, or give classes=")
            rows, kept = self._read_many(X), self._state
            if not len(rows):
                raise ShapeError("a recording of 0 steps says nothing: give one or more")
            self._state = kept.copy()
            try:
                spiking.reset(self._state)
                total = np.zeros(self.spec.n_classes)
                for at, row in enumerate(rows, 1):
                    total += at * self._pass(row).logits
            finally:
                self._state = kept
            return self._labels[int(np.argmax(total[: len(self._labels)]))]

    @property
    def activity(self) -> Activity:
        """What the network did so far; the counters of the state begin again at 2^32."""
        return activity_of(self.state, self.spec, getattr(self.config, "n_draws", 1))
