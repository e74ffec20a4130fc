"""The estimators: scikit-learn's own checks, its tools, and the learner inside."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from ecosystem_helpers import CLASSIFIERS, LEARNERS

pytest.importorskip(
    "sklearn", minversion="1.6", reason="scikit-learn 1.6 is not installed (pip install it)"
)

from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

import streamlearn
import streamlearn.sklearn as estimators
from quant.errors import ConfigError, ParameterError

ESTIMATORS = [getattr(estimators, name) for name in estimators.__all__]
CLASSIFYING = [kind for kind in ESTIMATORS if hasattr(kind, "predict_proba")]
REGRESSING = [kind for kind in ESTIMATORS if kind not in CLASSIFYING]
#: scikit-learn's checks that an estimator fails, and why: none.
EXPECTED_FAILURES: dict[str, str] = {}


def test_every_learner_has_an_estimator_of_its_name() -> None:
    assert set(estimators.__all__) == {kind.__name__ for kind in LEARNERS}
    assert {kind.__name__ for kind in CLASSIFYING} == {kind.__name__ for kind in CLASSIFIERS}
    for kind in ESTIMATORS:
        assert kind._learner_class is getattr(streamlearn, kind.__name__)


def own_checks() -> list[Any]:
    found = []
    for kind in ESTIMATORS:
        for i, (made, check) in enumerate(estimator_checks_generator(kind())):
            name = getattr(check, "func", check).__name__
            found.append(pytest.param(made, check, id=f"{kind.__name__}-{i}-{name}"))
    return found


@pytest.mark.filterwarnings("ignore")  # scikit-learn's checks warn on purpose
@pytest.mark.parametrize(("made", "check"), own_checks())
def test_it_passes_what_sklearn_checks(made: Any, check: Any) -> None:
    name = getattr(check, "func", check).__name__
    assert name not in EXPECTED_FAILURES
    check(clone(made))


@pytest.mark.filterwarnings("ignore")
def test_canary_a_defect_is_seen_by_sklearns_checks() -> None:
    class NeverRefuses(estimators.MesuClassifier):  # type: ignore[misc, valid-type]
        def predict(self, X: Any) -> Any:
            return super().predict(np.nan_to_num(np.asarray(X, float)))

    results = check_estimator(NeverRefuses(), on_fail=None)
    failed = {result["check_name"] for result in results if result["status"] == "failed"}
    assert "check_estimators_nan_inf" in failed


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_every_parameter_is_explicit_documented_and_the_learners(kind: Any) -> None:
    parameters = inspect.signature(kind).parameters
    ours = {"hidden", "epochs", "shuffle", "random_state"}
    learners = set(inspect.signature(kind._learner_class).parameters)
    assert set(parameters) == ours | learners - {"layers", "classes", "features", "seed"}
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters.values())
    defaults = inspect.signature(kind._learner_class).parameters
    for name in set(parameters) - ours:
        assert parameters[name].default == defaults[name].default
    section = kind.__doc__.partition("Parameters\n")[2].partition("Attributes\n")[0]
    heads = [line.partition(" :")[0] for line in section.splitlines() if line[:1].isalpha()]
    assert {name for head in heads for name in head.split(", ")} == set(parameters)
    with pytest.raises(ParameterError, match=f"{kind.__name__} has no parameter front_end_windw: "):
        kind(front_end_windw=5)


@pytest.mark.parametrize("kind", CLASSIFYING)
def test_the_tools_of_sklearn_take_a_classifier(kind: Any) -> None:
    X, y = load_wine(return_X_y=True, as_frame=True)
    named = y.map({0: "barolo", 1: "grignolino", 2: "barbera"}).astype(object)
    pipeline = make_pipeline(StandardScaler(), kind(hidden=(16,)))
    assert cross_val_score(pipeline, X, named, cv=3).mean() > 0.85
    step = kind.__name__.lower()
    search = GridSearchCV(pipeline, {f"{step}__hidden": [(), (8,)], f"{step}__epochs": [2]}, cv=2)
    search.fit(X, named)
    best = search.best_estimator_[-1]
    assert best.hidden in [(), (8,)]
    assert best.learner_.layers == (13, *best.hidden, 3)
    assert best.classes_.tolist() == ["barbera", "barolo", "grignolino"]
    copy = pickle.loads(pickle.dumps(search.best_estimator_))
    assert np.array_equal(copy.predict_proba(X), search.predict_proba(X))
    assert set(copy.predict(X)) <= set(best.classes_)


@pytest.mark.parametrize("kind", REGRESSING)
def test_the_tools_of_sklearn_take_a_regressor(kind: Any) -> None:
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    pipeline = make_pipeline(StandardScaler(), kind())
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.35
    fitted = kind().fit(X, y)
    mean, std = fitted.predict(X, return_std=True)
    assert np.array_equal(mean, fitted.predict(X))
    assert 0.6 < np.mean(np.abs(y - mean) < 1.64 * std) < 0.99
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict(X), mean)


@pytest.mark.parametrize("kind", CLASSIFYING)
def test_partial_fit_is_the_learners_stream(kind: Any) -> None:
    """In blocks or at once, it is what learn_one does to each row in turn."""
    X, y = load_wine(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X[order], y[order]
    estimator = kind(hidden=(8,), random_state=5)
    for start in range(0, len(X), 50):
        part = slice(start, start + 50)
        estimator.partial_fit(X[part], y[part], classes=[0, 1, 2] if start == 0 else None)
    learner = kind._learner_class((13, 8, 3), classes=(0, 1, 2), seed=5)
    for row, label in zip(X, y.tolist(), strict=True):
        learner.learn_one(row, label)
    assert estimator.learner_.to_bytes() == learner.to_bytes()
    assert estimator.predict(X[:20]).tolist() == [learner.predict_one(row) for row in X[:20]]
    proba = [list(learner.predict_proba_one(row).values()) for row in X[:20]]
    assert estimator.predict_proba(X[:20]).tolist() == proba

    with pytest.raises(ConfigError, match="the first partial_fit had"):
        estimator.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ConfigError, match="the first partial_fit needs all labels"):
        kind().partial_fit(X, y)


@pytest.mark.parametrize("kind", REGRESSING)
def test_partial_fit_of_a_regressor_is_the_learners_stream(kind: Any) -> None:
    X, y = load_diabetes(return_X_y=True)
    estimator = kind(hidden=(8,), random_state=5)
    for start in range(0, 200, 50):
        estimator.partial_fit(X[start : start + 50], y[start : start + 50])
    learner = kind._learner_class((10, 8, 1), seed=5)
    for row, target in zip(X[:200], y[:200].tolist(), strict=True):
        learner.learn_one(row, target)
    assert estimator.learner_.to_bytes() == learner.to_bytes()


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_fit_starts_again_and_draws_its_order_from_the_seed(kind: Any) -> None:
    X, y = load_wine(return_X_y=True)
    states = {}
    for name, given in {
        "zero": {"random_state": 0},
        "again": {"random_state": 0},
        "one": {"random_state": 1},
        "sorted": {"random_state": 0, "shuffle": False},
        "state": {"random_state": np.random.RandomState(0)},
        "none": {"random_state": None},
    }.items():
        fitted = kind(epochs=2, **given).fit(X, y)
        states[name] = fitted.learner_.state_sha256
        assert fitted.learner_.n_samples == 2 * len(X)
    assert states.pop("again") == states["zero"]
    assert len(set(states.values())) == len(states)
    assert fitted.fit(X, y).learner_.n_samples == 2 * len(X)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hidden": 32}, r"hidden=32: expected a tuple"),
        ({"hidden": (0,)}, "every size must be 1"),
        ({"epochs": 0}, "epochs=0: expected a whole number"),
        ({"epochs": 1.5}, "epochs=1.5: expected a whole number"),
        ({"arithmetic": "q4"}, "q4"),
        ({"front_end_window": 1}, "front_end_window=1: expected"),
    ],
)
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_wrong_parameter_is_named_at_fit(kind: Any, given: Any, message: str) -> None:
    X, y = load_wine(return_X_y=True)
    made = kind(**given)
    assert made.get_params()[next(iter(given))] == next(iter(given.values()))
    with pytest.raises(ConfigError, match=message):
        made.fit(X, y)


def test_names_of_features_reach_the_learner() -> None:
    X, y = load_wine(return_X_y=True, as_frame=True)
    fitted = estimators.MesuClassifier().fit(X, y)
    assert fitted.feature_names_in_.tolist() == list(X.columns)
    assert fitted.learner_.features == tuple(X.columns)
    first = dict(X.iloc[0])
    assert fitted.learner_.predict_one(dict(reversed(first.items()))) == fitted.predict(X[:1])[0]


def test_without_sklearn_it_says_what_to_install() -> None:
    for hidden in ("sklearn", "sklearn.utils.validation"):
        program = f"import sys; sys.modules[{hidden!r}] = None; import streamlearn.sklearn"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.returncode != 0
        assert "scikit-learn 1.6 or newer" in done.stderr
        assert 'pip install "streamlearn[sklearn]"' in done.stderr
