"""docs/numbers.md §6: no product or sum leaves its C type, whatever the state and the input."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quant_bounds import (
    BOUNDS,
    CONTAINERS,
    check_backward,
    check_forward_layer,
    check_learner,
    check_output_gradient,
    check_ratio,
    check_update,
    edge_state,
)

from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import Plan
from quant.sampling.plan import LayerPlan

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=60)
DOCS = Path(__file__).parents[2] / "docs" / "numbers.md"

NETWORKS = {
    "5-4-3": (NetworkSpec((5, 4, 3)), MesuConfig(n_draws=3, memory_window=2000)),
    "64 draws": (
        NetworkSpec((7, 9, 6, 4), front_end="none"),
        MesuConfig(n_draws=64, memory_window=513, sigma_prior=4.0, sigma_init=4.0),
    ),
    "one layer, no bias": (
        NetworkSpec((9, 2), bias=False, front_end="none"),
        MesuConfig(n_draws=1, memory_window=256, lr_mu=1.0, lr_sigma=1.0, sweep=1),
    ),
    "narrow prior": (
        NetworkSpec((33, 5, 2)),
        MesuConfig(n_draws=5, sigma_prior=0.02, sigma_init=0.3, mu_prior=-7.9),
    ),
}


@FIXED
@given(
    name=st.sampled_from(sorted(NETWORKS)),
    mode=st.integers(0, 8),
    seed=st.integers(0, 2**32 - 1),
    extreme=st.booleans(),
)
def test_every_intermediate_keeps_its_bound(name: str, mode: int, seed: int, extreme: bool) -> None:
    spec, config = NETWORKS[name]
    rng = np.random.default_rng(seed)
    z = (
        rng.choice([-127, 127], spec.n_features)
        if extreme
        else rng.integers(-127, 128, spec.n_features)
    )
    check_learner(spec, config, edge_state(spec, config, mode, seed), z, seed % spec.n_classes)


@pytest.mark.parametrize("x", [127, -127, 1, 0])
@pytest.mark.parametrize("mu", [-32768, 32767])
@pytest.mark.parametrize("rho", [0, 65535])
@pytest.mark.parametrize("rows", [1, 516, 4096, 65536])
def test_first_layer_of_any_width_keeps_its_bounds(rows: int, mu: int, rho: int, x: int) -> None:
    plan = LayerPlan(12, 6, 0, 0, 0, 32768, 10)
    check_forward_layer(
        np.full((rows, 1), x), 4, np.full((rows, 1), mu), np.full((rows, 1), rho), plan,
        np.array([[-741, 741]]),
    )  # fmt: skip


@pytest.mark.parametrize("x", [32767, 32768 >> 5, 1])
@pytest.mark.parametrize("v_exponent", [-20, 0, 6])
@pytest.mark.parametrize("rows", [1, 2, 65536])
def test_later_layers_of_any_width_keep_their_bounds(rows: int, v_exponent: int, x: int) -> None:
    plan = LayerPlan(12, v_exponent, 0, 0, 0, 32768, 10)
    for mu, rho in ((-32768, 65535), (32767, 0)):
        column = np.ones((rows, 1), np.int64)
        check_forward_layer(
            np.full((rows, 2), x), 8, column * mu, column * rho, plan, np.array([[-741, 741]])
        )


@pytest.mark.parametrize("columns", [2, 255, 65535])
@pytest.mark.parametrize("sign", [1, -1])
def test_backward_of_any_width_keeps_its_bounds(columns: int, sign: int) -> None:
    top = 2**24 - 1
    ones = np.ones((columns, 1), np.int64)
    for size in (top, 1, 0):
        for v_exponent in (-20, 6):
            for mu, rho in ((-32768, 65535), (32767, 65535), (-32768, 0)):
                plan = LayerPlan(12, v_exponent, 0, 0, 0, 32768, 10)
                delta = ones * size * sign
                for frac_bits in (0, 8):
                    check_backward(
                        np.array([[32767], [1], [0]]), frac_bits, delta, delta,
                        np.full((3, columns), mu), np.full((3, columns), rho), plan,
                    )  # fmt: skip


@pytest.mark.parametrize("inverse", [0, 1, 2**30])
def test_ratio_keeps_its_bounds(inverse: int) -> None:
    top = 2**24 - 1
    check_ratio(
        np.array([[top, -top, 1, -1]]), np.array([[741, 741, -1, -741]]), np.full((1, 4), inverse)
    )


@pytest.mark.parametrize("classes", [2, 65535])
def test_softmax_of_any_width_keeps_its_bounds(classes: int) -> None:
    top = 2**30 + 48562130
    logits = np.full((classes, 3), -top)
    logits[0] = [top, -top, 0]
    for label in (0, classes - 1):
        check_output_gradient(logits, label)


@pytest.mark.parametrize("n_draws", [1, 2, 3, 33, 63, 64])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("exponent", [-1000, 16, 1100])
def test_update_keeps_its_bounds_at_every_extreme(n_draws: int, first: bool, exponent: int) -> None:
    """All of one sign at the largest magnitude: the sums of g and q are as large as they get."""
    top = 2**24 - 1
    layer = LayerPlan(12, 6, 32767, 0, 0, 65535, 4)
    gain = (32767, exponent)
    plan = Plan((layer,), gain, gain, 1 << 20, 1 << 20, 1, n_draws, 300)
    x = np.array([[127], [-127], [1], [0]]) if first else np.full((4, n_draws), 32767)
    for sign in (1, -1):
        for size in (top, 65535, 1, 0):
            delta = np.full((2, n_draws), size * sign)
            for mu, rho in ((-32768, 65535), (32767, 65535), (-32768, 0), (32767, 0)):
                u = np.full((4, 2), 65535)
                check_update(
                    x, 4 if first else 8, np.full((4, 2), mu), np.full((4, 2), rho), delta, delta,
                    plan, 0, (u, u), first,
                )  # fmt: skip


def test_tight_bounds_are_reached() -> None:
    """The bound of the largest int32 product is not slack: 0.4 % below 2^31."""
    assert BOUNDS["mantissa_w"][0] == 2_138_572_800
    plan = SimpleNamespace(v_exponent=0, mu_frac_bits=12)
    with pytest.raises(AssertionError, match="abs_sum"):
        check_forward_layer(
            np.full((65537, 1), 32767), 8, np.zeros((65537, 1), np.int64),
            np.zeros((65537, 1), np.int64), plan, np.array([[0]]),
        )  # fmt: skip


def test_every_bound_fits_its_type() -> None:
    for name, (limit, container) in BOUNDS.items():
        assert 0 < limit <= CONTAINERS[container], name


def test_the_bounds_in_the_document_are_the_bounds_tested() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([\d ]+) \| (u?int\d+) \|$", DOCS.read_text(), re.M)
    written = {name: (int(limit.replace(" ", "")), kind) for name, limit, kind in rows}
    assert written == BOUNDS
