"""Every learner obeys the one contract of streamlearn.checks; and each check can fail."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from learners import Kind, kinds

from streamlearn import MesuClassifier, MesuRegressor
from streamlearn.checks import LAYERS, all_checks, yield_checks
from streamlearn.checks.samples import fresh
from streamlearn.errors import ConfigError, StreamlearnError

Check = Any


def marks(kind: Kind, check: Check) -> list[Any]:
    """Seven thousand samples in NumPy are slow, and C has its bits."""
    slow = "numpy" in str(kind) and check.__name__ == "one_bad_row_blinds_nobody"
    return [pytest.mark.slow] if slow else []


def cases() -> list[Any]:
    return [
        pytest.param(kind, check, id=f"{kind}-{check.__name__}", marks=marks(kind, check))
        for kind in kinds()
        for check in yield_checks(kind.make())
    ]


@pytest.mark.parametrize(("kind", "check"), cases())
def test_contract(kind: Kind, check: Check) -> None:
    learner = kind.make()
    before = learner.state_sha256
    check(learner)
    assert learner.state_sha256 == before, "the check used the learner that it was given"


def test_other_layers_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"make it with layers=\(5, 8, 3\)"):
        list(yield_checks(MesuClassifier((4, 3))))


# -- canaries: a learner with one defect must fail the check that looks for it -----------------


class PredictingLearns(MesuClassifier):
    def predict_one(self, x: Any) -> Any:
        self._state["n_samples"] += 1
        return super().predict_one(x)


class PredictingWithoutDrawsLearns(MesuClassifier):
    def predict_one(self, x: Any, *, draws: bool = True) -> Any:
        self._state["n_samples"] += not draws
        return super().predict_one(x, draws=draws)


class AnswersWithAnyClass(MesuClassifier):
    def predict_one(self, x: Any) -> Any:
        return self._labels[int(np.argmax(self._logits(self._read(x))[: len(self._labels)]))]


class NeverLearns(MesuClassifier):
    def learn_one(self, x: Any, y: Any) -> Any:
        kept = self.state
        super().learn_one(x, y)
        self._state[:] = kept
        return self


class WritesToTheCallersArray(MesuClassifier):
    def learn_one(self, x: Any, y: Any) -> Any:
        super().learn_one(x, y)
        if isinstance(x, np.ndarray):
            x *= 2
        return self


class IgnoresTheSeed(MesuClassifier):
    def __init__(self, *args: Any, seed: int = 0, **more: Any) -> None:
        super().__init__(*args, seed=0 * seed, **more)


class NoiseFromTheClock(MesuClassifier):
    clock = 0

    def learn_one(self, x: Any, y: Any) -> Any:
        NoiseFromTheClock.clock += 1
        self._state["seed"] = NoiseFromTheClock.clock
        return super().learn_one(x, y)


class BlocksForgetASample(MesuClassifier):
    def learn_many(self, X: Any, y: Any) -> Any:
        return super().learn_many(X[1:], y[1:])


class NeverLearnsAgain(MesuClassifier):
    def learn_one(self, x: Any, y: Any) -> Any:
        self._blind = getattr(self, "_blind", False) or np.max(np.abs(np.array(x))) > 1e20
        if self._blind:
            self._state["n_samples"] += 1
            return self
        return super().learn_one(x, y)


class NeedsAHiddenLayer(MesuClassifier):
    def learn_one(self, x: Any, y: Any) -> Any:
        return super().learn_one(x, y) if len(self.spec.layers) > 2 else self


class ForgetsItsPlaceInAFile(MesuClassifier):
    @classmethod
    def from_bytes(cls, *args: Any, **more: Any) -> Any:
        learner = super().from_bytes(*args, **more)
        learner._state["n_samples"] = 0
        return learner


class LosesItsSeedInAFile(MesuClassifier):
    @classmethod
    def from_bytes(cls, *args: Any, **more: Any) -> Any:
        learner = super().from_bytes(*args, **more)
        learner._state["seed"] += 1
        return learner


class LosesItsNamesInAFile(MesuClassifier):
    @classmethod
    def from_bytes(cls, *args: Any, **more: Any) -> Any:
        learner = super().from_bytes(*args, **more)
        learner._features = None
        return learner


class SetsHalfAState(MesuClassifier):
    def _set(self, state: Any) -> None:
        MesuClassifier.state.fset(self, state)
        self._state["n_samples"] = 0

    state = property(MesuClassifier.state.fget, _set)


class HandsOutItsState(MesuClassifier):
    state = property(lambda self: self._state, lambda self, s: setattr(self, "_state", s))


class ReadsNamesInOrderOfArrival(MesuClassifier):
    def _read(self, x: Any) -> Any:
        return super()._read(list(x.values()) if isinstance(x, dict) else x)


class ReadsTuplesBackwards(MesuClassifier):
    def _read(self, x: Any) -> Any:
        return super()._read(x[::-1] if isinstance(x, tuple) else x)


class ReadsFloat64(MesuClassifier):
    def _read(self, x: Any) -> Any:
        return super()._read(x) + (np.asarray(x).dtype == np.float64) * 1e-3


class TakesNan(MesuClassifier):
    def _read(self, x: Any) -> Any:
        return super()._read(np.nan_to_num(np.array(x, np.float64), nan=0.0))


class TakesText(MesuClassifier):
    def _read(self, x: Any) -> Any:
        values = list(x.values()) if isinstance(x, dict) else x
        return super()._read(np.nan_to_num(np.array(values).astype(np.float64)))


class TakesAnyName(MesuClassifier):
    def _read(self, x: Any) -> Any:
        return super()._read(list(x.values())[:5] if isinstance(x, dict) else x)


class NotesNamesFirst(MesuClassifier):
    def learn_one(self, x: Any, y: Any) -> Any:
        self._note_names(x)
        return super().learn_one(x, y)


class SeesOneFeatureLess(MesuClassifier):
    def _read(self, x: Any) -> Any:
        values = super()._read(x)
        values[4] = 0
        return values


class LearnsBeforeItLooks(MesuClassifier):
    def learn_one(self, x: Any, y: Any) -> Any:
        self._state["n_samples"] += 1
        super().learn_one(x, y)
        self._state["n_samples"] -= 1
        return self


class SharesOutOfTwo(MesuClassifier):
    def predict_proba_one(self, x: Any) -> Any:
        return {label: 2 * p for label, p in super().predict_proba_one(x).items()}


class GuessesBeforeAnyLabel(MesuClassifier):
    def predict_one(self, x: Any) -> Any:
        return super().predict_one(x) or 0


class ForgetsGivenClasses(MesuClassifier):
    def __init__(self, *args: Any, classes: Any = None, **more: Any) -> None:
        super().__init__(*args, classes=classes and classes[:1], **more)


class TakesAnyLabel(MesuClassifier):
    def learn_one(self, x: Any, y: Any) -> Any:
        known = y in self.labels or len(self.labels) < self.spec.n_classes
        return super().learn_one(x, y) if known else self


class KeepsNumpysLabels(MesuClassifier):
    def learn_one(self, x: Any, y: Any) -> Any:
        super().learn_one(x, y)
        if isinstance(y, np.generic):
            self._labels[:] = [type(y)(label) for label in self._labels]
        return self


class TextsTeachTwice(MesuClassifier):
    def learn_one(self, x: Any, y: Any) -> Any:
        super().learn_one(x, y)
        return super().learn_one(x, y) if isinstance(y, str) else self


class RecallsTheFirst(MesuClassifier):
    def recall_one(self, x: Any) -> Any:
        super().recall_one(x)
        return self.labels[0]


class LearnsMoreBesideAMemory(MesuClassifier):
    def learn_one(self, x: Any, y: Any) -> Any:
        super().learn_one(x, y)
        return super().learn_one(x, y) if self.spec.memory else self


class RecallsWithoutAMemory(MesuClassifier):
    def recall_one(self, x: Any) -> Any:
        return super().recall_one(x) if self.spec.memory else self.predict_one(x)


class NoveltyInPercent(MesuClassifier):
    def novelty_one(self, x: Any) -> float:
        return 100 * super().novelty_one(x) + 2


class HasAScaleTooEarly(MesuRegressor):
    def predict_distribution_one(self, x: Any) -> Any:
        found = super().predict_distribution_one(x)
        return found if np.isfinite(found.sd) else found._replace(aleatoric=1.0, epistemic=0.0)


class ReadsTargetsAsFloat64(MesuRegressor):
    def learn_one(self, x: Any, y: Any) -> Any:
        return super().learn_one(x, y if isinstance(y, np.float32) else y * 1.001)


class TakesAnyTarget(MesuRegressor):
    def learn_one(self, x: Any, y: Any) -> Any:
        return super().learn_one(x, y if isinstance(y, float) and abs(y) < 1e6 else 0.0)


class AddsAnOffset(MesuRegressor):
    def learn_one(self, x: Any, y: Any) -> Any:
        return super().learn_one(x, float(y) + 100)


#: Of each check a learner that must fail it.
CANARIES: dict[str, type] = {
    "predicting_changes_nothing": PredictingLearns,
    "predicting_between_learning_steps_changes_no_step": PredictingLearns,
    "without_draws_nothing_changes_and_blocks_agree": PredictingWithoutDrawsLearns,
    "learning_changes_the_state_and_returns_the_learner": NeverLearns,
    "the_callers_features_are_left_alone": WritesToTheCallersArray,
    "it_learns_what_is_easy": NeverLearns,
    "the_same_seed_gives_the_same_state": NoiseFromTheClock,
    "another_seed_gives_another_state": IgnoresTheSeed,
    "blocks_are_the_samples_one_by_one": BlocksForgetASample,
    "extreme_but_finite_features_are_survived": NeverLearnsAgain,
    "one_bad_row_blinds_nobody": NeverLearnsAgain,
    "every_kind_of_network_learns": NeedsAHiddenLayer,
    "saved_mid_stream_it_goes_on_bit_for_bit": ForgetsItsPlaceInAFile,
    "a_fresh_learner_can_be_saved": LosesItsSeedInAFile,
    "names_of_features_are_saved": LosesItsNamesInAFile,
    "a_state_can_be_set": SetsHalfAState,
    "the_state_handed_out_is_a_copy": HandsOutItsState,
    "a_state_of_another_size_is_refused": HandsOutItsState,
    "named_features_in_any_order": ReadsNamesInOrderOfArrival,
    "containers_of_the_same_numbers_are_the_same": ReadsTuplesBackwards,
    "features_are_read_as_float32": ReadsFloat64,
    "wrong_features_are_refused": TakesNan,
    "numbers_written_as_text_are_refused": TakesText,
    "wrong_names_of_features_are_refused": TakesAnyName,
    "a_refused_first_sample_teaches_no_names": NotesNamesFirst,
    "constant_features_are_fine": SeesOneFeatureLess,
    "none_before_any_label": GuessesBeforeAnyLabel,
    "given_classes_are_known_from_the_start": ForgetsGivenClasses,
    "a_class_never_taught_is_never_predicted": AnswersWithAnyClass,
    "an_unknown_label_is_refused": TakesAnyLabel,
    "labels_of_every_kind": KeepsNumpysLabels,
    "names_of_labels_change_no_bit": TextsTeachTwice,
    "probabilities_sum_to_one_and_agree_with_the_prediction": SharesOutOfTwo,
    "uncertainty_and_novelty_have_one_meaning": NoveltyInPercent,
    "classes_one_after_another_are_recalled": RecallsTheFirst,
    "a_memory_changes_no_bit_of_the_network": LearnsMoreBesideAMemory,
    "without_a_memory_nothing_is_recalled": RecallsWithoutAMemory,
    "a_prediction_has_finite_deviations_after_two_samples": HasAScaleTooEarly,
    "targets_are_read_as_float32": ReadsTargetsAsFloat64,
    "wrong_targets_are_refused": TakesAnyTarget,
    "a_scale_of_the_target_changes_nothing_else": AddsAnOffset,
}
#: And some more that a check must not miss.
MORE = [
    (LearnsBeforeItLooks, "wrong_features_are_refused"),
    (LearnsBeforeItLooks, "an_unknown_label_is_refused"),
    (ReadsNamesInOrderOfArrival, "names_of_features_are_saved"),
    (NoiseFromTheClock, "saved_mid_stream_it_goes_on_bit_for_bit"),
]


def test_every_check_has_a_canary() -> None:
    assert {check.__name__ for check in all_checks()} == set(CANARIES)


@pytest.mark.parametrize(("kind", "name"), [*((v, k) for k, v in CANARIES.items()), *MORE])
def test_canary_each_defect_is_caught(kind: type, name: str) -> None:
    check = next(check for check in all_checks() if check.__name__ == name)
    regressor = issubclass(kind, MesuRegressor)
    learner = kind(LAYERS["gaussian" if regressor else "categorical"])
    with pytest.raises((AssertionError, StreamlearnError)):
        check(learner)


@pytest.mark.parametrize("kind", [MesuClassifier, MesuRegressor])
def test_a_learner_without_defect_passes(kind: type) -> None:
    learner = kind(LAYERS["gaussian" if kind is MesuRegressor else "categorical"])
    for check in yield_checks(learner):
        check(fresh(learner))
