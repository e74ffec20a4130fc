"""Every engine obeys the one contract of checks.py; and each check can fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import checks
import numpy as np
import pytest

from streamlearn import MesuClassifier, MetaplasticClassifier

ENGINES = {
    "float64": {"arithmetic": "float64"},
    "float32": {"arithmetic": "float32"},
    "q16-c": {"arithmetic": "q16", "backend": "c"},
    "q16-numpy": {"arithmetic": "q16", "backend": "numpy"},
    "metaplastic-float64": {"arithmetic": "float64"},
    "q8-c": {"arithmetic": "q8", "backend": "c"},
    "q8-numpy": {"arithmetic": "q8", "backend": "numpy"},
    "gated-float64": {"arithmetic": "float64"},
    "gated-q8-c": {"arithmetic": "q8", "backend": "c"},
    "gated-q8-numpy": {"arithmetic": "q8", "backend": "numpy"},
}
METAPLASTIC = tuple(name for name in ENGINES if name.startswith(("metaplastic", "gated", "q8")))
N_BLOCKS, N_ACTIVE = 4, 3


def maker(engine: str, kind: type | None = None) -> checks.Make:
    chosen: Any = kind or (MetaplasticClassifier if engine in METAPLASTIC else MesuClassifier)
    settings = ENGINES[engine]

    class Bound(chosen):
        """Loads into the backend under test, too."""

        @classmethod
        def from_bytes(cls, data: bytes, backend: Any = None, source: str = "state image") -> Any:
            return super().from_bytes(data, backend or settings.get("backend"), source)

    def make(layers: tuple[int, ...] = checks.LAYERS, **more: Any) -> Any:
        gates = {}
        if engine.startswith("gated") and len(layers) > 2 and layers[1] % N_BLOCKS == 0:
            gates = {"n_blocks": N_BLOCKS, "n_active": N_ACTIVE}
        return Bound(layers, **{**settings, **gates, **more})

    return make


def cases() -> list[Any]:
    return [
        pytest.param(engine, check, id=f"{engine}-{check.__name__}")
        for engine in ENGINES
        for check in checks.CHECKS
    ]


@pytest.mark.parametrize(("engine", "check"), cases())
def test_contract(engine: str, check: Callable[[checks.Make], None]) -> None:
    check(maker(engine))


@pytest.mark.parametrize("engine", ENGINES)
def test_river_evaluates_it_as_it_stands(engine: str) -> None:
    pytest.importorskip("river", reason="River is not installed (pip install river)")
    from river import base, evaluate, metrics, stream

    names = [f"f{i}" for i in range(checks.N_FEATURES)]
    data = [(dict(zip(names, x, strict=True)), y) for x, y in checks.blobs(300)]
    learner = maker(engine)()
    assert isinstance(learner, base.Classifier)
    metric = evaluate.progressive_val_score(data, learner, metrics.Accuracy())
    assert metric.get() > 0.85
    assert learner.n_samples == 300

    array = np.array([x for x, _ in checks.blobs(300)])
    rows = stream.iter_array(array, [y for _, y in checks.blobs(300)])
    again = maker(engine)()
    loss = evaluate.progressive_val_score(rows, again, metrics.CrossEntropy())
    assert again.state_sha256 == learner.state_sha256
    assert 0 < loss.get() < 0.7 < np.log(checks.N_CLASSES)


def test_a_river_pipeline_takes_it() -> None:
    pytest.importorskip("river", reason="River is not installed (pip install river)")
    from river import compose, evaluate, metrics, preprocessing

    data = [(dict(enumerate(x)), y) for x, y in checks.blobs(200)]
    pipeline = compose.Pipeline(preprocessing.StandardScaler(), maker("q16-c")())
    metric = metrics.Accuracy() + metrics.CrossEntropy()
    accuracy, _ = evaluate.progressive_val_score(data, pipeline, metric).get()
    assert accuracy > 0.8


# -- canaries: a learner with one defect must fail the check that looks for it -----------------


class PredictingLearns(MesuClassifier):
    def predict_one(self, x: Any) -> Any:
        self._state["n_samples"] += 1
        return super().predict_one(x)


class NeverLearns(MesuClassifier):
    def learn_one(self, x: Any, y: Any) -> Any:
        kept = self.state
        super().learn_one(x, y)
        self._state[:] = kept
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


class ForgetsItsPlaceInAFile(MesuClassifier):
    @classmethod
    def from_bytes(cls, *args: Any, **more: Any) -> Any:
        learner = super().from_bytes(*args, **more)
        learner._state["n_samples"] = 0
        return learner


class HandsOutItsState(MesuClassifier):
    state = property(lambda self: self._state, lambda self, s: setattr(self, "_state", s))


class ReadsNamesInOrderOfArrival(MesuClassifier):
    def _read(self, x: Any) -> Any:
        return super()._read(list(x.values()) if isinstance(x, dict) else x)


class TakesNan(MesuClassifier):
    def _read(self, x: Any) -> Any:
        return super()._read(np.nan_to_num(np.array(x, np.float64), nan=0.0))


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


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (PredictingLearns, checks.predict_changes_nothing),
        (PredictingLearns, checks.predicting_between_lessons_changes_no_lesson),
        (NeverLearns, checks.learn_changes_the_state_and_returns_the_learner),
        (NeverLearns, checks.learns_what_is_easy),
        (IgnoresTheSeed, checks.other_seed_other_state),
        (NoiseFromTheClock, checks.same_seed_same_state),
        (NoiseFromTheClock, checks.saved_mid_stream_it_goes_on_bit_for_bit),
        (ForgetsItsPlaceInAFile, checks.saved_mid_stream_it_goes_on_bit_for_bit),
        (HandsOutItsState, checks.the_state_handed_out_is_a_copy),
        (HandsOutItsState, checks.a_state_of_another_size_is_refused),
        (ReadsNamesInOrderOfArrival, checks.named_features_in_any_order),
        (ReadsNamesInOrderOfArrival, checks.names_of_features_are_saved),
        (TakesNan, checks.wrong_features_are_refused),
        (LearnsBeforeItLooks, checks.wrong_features_are_refused),
        (LearnsBeforeItLooks, checks.an_unknown_label_is_refused),
        (SharesOutOfTwo, checks.probabilities_sum_to_one_and_agree_with_the_prediction),
        (GuessesBeforeAnyLabel, checks.none_before_any_label),
    ],
)
def test_canary_each_defect_is_caught(kind: type, check: Callable[[checks.Make], None]) -> None:
    with pytest.raises(AssertionError):
        check(maker("q16-c", kind))
