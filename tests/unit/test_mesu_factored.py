"""Factored variance in floating point: the projected rule, and the other engines against it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quant.counters import Saturations
from quant.description import from_json, to_json
from quant.errors import ConfigError, StateFormatError
from quant.native import NativeKernel
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.plan import decode_column, decode_row, make_factored_plan
from quant.rules.mesu_factored.state import FACTORS, factor_view
from quant.state import State, init_state
from streamlearn import MesuClassifier, MesuFactoredClassifier, MesuFactoredRegressor
from streamlearn.engines import make_engine
from streamlearn.front_end import standardise
from streamlearn.rules.mesu_factored import equations as mesu_factored
from streamlearn.rules.mesu_factored.equations import FactoredForward

NEVER = float("inf")


def start(spec: NetworkSpec, config: MesuFactoredConfig, seed: int = 0) -> State:
    """A start with distinct factors and, unlike init_state's, biases."""
    state = init_state(spec, config, "float64", seed)
    rng = np.random.default_rng(seed)
    state["mu"] += rng.normal(size=spec.n_synapses) * 0.3
    for field in FACTORS:
        state[field] *= rng.uniform(0.5, 1.5, len(state[field][0]))
    return state


def forward_of(
    spec: NetworkSpec, config: MesuFactoredConfig, state: State, z: np.ndarray
) -> FactoredForward:
    return mesu_factored.forward(spec, config, state, z, Saturations())


def learn(
    spec: NetworkSpec,
    config: MesuFactoredConfig,
    state: State,
    forward: FactoredForward,
    label: int,
) -> None:
    mesu_factored.update(spec, config, state, forward, label, Saturations())


