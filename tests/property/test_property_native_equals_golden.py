"""The C kernel equals the golden model, bit for bit, for every learner that the registry knows."""

from __future__ import annotations

import dataclasses
from typing import Any

import edge_cases
import numpy as np
import pytest
from edge_cases import CASES, F32, edge_row, edge_state, edge_target
from hypothesis import given, settings
from hypothesis import strategies as st
from registered import Case, has_golden_and_c, registered

from quant.counters import Saturations
from quant.heads import HEADS
from quant.heads.head import ClassPrediction
from quant.integers import shift_saturate
from quant.network import NetworkSpec
from quant.rule import RULES
from quant.rules.mesu import golden_steps as mesu
from quant.rules.mesu.config import MesuConfig
from quant.state import init_state
from streamlearn.engines import NativeEngine, NumpyEngine

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=20)
SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module", params=CASES)
def name(request: pytest.FixtureRequest) -> str:
    """A learner whose kernel is compiled: outside of hypothesis, which would repeat a failure."""
    chosen = str(request.param)
    edge_cases.native(chosen)
    return chosen


def bits(prediction: Any) -> list[bytes]:
    """A prediction, every bit of it."""
    if isinstance(prediction, ClassPrediction):
        return [bytes([prediction.class_index]), prediction.logits.tobytes()]
    return [np.array(prediction, np.float64).tobytes()]


def since(native: NativeEngine, before: Saturations) -> dict[str, int]:
    """What a C engine counted since ``before``."""
    return {kind: vars(native.saturations)[kind] - n for kind, n in vars(before).items()}


@FIXED
@given(mode=st.integers(0, 10), seed=SEEDS)
def test_c_equals_golden_from_edge_states(name: str, mode: int, seed: int) -> None:
    case, rng = CASES[name], np.random.default_rng(seed)
    golden, native = edge_cases.golden(name), edge_cases.native(name)
    model = RULES[case.config.rule].arithmetics[case.arithmetic].golden
    ours = edge_state(CASES[name], mode, seed)
    theirs, before = ours.copy(), native.saturations
    for style in rng.permutation([0, 1, 2, 0, 1, 2]):
        x, target = edge_row(case, int(style), rng), edge_target(case, rng)
        wide = x.astype(np.float64)
        assert bits(native.predict(theirs, x)) == bits(golden.predict(ours, wide))
        if model is not None and model.undecided is not None:
            assert native.undecided(theirs, x) == golden.undecided(ours, wide)
        assert bits(native.learn(theirs, x, target)) == bits(golden.learn(ours, wide, target))
        for field in ours.dtype.names:
            np.testing.assert_array_equal(theirs[field], ours[field], field)
    assert since(native, before) == vars(golden.saturations)


def test_predicting_in_c_changes_no_state(name: str) -> None:
    for mode in range(11):
        state = edge_state(CASES[name], mode, mode)
        before = state.tobytes()
        edge_cases.native(name).predict(state, np.full(CASES[name].spec.n_features, 3.25))
        assert state.tobytes() == before


def test_canary_a_bit_of_a_prediction_is_seen(name: str) -> None:
    found = edge_cases.golden(name).predict(
        edge_state(CASES[name], 1, 1), np.ones(CASES[name].spec.n_features)
    )
    if isinstance(found, ClassPrediction):
        other = found._replace(logits=np.nextafter(found.logits, np.inf))
    else:
        other = found._replace(mean=np.nextafter(found.mean, np.inf))
    assert bits(other) != bits(found) == bits(found._replace())


def test_every_rule_and_head_in_integers_is_compared() -> None:
    wanted = {
        (name, head, arithmetic)
        for name, rule in RULES.items()
        for head in rule.heads
        for arithmetic, kind in rule.arithmetics.items()
        if kind.numbers == "integer"
    }
    found = {(case.config.rule, case.spec.head, case.arithmetic) for case in CASES.values()}
    assert found == wanted


def test_canary_a_rule_without_edges_is_refused() -> None:
    class Unheard(MesuConfig):
        rule = "unheard_of"

    new = Case(NetworkSpec((5, 4, 3)), Unheard(), "q16")
    with pytest.raises(LookupError, match=r"rerun_unheard_of\.py has no edge_state: write it"):
        edge_state(new, 0, 0)


# -- random networks ----------------------------------------------------------------------------

PAIRS = sorted(
    {
        (case.config.rule, case.spec.head, case.arithmetic)
        for case in registered().values()
        if has_golden_and_c(case)
    }
)


