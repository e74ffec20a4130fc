"""The C kernel equals the golden model, bit for bit, from edge states and edge inputs."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rerun_mesu import edge_state

from quant.front_end.golden import quantise_input
from quant.integers import shift_saturate
from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rules.mesu import golden as golden
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.state import State

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=60)

LEARNERS = {
    "5-4-3": (NetworkSpec((5, 4, 3)), MesuConfig(n_draws=3, memory_window=2000)),
    "7-9-6-4, 64 draws": (
        NetworkSpec((7, 9, 6, 4), front_end="none"),
        MesuConfig(n_draws=64, memory_window=2000, sigma_prior=4.0, sigma_init=4.0),
    ),
    "9-2, one draw": (
        NetworkSpec((9, 2), bias=False, front_end="none"),
        MesuConfig(n_draws=1, memory_window=256, lr_mu=1.0, lr_sigma=1.0, sweep=1),
    ),
    "6-5-5-2, other formats": (
        NetworkSpec((6, 5, 5, 2), mu_frac_bits=(6, 15, 10)),
        MesuConfig(n_draws=2, memory_window=3000, mu_init=0.5),
    ),
}
F32 = np.finfo(np.float32)
EDGE_X = (0.0, -0.0, F32.max, -F32.max, F32.tiny, -F32.tiny, F32.smallest_subnormal, 1.0, -1.0)
EDGE_Z = (*EDGE_X, 127 / 16, -8.0, 1 / 32, -1 / 32, 1e15, -1e15)


@functools.cache
def kernel(name: str) -> NativeKernel:
    return NativeKernel(*LEARNERS[name], "q16")


def golden_learn(
    spec: NetworkSpec, config: MesuConfig, state: State, x: np.ndarray, label: int
) -> tuple[int, golden.Saturations]:
    count = golden.Saturations()
    statistics: dict[str, np.ndarray] = {}
    if spec.front_end == "standardise":
        statistics, z_q, count.input = standardise_q16(state, x, config.front_end_window)
    else:
        z_q, count.input = quantise_input(x)
    plan = make_plan(spec, config)
    passed = golden.forward(spec, plan, state, z_q, count)
    golden.learn(spec, plan, state, passed, label, count)
    for field, value in statistics.items():
        state[field][0] = value
    return golden.predict(passed.logits), count


def counted(name: str, before: golden.Saturations) -> dict[str, int]:
    after = vars(kernel(name).saturations)
    return {kind: after[kind] - n for kind, n in vars(before).items()}


@pytest.fixture(scope="module", params=sorted(LEARNERS))
def name(request: pytest.FixtureRequest) -> str:
    """A learner whose kernel is compiled: outside of hypothesis, which would repeat a failure."""
    chosen = str(request.param)
    kernel(chosen)
    return chosen


@FIXED
@given(mode=st.integers(0, 8), seed=st.integers(0, 2**32 - 1))
def test_c_equals_golden_from_edge_states(name: str, mode: int, seed: int) -> None:
    spec, config = LEARNERS[name]
    rng = np.random.default_rng(seed)
    ours = edge_state(spec, config, mode, seed)
    theirs = ours.copy()
    for _ in range(4):
        if spec.front_end == "none":
            x = rng.choice([*EDGE_Z, *rng.normal(0, 3, 4)], spec.n_features)
        else:
            powers = rng.integers(-44, 38, spec.n_features)
            x = rng.choice([1.0, -1.0, 0.0], spec.n_features) * 10.0**powers
            x = np.where(rng.random(spec.n_features) < 0.3, rng.choice(EDGE_X), x)
        x = x.astype(np.float32)
        label = int(rng.integers(spec.n_classes))
        before = kernel(name).saturations
        predicted, count = golden_learn(spec, config, ours, x, label)
        assert kernel(name).learn_one(theirs, x, label) == predicted
        assert ours.tobytes() == theirs.tobytes()
        assert counted(name, before) == vars(count)


def test_c_counts_the_saturated_gradients_that_golden_counts() -> None:
    name = "7-9-6-4, 64 draws"
    spec, config = LEARNERS[name]
    ours = edge_state(spec, config, 0, 0)
    theirs = ours.copy()
    x = np.full(spec.n_features, 127 / 16, np.float32)
    before = kernel(name).saturations
    _, count = golden_learn(spec, config, ours, x, 0)
    kernel(name).learn_one(theirs, x, 0)
    assert counted(name, before)["gradient"] == count.gradient > 0


def test_predicting_in_c_changes_no_state_and_agrees(name: str) -> None:
    spec, config = LEARNERS[name]
    for mode in range(9):
        state = edge_state(spec, config, mode, mode)
        before = state.tobytes()
        x = np.full(spec.n_features, 3.25, np.float32)
        predicted, logits = kernel(name).predict(state, x)
        assert state.tobytes() == before
        if spec.front_end == "none":
            z_q, _ = quantise_input(x)
            passed = golden.forward(spec, make_plan(spec, config), state, z_q, golden.Saturations())
            assert predicted == golden.predict(passed.logits)
            np.testing.assert_array_equal(logits, passed.logits.mean(axis=1) / 65536)


def test_c_rounds_and_clamps_inputs_as_golden_does() -> None:
    name = "9-2, one draw"
    spec, config = LEARNERS[name]
    plan, state = make_plan(spec, config), edge_state(spec, config, 0, 0)
    ties = (np.arange(264) / 32).astype(np.float32)  # every Q3.4 value and every tie, to 8.25
    near = np.concatenate([ties, np.nextafter(ties, np.float32(0)), np.nextafter(ties, F32.max)])
    powers = np.float32(2) ** np.arange(-149, 128, dtype=np.float32)
    values = np.concatenate([near, -near, powers, -powers, [F32.max, -F32.max]])
    rows = np.resize(values, (-(-len(values) // spec.n_features), spec.n_features))
    for x in rows.astype(np.float32):
        before = kernel(name).saturations
        _, logits = kernel(name).predict(state, x)
        count = golden.Saturations()
        z_q, count.input = quantise_input(x)
        passed = golden.forward(spec, plan, state, z_q, count)
        np.testing.assert_array_equal(logits, passed.logits.mean(axis=1) / 65536)
        assert counted(name, before) == vars(count)


def test_c_shifts_steps_beyond_their_bits_as_golden_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learning rates of 1e8, the only way there: a step that is shifted left by more than 28."""
    far = 0

    def watched(x: np.ndarray, right: np.ndarray, bits: int) -> tuple[np.ndarray, int]:
        nonlocal far
        far += int(np.count_nonzero((-right > bits) & (x != 0)))
        return shift_saturate(x, right, bits)

    monkeypatch.setattr(golden, "shift_saturate", watched)
    spec = NetworkSpec((9, 2), bias=False, front_end="none")
    config = MesuConfig(
        n_draws=1, memory_window=1e15, lr_mu=1e8, lr_sigma=1e8, sweep=1, sigma_prior=1.0
    )
    native = NativeKernel(spec, config, "q16")
    x = np.full(spec.n_features, 127 / 16, np.float32)
    for seed in range(20):
        ours = edge_state(spec, config, 1, seed)
        theirs = ours.copy()
        golden_learn(spec, config, ours, x, seed % 2)
        native.learn_one(theirs, x, seed % 2)
        assert ours.tobytes() == theirs.tobytes()
    assert far > 0
