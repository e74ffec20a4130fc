"""``fleet.merge``: many posteriors as one, whatever the order; and what is refused."""

from __future__ import annotations

import dataclasses
import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from fleet_images import changed, fleet, samples, start

from quant.image import Image, decode_image, encode_image
from quant.network import layer_view
from quant.rule import RULES
from quant.rules.mesu.plan import make_plan
from quant.rules.mesu.variance import encode, exponent_view, most_exponent
from streamlearn.certainty import certainty_of
from streamlearn.fleet import learn, merge
from streamlearn.merging import merging_of
from streamlearn.merging.pooled import Statistic, pooled

MERGED = [name for name in RULES if merging_of(name) is not None]
CASES = [
    (name, head, arithmetic)
    for name in MERGED
    for head in RULES[name].heads
    for arithmetic in RULES[name].arithmetics
]
GAUSSIAN = [
    (name, arithmetic) for name in ("mesu", "mesu_factored") for arithmetic in ("q16", "float64")
]


# -- what a merge is --------------------------------------------------------------------------


@pytest.mark.parametrize(("rule", "head", "arithmetic"), CASES)
def test_the_order_of_the_devices_changes_no_bit(rule: str, head: str, arithmetic: str) -> None:
    base = start(rule, head, arithmetic=arithmetic)
    images = fleet(base, 5, head=head)
    for evidence in ("sum", "mean"):
        found = merge(base, images, evidence)  # type: ignore[arg-type]
        for seed in range(4):
            shuffled = random.Random(seed).sample(images, len(images))
            assert merge(base, shuffled, evidence) == found  # type: ignore[arg-type]
    assert merge(base, images[:4]) != merge(base, images[1:]), "canary: it looks at the images"


@pytest.mark.parametrize(("rule", "head", "arithmetic"), CASES)
def test_a_merged_learner_goes_on(rule: str, head: str, arithmetic: str) -> None:
    """It predicts, learns, and is the base of the next merge."""
    base = start(rule, head, arithmetic=arithmetic)
    for _ in range(3):
        images = fleet(base, 3, head=head)
        base = merge(base, images)
    learned, found = learn(base, *samples(10, 9, head))
    assert len(found) == 10
    assert decode_image(learned).state["n_samples"] == 3 * (30 + 33 + 36) + 10


@pytest.mark.parametrize(("rule", "arithmetic"), GAUSSIAN)
def test_one_device_merged_is_that_device(rule: str, arithmetic: str) -> None:
    base = start(rule, arithmetic=arithmetic)
    (image,) = fleet(base, 1, 100)
    for evidence in ("sum", "mean"):
        merged, device = decode_image(merge(base, [image], evidence)), decode_image(image)  # type: ignore[arg-type]
        certainty = certainty_of(rule)
        assert certainty is not None
        for ours, theirs in zip(
            certainty.values(merged.spec, merged.config, merged.state),
            certainty.values(device.spec, device.config, device.state),
            strict=True,
        ):
            assert np.allclose(ours, theirs, rtol=1e-6)
        at = merging_of(rule)
        assert at is not None
        there = at.position(device.spec, device.config, device.state)
        assert np.allclose(at.position(merged.spec, merged.config, merged.state), there)
        assert merged.state["n_samples"] == device.state["n_samples"]


# -- the linear-Gaussian model, in which the posterior is known --------------------------------


