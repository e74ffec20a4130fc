"""River's own checks, and its pipelines, ensembles and wrappers, with every learner class."""

from __future__ import annotations

import functools
import itertools
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from ecosystem_helpers import CLASSIFIERS, LEARNERS, REGRESSORS, made, pairs

pytest.importorskip("river", reason="River is not installed (pip install river)")

from river import base, checks, compose, datasets, drift, ensemble, evaluate, metrics, preprocessing

from quant.errors import ParameterError, ShapeError
from streamlearn import MesuClassifier
from streamlearn.learners.river_protocol import SKIPPED_CHECKS

#: A stream of River with several classes, which its checks feed to a classifier of more than two.
SEGMENTS = datasets.ImageSegments


def fitted(kind: Any) -> Any:
    return kind(**next(kind._unit_test_params()))


def of_segments(kind: Any) -> Any:
    names = tuple(next(iter(SEGMENTS()))[0])
    classes = tuple(sorted({y for _, y in SEGMENTS()}))
    return kind(layers=(len(names), 8, len(classes)), features=names, classes=classes)


def river_checks() -> Iterator[Any]:
    """Yield all checks of every class, and of classifiers those on many classes too."""
    for kind in LEARNERS:
        seen: dict[str, int] = {}
        for check in checks.yield_checks(fitted(kind)):
            seen[check.__name__] = seen.get(check.__name__, 0) + 1
            name = f"{kind.__name__}-{check.__name__}-{seen[check.__name__]}"
            yield pytest.param(kind, fitted, check, id=name)
    for kind in CLASSIFIERS:
        # River's streams cannot be told apart here, so each check gets this one of many classes.
        with_data = {c.__name__: c for c in checks.yield_checks(of_segments(kind)) if is_fed(c)}
        for name, check in with_data.items():
            again = functools.partial(check.func, dataset=SEGMENTS().take(200))
            functools.update_wrapper(again, check)
            yield pytest.param(kind, of_segments, again, id=f"{kind.__name__}-{name}-segments")


def is_fed(check: Any) -> bool:
    return "dataset" in getattr(check, "keywords", {})


CHECKS = list(river_checks())


@pytest.mark.parametrize(("kind", "make", "check"), CHECKS)
def test_it_passes_what_river_checks(kind: Any, make: Any, check: Any) -> None:
    if check.__name__ in SKIPPED_CHECKS:
        with pytest.raises(ShapeError, match="features differ"):
            check(make(kind).clone())
        return
    check(make(kind).clone())


def test_the_list_of_checks_has_what_it_should() -> None:
    """The checks on many classes are found by their stream: they must not get lost."""
    names = {p.values[2].__name__ for p in CHECKS if p.values[1] is of_segments}
    assert {"check_pickling", "check_predict_proba_one", "check_shuffle_features_no_impact"} < names
    assert set(SKIPPED_CHECKS) < {p.values[2].__name__ for p in CHECKS}
    assert all(len(reason) > 60 for reason in SKIPPED_CHECKS.values())


@pytest.mark.parametrize("kind", [CLASSIFIERS[0], REGRESSORS[0]])
def test_rivers_check_estimator_passes(kind: Any) -> None:
    checks.check_estimator(fitted(kind))


class Forgetful(MesuClassifier):
    """A canary: a clone with other parameters."""

    def clone(self, new_params: Any = None, include_attributes: bool = False) -> Any:
        return super().clone({**(new_params or {}), "memory_window": 5000}, include_attributes)


class Impure(MesuClassifier):
    """A canary: it takes a feature away from the caller."""

    def learn_one(self, x: Any, y: Any) -> Any:
        super().learn_one(x, y)
        x.popitem()
        return self


@pytest.mark.parametrize("kind", [Forgetful, Impure])
def test_canary_a_defect_is_seen_by_rivers_checks(kind: Any) -> None:
    with pytest.raises(AssertionError):
        checks.check_estimator(fitted(kind))


@pytest.mark.parametrize("kind", LEARNERS)
def test_what_it_is_to_river(kind: Any) -> None:
    learner = made(kind)
    assert isinstance(learner, base.Base)
    assert isinstance(learner, base.Estimator)
    assert isinstance(learner, base.Classifier) == (kind in CLASSIFIERS)
    assert isinstance(learner, base.MiniBatchClassifier) == (kind in CLASSIFIERS)
    assert isinstance(learner, base.MiniBatchRegressor) == (kind in REGRESSORS)
    assert metrics.Accuracy().works_with(learner) == (kind in CLASSIFIERS)
    assert metrics.MAE().works_with(learner) == (kind in REGRESSORS)
    assert str(learner) == repr(learner)
    assert learner._memory_usage.endswith("B")
    assert learner._raw_memory_usage >= learner.state.nbytes


def test_multiclass_is_what_river_means_by_it() -> None:
    assert made(MesuClassifier)._multiclass
    assert MesuClassifier((2, 2))._multiclass, "labels may be anything yet"
    assert MesuClassifier((2, 2), classes=("no", "yes"))._multiclass
    assert not MesuClassifier((2, 2), classes=(False, True))._multiclass