@pytest.mark.parametrize(("rule", "head", "arithmetic"), PAIRS)
@settings(FIXED, max_examples=6)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    bias=st.booleans(),
    front_end=st.sampled_from(["standardise", "none"]),
    n_draws=st.integers(1, 17),
    memory_window=st.sampled_from([600.0, 1e5, float("inf")]),
    lr=st.floats(0.1, 2),
    target_window=st.integers(2, 32768),
    mu_frac_bits=st.integers(8, 14),
    seed=SEEDS,
)
def test_c_equals_golden_on_random_networks(
    rule: str, head: str, arithmetic: str, sizes: list[int], bias: bool, front_end: str, lr: float,
    seed: int, **more: float,
) -> None:  # fmt: skip
    """A rule takes what it knows of the settings."""
    last = 1 if HEADS[head].target == "number" else 3
    spec = NetworkSpec((*sizes, last), bias, front_end, head)
    chosen = {**more, "lr_mu": lr, "lr_sigma": lr, "lr": lr, "lr_output": lr, "mu_init": 0.5}
    known = {field.name for field in dataclasses.fields(RULES[rule].config)}
    config = RULES[rule].config(**{key: chosen[key] for key in chosen if key in known})
    golden, native = NumpyEngine(spec, config, arithmetic), NativeEngine(spec, config, arithmetic)
    ours = init_state(spec, config, arithmetic, seed)
    theirs = ours.copy()
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, spec.n_features)).astype(np.float32)
    y = (3 + 50 * x.sum(axis=1) + rng.standard_t(2, 40)).astype(np.float32)
    if HEADS[head].target == "class":
        y = np.digitize(y, [-20, 26])
    expected = golden.learn_many(ours, x.astype(np.float64), y)
    found = native.learn_many(theirs, x, y)
    assert np.array_equal(found.astype(np.float32), expected.astype(np.float32))
    assert ours.tobytes() == theirs.tobytes()
    assert native.saturations == golden.saturations


# -- rare lines -----------------------------------------------------------------------------------


def test_c_counts_the_saturated_gradients_that_golden_counts() -> None:
    name = "mesu 7-9-6-4, 64 draws"
    golden, native = edge_cases.golden(name), edge_cases.native(name)
    ours = edge_state(CASES[name], 0, 0)
    theirs, before = ours.copy(), native.saturations
    x = np.full(CASES[name].spec.n_features, 127 / 16)
    golden.learn(ours, x, 0)
    native.learn(theirs, x, 0)
    assert since(native, before)["gradient"] == golden.saturations.gradient > 0


@pytest.mark.parametrize("name", ["mesu 9-2, one draw"])
def test_c_rounds_and_clamps_inputs_as_golden_does(name: str) -> None:
    n_features, state = CASES[name].spec.n_features, edge_state(CASES[name], 0, 0)
    ties = (np.arange(264) / 32).astype(np.float32)  # every Q3.4 value and every tie, to 8.25
    near = np.concatenate([ties, np.nextafter(ties, np.float32(0)), np.nextafter(ties, F32.max)])
    powers = np.float32(2) ** np.arange(-149, 128, dtype=np.float32)
    values = np.concatenate([near, -near, powers, -powers, [F32.max, -F32.max]])
    rows = np.resize(values, (-(-len(values) // n_features), n_features))
    native = edge_cases.native(name)
    for x in rows.astype(np.float32):
        golden, before = edge_cases.golden(name), native.saturations
        assert bits(native.predict(state, x)) == bits(golden.predict(state, x.astype(np.float64)))
        assert since(native, before) == vars(golden.saturations)


def test_c_shifts_steps_beyond_their_bits_as_golden_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learning rates of 1e8, the only way there: a step that is shifted left by more than 28."""
    far = 0

    def watched(x: np.ndarray, right: np.ndarray, bits: int) -> tuple[np.ndarray, int]:
        nonlocal far
        far += int(np.count_nonzero((-right > bits) & (x != 0)))
        return shift_saturate(x, right, bits)

    monkeypatch.setattr(mesu, "shift_saturate", watched)
    far_case = Case(
        NetworkSpec((9, 5, 2), bias=False, front_end="none"),
        MesuConfig(
            n_draws=1, memory_window=1e15, lr_mu=1e8, lr_sigma=1e8, sweep=1, sigma_prior=1.0
        ),
        "q16",
    )
    golden, native = NumpyEngine(*far_case), NativeEngine(*far_case)
    x = np.full(9, 127 / 16)
    for seed in range(20):
        ours = edge_state(far_case, 1, seed)
        theirs = ours.copy()
        golden.learn(ours, x, seed % 2)
        native.learn(theirs, x, seed % 2)
        assert ours.tobytes() == theirs.tobytes()
    assert far > 0