def linear(k: int, arithmetic: str) -> tuple[bytes, list[bytes], Any, Any]:
    """A base, K posteriors of parts of the data, and the posterior of all: means and variances.

    y = w_ij + noise of known variance, x one-hot: every weight has a Gaussian posterior of its own,
    ρ = ρ0 + n/s² and η = η0 + Σ y/s², for whatever samples a device sees.
    """
    drawn, noise = np.random.default_rng(k), 0.5
    base = decode_image(start(arithmetic=arithmetic))
    mu0, v0 = _weights(base)
    rho, eta = [1 / v for v in v0], [m / v for m, v in zip(mu0, v0, strict=True)]
    images = []
    for _ in range(k):
        device = dataclasses.replace(base, state=base.state.copy())
        device.state["n_samples"] = 5
        means, variances = [], []
        for layer, m0 in enumerate(mu0):
            n = drawn.integers(0, 4, m0.shape)
            total = n * (m0 + drawn.normal(0, 0.2, m0.shape))
            own_rho = 1 / v0[layer] + n / noise
            means.append((mu0[layer] / v0[layer] + total / noise) / own_rho)
            variances.append(1 / own_rho)
        _put(device, means, variances)
        kept_means, kept_variances = _weights(device)  # as this arithmetic holds them
        for layer in range(len(mu0)):
            rho[layer] = rho[layer] + 1 / kept_variances[layer] - 1 / v0[layer]
            kept = kept_means[layer] / kept_variances[layer]
            eta[layer] = eta[layer] + kept - mu0[layer] / v0[layer]
        images.append(encode_image(device))
    return encode_image(base), images, [e / r for e, r in zip(eta, rho, strict=True)], rho


def _weights(image: Image) -> tuple[list[Any], list[Any]]:
    certainty = certainty_of("mesu")
    assert certainty is not None
    means = [layer_view(image.spec, image.state, "mu", i).astype(float) for i in range(2)]
    if image.arithmetic == "q16":
        means = [m / 2**12 for m in means]
    return means, [s**2 for s in certainty.values(image.spec, image.config, image.state)]


def _put(image: Image, means: list[Any], variances: list[Any]) -> None:
    for i, (mean, variance) in enumerate(zip(means, variances, strict=True)):
        mu = layer_view(image.spec, image.state, "mu", i)
        if image.arithmetic != "q16":
            mu[:] = mean
            layer_view(image.spec, image.state, "sigma", i)[:] = np.sqrt(variance)
            continue
        mu[:] = np.rint(mean * 2**12)
        rho, exponent = encode(variance)
        most = most_exponent(make_plan(image.spec, image.config).layers[i].v_exponent)
        up = np.maximum(exponent - most, 0)
        layer_view(image.spec, image.state, "rho", i)[:] = rho << up[:, None]
        exponent_view(image.spec, image.state["rho_exponent"][0], i)[:] = exponent - up


@pytest.mark.parametrize(
    ("arithmetic", "rtol", "atol"),
    [("float64", 1e-12, 1e-12), ("float32", 3e-6, 3e-6), ("q16", 2.0**-13, 2.0**-13)],
)
@pytest.mark.parametrize("k", [2, 3, 8, 64])
def test_the_sum_is_the_posterior_of_one_that_saw_all(
    k: int, arithmetic: str, rtol: float, atol: float
) -> None:
    base, images, means, precisions = linear(k, arithmetic)
    found_means, found_variances = _weights(decode_image(merge(base, images, "sum")))
    for layer in range(2):
        # of q16 a variance is at most half a unit of its row away, a mean half of its own
        assert np.allclose(found_means[layer], means[layer], rtol=0, atol=atol)
        largest = found_variances[layer].max(axis=1, keepdims=True)
        away = np.abs(found_variances[layer] - 1 / precisions[layer])
        assert (away <= rtol * largest).all()


@pytest.mark.parametrize("k", [2, 8])
def test_the_mean_keeps_the_precision_of_one_device(k: int) -> None:
    base, images, _, _ = linear(k, "float64")
    each = [_weights(decode_image(image)) for image in images]
    means, variances = _weights(decode_image(merge(base, images, "mean")))
    for layer in range(2):
        rho = np.array([1 / v[layer] for _, v in each])
        eta = np.array([m[layer] / v[layer] for m, v in each])
        assert np.allclose(1 / variances[layer], rho.mean(axis=0), rtol=1e-12)
        assert np.allclose(means[layer], eta.mean(axis=0) / rho.mean(axis=0), rtol=1e-9, atol=1e-12)


def test_damping_takes_a_part_of_what_was_learned() -> None:
    base, images, means, precisions = linear(4, "float64")
    mu0, v0 = _weights(decode_image(base))
    found, variances = _weights(decode_image(merge(base, images, damping=0.25)))
    for layer in range(2):
        rho = 1 / v0[layer] + 0.25 * (precisions[layer] - 1 / v0[layer])
        eta = mu0[layer] / v0[layer]
        eta = eta + 0.25 * (means[layer] * precisions[layer] - eta)
        assert np.allclose(1 / variances[layer], rho)
        assert np.allclose(found[layer], eta / rho)