@pytest.mark.parametrize("kind", LEARNERS)
def test_clone_is_fresh_and_takes_new_parameters(kind: Any) -> None:
    learner = made(kind, seed=3, features=list("abcde"))
    for x, y in pairs(20):
        learner.learn_one(x, y)
    clone = learner.clone()
    assert type(clone) is kind
    assert clone.n_samples == 0
    assert clone.labels == ()
    fresh = made(kind, seed=3, features=list("abcde"))
    assert clone.state_sha256 == fresh.state_sha256
    assert clone._get_params() == learner._get_params() == fresh._get_params()

    other = learner.clone({"seed": 4, "front_end_window": 500})
    assert (other.seed, other.front_end_window) == (4, 500)
    assert other.config.front_end_window == 500
    assert other.state_sha256 != clone.state_sha256
    with pytest.raises(ParameterError, match=f"{kind.__name__} has no parameter front_end_windw: "):
        learner.clone({"front_end_windw": 500})

    kept = learner.clone(include_attributes=True)
    assert kept.to_bytes() == learner.to_bytes()
    assert kept.get_params() == learner.get_params()
    for x, y in pairs(10, seed=1):
        kept.learn_one(x, y)
        learner.learn_one(x, y)
    assert kept.state_sha256 == learner.state_sha256
    with pytest.raises(ShapeError, match="state of"):
        learner.clone({"layers": (5, 4, learner.layers[-1])}, include_attributes=True)


def test_parameters_are_as_given_after_a_pickle() -> None:
    learner = made(MesuClassifier)
    for x, y in pairs(20):
        learner.learn_one(dict(zip("abcde", x, strict=True)), y)
    copy = pickle.loads(pickle.dumps(learner))
    assert copy.get_params() == learner.get_params()
    assert copy.get_params()["classes"] is None
    assert copy.clone().state_sha256 == made(MesuClassifier).state_sha256
    loaded = MesuClassifier.from_bytes(learner.to_bytes())
    assert loaded.get_params()["classes"] == learner.labels, "a file holds the labels only"


def test_nothing_is_changed_in_place() -> None:
    learner = made(MesuClassifier)
    learner.mutate({})
    with pytest.raises(ValueError, match=r"'seed' is not a mutable attribute .* learner\.clone"):
        learner.mutate({"seed": 3})
    with pytest.raises(AttributeError):
        learner.seed = 3


def phishing(n: int) -> list[Any]:
    return list(itertools.islice(datasets.Phishing(), n))


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_pipelines(kind: Any) -> None:
    for pipeline in (
        compose.Pipeline(preprocessing.StandardScaler(), fitted(kind)),
        preprocessing.StandardScaler() | fitted(kind),
    ):
        metric = evaluate.progressive_val_score(phishing(600), pipeline, metrics.Accuracy())
        assert metric.get() > 0.7
        clone = pipeline.clone({kind.__name__: {"seed": 9}})
        assert clone[kind.__name__].seed == 9
        assert clone[kind.__name__].n_samples == 0


def test_a_pipeline_learns_in_blocks() -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed (pip install pandas)")
    data = phishing(200)
    frame = pd.DataFrame([x for x, _ in data]).astype(float)
    labels = pd.Series([y for _, y in data])
    pipeline = preprocessing.StandardScaler() | fitted(MesuClassifier)
    for start in range(0, 200, 50):
        pipeline.learn_many(frame[start : start + 50], labels[start : start + 50])
    assert pipeline["MesuClassifier"].n_samples == 200
    found = pipeline.predict_many(frame)
    assert np.mean(found.to_numpy() == labels.to_numpy()) > 0.7
    assert list(pipeline.predict_proba_many(frame).columns) == [False, True]


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_ensembles_and_wrappers_of_classifiers(kind: Any) -> None:
    for model in (
        ensemble.BaggingClassifier(fitted(kind), n_models=3, seed=1),
        ensemble.ADWINBaggingClassifier(fitted(kind), n_models=2, seed=1),
        drift.DriftRetrainingClassifier(fitted(kind), drift.binary.DDM()),
        drift.DriftRetrainingClassifier(
            preprocessing.StandardScaler() | fitted(kind), drift.binary.DDM()
        ),
    ):
        metric = evaluate.progressive_val_score(phishing(300), model, metrics.Accuracy())
        assert metric.get() > 0.65
        clone = model.clone()
        x, y = phishing(1)[0]
        assert set(clone.predict_proba_one(x)) == {False, True}
        clone.learn_one(x, y)


def test_a_wrappers_clone_is_fresh() -> None:
    """It is only where River knows the learner for one of its own."""
    model = drift.DriftRetrainingClassifier(fitted(MesuClassifier), drift.binary.DDM())
    for x, y in phishing(50):
        model.learn_one(x, y)
    assert model.model.n_samples == 50
    assert model.clone().model.n_samples == 0


@pytest.mark.parametrize("kind", REGRESSORS)
def test_ensembles_of_regressors(kind: Any) -> None:
    data = list(itertools.islice(datasets.TrumpApproval(), 300))
    bagging = ensemble.BaggingRegressor(fitted(kind), n_models=2, seed=1)
    for model in (bagging, preprocessing.StandardScaler() | fitted(kind)):
        assert evaluate.progressive_val_score(data, model, metrics.MAE()).get() < 4


def test_the_state_is_the_same_with_and_without_river() -> None:
    program = """
import sys
if {hide}:
    sys.modules["river"] = None
    import importlib.util as util
    found = util.find_spec
    util.find_spec = lambda name, *more: None if name == "river" else found(name, *more)
from streamlearn import MesuClassifier
learner = MesuClassifier((2, 3, 2)).learn_many([[1, 2], [3, 4], [5, 6]], "a b a".split())
print(learner.state_sha256, repr(learner), str(learner), learner.clone().get_params())
try:
    [] | learner
except TypeError as error:
    print("no pipelines", file=sys.stderr)
"""
    with_it, without = (
        subprocess.run(
            [sys.executable, "-c", program.format(hide=hide)], capture_output=True, text=True
        )
        for hide in (False, True)
    )
    assert with_it.stdout == without.stdout != ""
    assert "no pipelines" in without.stderr
