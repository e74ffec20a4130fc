"""Predicting and learning, seeds, and every kind of network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from quant.rule import RULES
from streamlearn.checks.registry import check
from streamlearn.checks.samples import (
    FLOAT32_MAX,
    N_FEATURES,
    answers,
    copy_of,
    fresh,
    noisy,
    samples,
    trained,
    weights_of,
)


@check()
def predicting_changes_nothing(learner: Any) -> None:
    """Predictions leave the state alone, and come out the same again."""
    learner = trained(learner)
    for x, _ in samples(learner, 10, seed=1):
        before = learner.state_sha256
        first = answers(learner, x)
        assert learner.state_sha256 == before, "predicting changed the state"
        assert answers(learner, x) == first


@check()
def predicting_between_learning_steps_changes_no_step(learner: Any) -> None:
    """Learning gives the same state whether predictions were asked for or not."""
    quiet, asked = fresh(learner), fresh(learner)
    for x, y in samples(learner, 20):
        answers(asked, x)
        quiet.learn_one(x, y)
        asked.learn_one(x, y)
    assert quiet.state_sha256 == asked.state_sha256, "a prediction changed later learning"


@check()
def without_draws_nothing_changes_and_blocks_agree(learner: Any) -> None:
    """A prediction with the mean weights; of a rule that draws nothing it is the same."""
    learner = trained(learner)
    rows = [x for x, _ in samples(learner, 10, seed=1)]
    before = learner.state_sha256
    found = [learner.predict_one(x, draws=False) for x in rows]
    assert learner.state_sha256 == before, "predicting without draws changed the state"
    assert list(learner.predict_many(rows, draws=False)) == found
    if not RULES[learner.config.rule].draws:
        assert found == [learner.predict_one(x) for x in rows], "a rule that draws nothing differs"


@check()
def learning_changes_the_state_and_returns_the_learner(learner: Any) -> None:
    """Each sample counts, changes the state, and lets calls chain."""
    learner = fresh(learner)
    for n, (x, y) in enumerate(samples(learner, 10), 1):
        before = learner.state_sha256
        assert learner.learn_one(x, y) is learner
        assert learner.state_sha256 != before, "learning left the state as it was"
        assert learner.n_samples == n


@check()
def the_callers_features_are_left_alone(learner: Any) -> None:
    """Arrays and dicts come back as they were given."""
    made = fresh(learner)
    x, y = samples(learner, 1)[0]
    array, named = np.array(x), {f"f{i}": value for i, value in enumerate(x)}
    kept_array, kept_named = array.copy(), dict(named)
    made.learn_one(array, y)
    made.predict_one(array)
    fresh(learner).learn_one(named, y)
    assert np.array_equal(array, kept_array), "an array of features was written to"
    assert named == kept_named, "a dict of features was written to"


def _well_predicted(learner: Any, stream: list[Any], start: int, tolerance: float) -> int:
    """Learn a stream; return how many predictions were good from a sample on, before learning."""
    good = 0
    for t, (x, y) in enumerate(stream):
        if t >= start:
            said = learner.predict_one(x)
            good += said == y if learner.spec.n_classes else abs(said - y) < tolerance
        learner.learn_one(x, y)
    return good


@check()
def it_learns_what_is_easy(learner: Any) -> None:
    """Blobs well apart are told apart; a number that depends on them is predicted."""
    good = _well_predicted(fresh(learner), samples(learner, 400), 200, 2.5)
    assert good >= 180, f"{good} of the last 200 samples predicted well"


@check()
def the_same_seed_gives_the_same_state(learner: Any) -> None:
    """Nothing but seed and samples decides."""
    one, other = fresh(learner, seed=5), fresh(learner, seed=5)
    assert one.state_sha256 == other.state_sha256
    assert trained(one).state_sha256 == trained(other).state_sha256


@check()
def another_seed_gives_another_state(learner: Any) -> None:
    """The start depends on the seed, and so does the noise if there is any."""
    a, b = fresh(learner, seed=5), fresh(learner, seed=6)
    weights = weights_of(a)
    assert a.state[weights].tobytes() != b.state[weights].tobytes(), "the start ignores the seed"
    # From the same weights, the noise alone must tell the seeds apart.
    state = a.state
    state["seed"] = 6
    b.state = state
    for x, y in samples(learner, 5):
        a.learn_one(x, y)
        b.learn_one(x, y)
    if noisy(a):
        assert a.state[weights].tobytes() != b.state[weights].tobytes(), "the noise has no seed"


@check()
def blocks_are_the_samples_one_by_one(learner: Any) -> None:
    """``learn_many`` and ``predict_many`` give the bits of one call per sample."""
    block, single = trained(learner), trained(learner)
    more = samples(learner, 20, seed=3)
    x, y = [row for row, _ in more], [label for _, label in more]
    assert list(block.predict_many(x)) == [single.predict_one(row) for row in x]
    block.learn_many(x, y)
    for row, label in more:
        single.learn_one(row, label)
    assert block.state_sha256 == single.state_sha256, "a block learned other bits"


@check()
def extreme_but_finite_features_are_survived(learner: Any) -> None:
    """One burst of absurd values must not poison the state for ever: it learns again.

    The front end forgets the burst over its window; the check takes a short one.
    """
    learner = trained(learner, 20, front_end_window=4)
    label = samples(learner, 1)[0][1]
    for scale in (1e10, 1e30, FLOAT32_MAX, 1e-30, 1e-45):
        for sign in (1, -1, 1):
            learner.learn_one([sign * scale, 0, -sign * scale, 1, scale], label)
    state = learner.state
    for field in state.dtype.names:
        assert np.isfinite(state[field]).all(), f"{field} is no longer finite"
    good = _well_predicted(learner, samples(learner, 900, seed=5), 700, 5)
    assert good >= 120, f"after a burst of absurd values {good} of 200 samples predicted well"


@check()
def one_bad_row_blinds_nobody(learner: Any) -> None:
    """A row of any size, at the start or later, in all features or one, is forgotten at once."""
    for value in (1e5, FLOAT32_MAX):
        for before in (0, 300):
            for n_bad in (1, N_FEATURES):
                rows = samples(learner, before + 420)
                bad = np.array(rows[before][0])
                bad[:n_bad] = value
                clean = _well_predicted(fresh(learner), rows, before + 220, 2.5)
                rows[before] = (bad.tolist(), rows[before][1])
                good = _well_predicted(fresh(learner), rows, before + 220, 2.5)
                assert good >= clean - 20, (
                    f"after {n_bad} values of {value:g} in row {before} {good} of 200 samples "
                    f"are predicted well, {clean} without them"
                )


@check()
def every_kind_of_network_learns(learner: Any) -> None:
    """No hidden layer or two, no biases, no front end, and the rule's variants."""
    last = learner.spec.layers[-1]
    no_hidden_units = {"layers": (N_FEATURES, last), **dict.fromkeys(_variant_settings(learner), 0)}
    networks: list[Mapping[str, Any]] = [
        no_hidden_units,
        {"layers": (N_FEATURES, 8, 6, last)},
        {"bias": False},
        {"front_end": "none"},
    ]
    for changes in (*networks, *RULES[learner.config.rule].variants.values()):
        made = fresh(learner, **changes)
        before = made.state_sha256
        for x, y in samples(learner, 20):
            made.learn_one(np.clip(x, -7, 7), y)
        assert made.state_sha256 != before, f"with {changes} nothing is learned"
        said = made.predict_one(np.clip(x, -7, 7))
        assert said in made.labels if made.spec.n_classes else np.isfinite(said)
        assert copy_of(made).state_sha256 == made.state_sha256


def _variant_settings(learner: Any) -> list[str]:
    """Return which numbers of its variants a learner has that are 0 by themselves.

    They may need hidden units.
    """
    plain = RULES[learner.config.rule].config()
    return [
        name
        for settings in RULES[learner.config.rule].variants.values()
        for name in settings
        if (value := learner.get_params().get(name)) and not isinstance(value, str)
        if not getattr(plain, name, None)
    ]