@pytest.mark.parametrize("arithmetic", ["float64", "q16"])
def test_where_devices_forgot_the_prior_is_the_floor(arithmetic: str) -> None:
    """Sixteen devices halve ρ and move μ alike: the sum would be far below 0."""
    base = decode_image(start(arithmetic=arithmetic))
    mu0, v0 = _weights(base)
    _put(base, mu0, [v / 8 for v in v0])
    device = dataclasses.replace(base, state=base.state.copy())
    device.state["n_samples"] = 9
    _put(device, [m + 0.125 for m in mu0], [v / 4 for v in v0])
    merged = decode_image(merge(encode_image(base), [encode_image(device)] * 16))
    means, variances = _weights(merged)
    for layer, fan_in in enumerate(merged.spec.layers[:-1]):
        prior = merged.config.sigma_prior_of(fan_in) ** 2
        assert np.allclose(variances[layer], prior, rtol=1e-3)
        moved = means[layer] - _weights(base)[0][layer]
        assert (moved <= 16 * 0.125 + 1e-3).all(), "no farther than all together"
        assert (moved > 0).all()


# -- BiMU, whose natural parameter is the belief itself --------------------------------------------


def test_samples_that_rows_had_in_turn_before_a_merge_are_not_theirs_again() -> None:
    """What a start had gathered is in the devices' beliefs: a merge in a round forgets it."""
    base = fleet(start("bimu", gather=8, lr=1.0), 1)[0]
    kept = decode_image(base).state
    assert kept["n_samples"][0] % 8, "a merge in the middle of a round"
    names = [name for name in kept.dtype.names or () if name.startswith("gathered_")]
    assert len(names) == 3
    assert all(kept[name].any() for name in names)
    merged = merge(base, fleet(base, 3))
    state = decode_image(merged).state
    assert not any(state[name].any() for name in names)
    learned, _ = learn(merged, *samples(10, 9))
    assert decode_image(learned).state["n_samples"] == state["n_samples"] + 10


@pytest.mark.parametrize(("arithmetic", "one"), [("q8", 1), ("float64", 2.0**-5)])
def test_beliefs_add_and_do_not_pass_the_prior_by_forgetting(arithmetic: str, one: float) -> None:
    cases = [  # start, of two devices, their sum, their mean
        (4, (6, 7), 9, 7),
        (4, (-3, -5), -12, -4),
        (-4, (-6, -3), -5, -4),
        (0, (2, -5), -3, -1),
        (40, (10, 12), 0, 11),
        (-40, (-10, -12), 0, -11),
        (40, (-2, -4), -46, -3),
        (100, (126, 120), 127, 123),
    ]
    base = start("bimu", arithmetic=arithmetic)
    size = decode_image(base).state["belief"].size

    def image(values: list[int], n_samples: int) -> bytes:
        belief = np.resize(np.array(values) * one, size)
        return changed(base, belief=belief, n_samples=n_samples)

    starts, pairs, sums, means = (list(column) for column in zip(*cases, strict=True))
    devices = [image([pair[i] for pair in pairs], 5) for i in range(2)]
    if arithmetic == "float64":  # without a largest one, and without rounding
        sums[-1] = 100 + 26 + 20
        means = [sum(pair) / 2 for pair in pairs]
    for evidence, values in (("sum", sums), ("mean", means)):
        merged = decode_image(merge(image(starts, 0), devices, evidence))  # type: ignore[arg-type]
        assert (
            merged.state["belief"][0].tolist() == np.resize(np.array(values) * one, size).tolist()
        )


# -- what is beside the weights -----------------------------------------------------------------


@pytest.mark.parametrize("before", [0, 12])
def test_the_parallel_formula_is_exact(before: int) -> None:
    drawn = random.Random(before)
    values = [[Fraction(drawn.randrange(1000), 8) for _ in range(n)] for n in (before, 5, 9, 30)]
    base = _of(values[0])
    learned = [_of(values[0] + part) for part in values[1:]]
    found = pooled(base, learned, [5, 9, 30], window=300)
    assert found == _of([value for part in values for value in part])