@pytest.mark.parametrize("layers", [(3, 2), (4, 5, 3), (3, 4, 5, 2)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_the_step_is_the_projected_gradient(layers: tuple[int, ...], bias: bool, seed: int) -> None:
    """Against central differences: MESU's Δ ln v = -lr σ ∂σ, row means, centred column means."""
    spec = NetworkSpec(layers, bias=bias, front_end="none")
    lr = 1e-3
    config = MesuFactoredConfig(memory_window=NEVER, sweep=4096, lr_mu=lr, lr_sigma=lr, n_draws=5)
    state = start(spec, config, seed)
    state["n_samples"] = 1  # no pull of the factors at this sample
    z = np.random.default_rng(seed + 10).normal(size=layers[0])
    label = seed % layers[-1]

    def loss(state: State) -> float:
        logits = forward_of(spec, config, state, z).outputs
        shifted = logits - logits.max(axis=0)
        return float(-(shifted - np.log(np.exp(shifted).sum(axis=0)))[label].mean())

    h = 1e-5
    slopes = {}
    for field in ("mu", *FACTORS):
        slopes[field] = np.zeros(len(state[field][0]))
        for i in range(len(slopes[field])):
            up, down = state.copy(), state.copy()
            size = 1.0 if field == "mu" else state[field][0, i]  # by the logarithm of a factor
            up[field][0, i] += h * size
            down[field][0, i] -= h * size
            slopes[field][i] = (loss(up) - loss(down)) / (2 * h)

    before = state.copy()
    learn(spec, config, state, forward_of(spec, config, state, z), label)
    moved = {field: np.log(state[field] / before[field])[0] for field in FACTORS}
    row_at = column_at = 0
    for layer, (rows, columns) in enumerate(spec.shapes):
        i, j = slice(row_at, row_at + rows), slice(column_at, column_at + columns)
        row_at, column_at = i.stop, j.stop
        # σ ∂σ summed over a row is twice the slope by the logarithm of its factor
        expected = -2 * lr / columns * slopes["row"][i]
        np.testing.assert_allclose(moved["row"][i], expected, rtol=5e-3, atol=1e-8)
        by_column = slopes["column"][j]
        expected = -2 * lr / rows * (by_column - by_column.mean())
        np.testing.assert_allclose(moved["column"][j], expected, rtol=5e-3, atol=1e-8)
        v = np.outer(*(factor_view(spec, before, field, layer) for field in FACTORS))
        at = sum(r * c for r, c in spec.shapes[:layer])
        slope = slopes["mu"][at : at + rows * columns].reshape(rows, columns)
        step = layer_view(spec, state, "mu", layer) - layer_view(spec, before, "mu", layer)
        np.testing.assert_allclose(step, -lr * v * slope, rtol=1e-4, atol=1e-9)


def test_at_rest_the_prior_is_the_fixed_point_and_the_gauge_holds() -> None:
    spec = NetworkSpec((6, 4, 2), front_end="none")
    config = MesuFactoredConfig(memory_window=300, sweep=1, sigma_prior=0.7)
    state = start(spec, config)
    state["column"] *= 50.0
    z = np.zeros(6)
    for _ in range(4000):  # input 0: rows of features feel the prior only
        learn(spec, config, state, forward_of(spec, config, state, z), 0)
    row, column = (factor_view(spec, state, field, 0) for field in FACTORS)
    assert 0.5 <= column.mean() <= 2
    np.testing.assert_allclose(row[:6] * column.mean(), 0.49, rtol=0.02)


def moments(spec: NetworkSpec, config: MesuFactoredConfig, state: State) -> dict[str, Any]:
    """μ and ln σ² of all layers of a q16 or float state."""
    mu, v = [], []
    for layer in range(len(spec.shapes)):
        row, column = (factor_view(spec, state, field, layer) for field in FACTORS)
        weights = layer_view(spec, state, "mu", layer).astype(np.float64)
        if weights.dtype.kind == "f" and state["mu"].dtype == np.int16:
            exponent = make_factored_plan(spec, config).layers[layer].v_exponent
            row, column = decode_row(row, exponent), decode_column(column)
            weights = np.ldexp(weights, -int(state["mu_frac_bits"][0, layer]))
        mu.append(weights.ravel())
        v.append(np.log(np.outer(row, column)).ravel())
    return {"mu": np.concatenate(mu), "v": np.concatenate(v)}


@pytest.mark.parametrize("layers", [(20, 6, 4), (20, 8, 6, 4), (20, 4)])
def test_one_step_in_integers_is_one_step_of_the_equations(layers: tuple[int, ...]) -> None:
    """From the same state: Δ ln σ² and Δμ agree to the resolution of their inputs."""
    spec = NetworkSpec(layers, front_end="none")
    config = MesuFactoredConfig(n_draws=8, lr_mu=0.5, lr_sigma=0.5, memory_window=5000)
    golden, rng = make_engine(spec, config, "q16", "numpy"), np.random.default_rng(0)
    plan = make_factored_plan(spec, config)
    q, total, wrong = init_state(spec, config, "q16", 3), {}, {}
    for t in range(40):
        x = np.round(rng.normal(size=layers[0]) * 16) / 16  # exact in both
        f = init_state(spec, config, "float64", 3)
        f["n_samples"] = q["n_samples"]
        exact = moments(spec, config, q)
        f["mu"][0] = exact["mu"]
        f["step_log2"] = q["step_log2"] / 65536
        for layer in range(len(spec.shapes)):
            exponent = plan.layers[layer].v_exponent
            factor_view(spec, f, "row", layer)[:] = decode_row(
                factor_view(spec, q, "row", layer), exponent
            )
            column = decode_column(factor_view(spec, q, "column", layer))
            factor_view(spec, f, "column", layer)[:] = column
        label = t % layers[-1]
        learn(spec, config, f, forward_of(spec, config, f, x), label)
        golden.learn(q, x, label)
        ours, theirs = moments(spec, config, q), moments(spec, config, f)
        for field in exact:
            total.setdefault(field, []).append(theirs[field] - exact[field])
            wrong.setdefault(field, []).append(ours[field] - theirs[field])
    for field, limit in (("mu", 0.03), ("v", 0.03)):
        ratio = np.linalg.norm(wrong[field]) / np.linalg.norm(total[field])
        assert ratio < limit, (field, ratio)


def test_float32_follows_float64(gas: Any) -> None:
    spec, config = NetworkSpec((128, 12, 6)), MesuFactoredConfig(n_draws=4)
    kernel, one = NativeKernel(spec, config, "float32"), init_state(spec, config, "float32", 1)
    other = init_state(spec, config, "float64", 1)
    n = 150
    kernel.learn(one, gas.x[:n], gas.y[:n].astype(np.uint32))
    for x, y in zip(gas.x[:n].astype(np.float64), gas.y[:n].tolist(), strict=True):
        statistics, z, _ = standardise(other, x, config.front_end_window)
        passed = forward_of(spec, config, other, z)
        learn(spec, config, other, passed, y)
        for field, value in statistics.items():
            other[field][0] = value
    for field in ("mu", *FACTORS):
        np.testing.assert_allclose(one[field], other[field], rtol=2e-3, atol=2e-4)


# -- the description and the image ---------------------------------------------------------------


def test_the_description_has_no_format_of_the_means() -> None:
    """The format follows the weights by itself; MESU's, where it is a choice, is described."""
    spec, config = NetworkSpec((3, 2)), MesuFactoredConfig(n_draws=3)
    described = to_json(spec, config)
    assert described["rule"] == "mesu_factored"
    assert "mu_frac_bits" not in described["config"]
    assert "mu_frac_bits" in to_json(spec, MesuConfig())["config"]
    assert from_json(described) == (spec, config)


@pytest.mark.parametrize("arithmetic", ["q16", "float32", "float64"])
def test_image_goes_there_and_back(arithmetic: Any) -> None:
    learner = MesuFactoredClassifier((3, 4, 2), arithmetic=arithmetic)
    for t in range(30):
        learner.learn_one([t % 2, t % 3, 0.5], t % 2)
    again = MesuFactoredClassifier.from_bytes(learner.to_bytes())
    assert again.state_sha256 == learner.state_sha256
    again.learn_one([1, 0, 0], 1)
    learner.learn_one([1, 0, 0], 1)
    assert again.state_sha256 == learner.state_sha256
    other = MesuClassifier((3, 4, 2), arithmetic=arithmetic)
    with pytest.raises(Exception, match="bytes"):
        other.state = learner.state
    with pytest.raises(StateFormatError):
        MesuFactoredClassifier.from_bytes(
            learner.to_bytes().replace(b'"mesu_factored"', b'"mesu_factorex"')
        )
    with pytest.raises(StateFormatError, match="rule 'mesu_factored', MesuClassifier takes 'mesu'"):
        MesuClassifier.from_bytes(learner.to_bytes())


@pytest.mark.parametrize("learner", [MesuFactoredClassifier, MesuFactoredRegressor])
def test_a_format_of_the_means_is_refused(learner: Any) -> None:
    """It follows the weights: no parameter, and no key of a description."""
    layers = (3, 2) if learner is MesuFactoredClassifier else (3, 1)
    with pytest.raises(
        TypeError, match=f"{learner.__name__} has no parameter mu_frac_bits: it has"
    ):
        learner(layers, mu_frac_bits=10)
    described = to_json(NetworkSpec((3, 2)), MesuFactoredConfig())
    described["config"]["mu_frac_bits"] = 10
    with pytest.raises(ConfigError, match="mu_frac_bits"):
        from_json(described)


def test_a_description_of_an_unknown_variance_is_refused() -> None:
    described = to_json(NetworkSpec((3, 2)), MesuFactoredConfig())
    described["rule"] = "mesu_full"
    with pytest.raises(ConfigError, match=r"rule='mesu_full': expected one of .*'mesu_factored'"):
        from_json(described)


def test_means_out_of_reach_are_refused() -> None:
    with pytest.raises(ConfigError, match="starts with means within"):
        MesuFactoredClassifier((1, 2), mu_prior=2000.0)


# -- regression ----------------------------------------------------------------------------------


def test_a_regressor_is_the_same_in_c_and_golden_and_learns() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 3))
    y = x[:, 0] - 2 * x[:, 1]
    engines: list[dict[str, Any]] = [
        {"backend": "c"},
        {"backend": "numpy"},
        {"arithmetic": "float32"},
    ]
    found = []
    for more in engines:
        model = MesuFactoredRegressor((3, 8, 1), n_draws=3, step="fixed", **more)
        n = 150 if more.get("backend") == "numpy" else len(x)
        for row, target in zip(x[:n], y[:n], strict=False):
            model.learn_one(row, target)
            if len(found) == 0 and model.n_samples == 150:
                early = model.state_sha256
        found.append(model)
    assert found[1].state_sha256 == early
    for model in (found[0], found[2]):
        error = np.mean([model.predict_one(row) - t for row, t in zip(x, y, strict=True)])
        assert abs(error) < 0.5
        errors = [(model.predict_one(row) - t) ** 2 for row, t in zip(x, y, strict=True)]
        assert np.mean(errors) < 0.3 * np.var(y)