def test_of_a_full_window_only_what_is_left_of_the_start_counts() -> None:
    base, full = Statistic(10, Fraction(0), Fraction(1)), Statistic(10, Fraction(4), Fraction(1))
    found = pooled(base, [full, full], [500, 900], window=10)
    assert found == Statistic(10, Fraction(4), Fraction(1))


def _of(values: list[Fraction]) -> Statistic:
    n = len(values)
    mean = sum(values, Fraction(0)) / max(n, 1)
    second = sum(((value - mean) ** 2 for value in values), Fraction(0))
    return Statistic(n, mean, second / max(n, 1))


@pytest.mark.parametrize("arithmetic", ["q16", "float32", "float64"])
@pytest.mark.parametrize(("before", "near"), [(0, 0.1), (40, 0.02)])
def test_statistics_are_those_of_all_samples(arithmetic: str, before: int, near: float) -> None:
    """As far as learners that start on their own do not hold back values at their start."""
    base, _ = learn(start(arithmetic=arithmetic), *samples(before, 7))
    parts = [samples(n, n) for n in (20, 35, 50)]
    merged = decode_image(merge(base, [learn(base, x, y)[0] for x, y in parts]))
    x, y = np.concatenate([x for x, _ in parts]), [label for _, y in parts for label in y]
    one = decode_image(learn(base, x, y)[0])
    counts = merged.state["feature_count"].astype(int) - one.state["feature_count"].astype(int)
    assert np.abs(counts).max() <= 6
    assert merged.state["front_end_count"] == one.state["front_end_count"]
    assert merged.state["n_samples"] == one.state["n_samples"]
    ours, theirs = _statistics(merged), _statistics(one)
    assert np.allclose(ours[0], theirs[0], atol=near)
    assert np.allclose(ours[1], theirs[1], rtol=2 * near)


def _statistics(image: Image) -> tuple[Any, Any]:
    state, unit = image.state, 1.0
    if "exponent" in (state.dtype.names or ()):
        unit = np.ldexp(1.0, -state["exponent"][0].astype(int))
    return state["mean"][0] * unit, state["variance"][0] * unit**2


@pytest.mark.parametrize("arithmetic", ["q16", "float64"])
def test_a_target_has_the_statistics_of_all_targets(arithmetic: str) -> None:
    base = start(head="gaussian", arithmetic=arithmetic)
    parts = [samples(n, n, "gaussian") for n in (30, 60)]
    merged = decode_image(merge(base, [learn(base, x, y)[0] for x, y in parts]))
    targets = np.concatenate([y for _, y in parts])
    state = merged.state
    unit = 2.0 ** -int(state["target_exponent"][0]) if "target_exponent" in state.dtype.names else 1
    assert state["target_count"][0] == 90
    assert state["target_mean"][0] * unit == pytest.approx(targets.mean(), rel=0.02)
    assert state["target_variance"][0] * unit**2 == pytest.approx(targets.var(), rel=0.05)


def test_classes_that_any_device_was_taught_may_be_predicted() -> None:
    base = start()
    x, _ = samples(20, 3)
    images = [learn(base, x, [label] * 20)[0] for label in "ac"]
    assert decode_image(merge(base, images)).state["taught"][0] == 0b101


@pytest.mark.parametrize("evidence", ["sum", "mean"])
def test_an_adaptive_step_goes_on_from_the_mean(evidence: Any) -> None:
    base = start(step="adaptive")
    merged = decode_image(merge(base, fleet(base, 4), evidence)).state
    each = [decode_image(image).state["step_log2"][0] for image in fleet(base, 4)]
    assert abs(merged["step_log2"][0] - np.mean(each)) <= 1
    assert (merged["slow"][0] == merged["mu"][0][-27:]).all()


def test_seeds_and_numbers_of_samples_may_differ() -> None:
    base = start()
    images = [learn(changed(base, seed=k), *samples(20 * k + 1, k))[0] for k in range(4)]
    merged = decode_image(merge(base, images)).state
    assert merged["seed"] == 0
    assert merged["n_samples"] == 4 + 20 * 6
