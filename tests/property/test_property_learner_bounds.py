"""No product or sum of any learner leaves its C type, whatever the state and the input."""

from __future__ import annotations

import numpy as np
import pytest
from edge_cases import CASES, edge_inputs, edge_state, edge_target_q, rule_part
from hypothesis import given, settings
from hypothesis import strategies as st
from limits_mesu import V_EXPONENTS
from registered import Case

from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=25)

#: Standard deviations whose V are the smallest and the largest that fixed point takes.
SMALLEST, LARGEST = (2.0 ** ((v - 1.5) / 2) for v in V_EXPONENTS)

#: Cases whose formats are tighter than those that C is compared on.
TIGHT = {
    "mesu 7-9-6-4, short memory": Case(
        NetworkSpec((7, 9, 6, 4), front_end="none"),
        MesuConfig(n_draws=64, memory_window=513, sigma_prior=4.0, sigma_init=4.0),
        "q16",
    ),
    "mesu 33-5-2, narrow prior": Case(
        NetworkSpec((33, 5, 2)),
        MesuConfig(n_draws=5, sigma_prior=0.02, sigma_init=0.3, mu_prior=-7.9),
        "q16",
    ),
    "mesu 9-6-4-2, the smallest variances": Case(
        NetworkSpec((9, 6, 4, 2), front_end="none"),
        MesuConfig(
            n_draws=1, sigma_prior=SMALLEST, sigma_init=SMALLEST, memory_window=1e6, lr_sigma=30.0
        ),
        "q16",
    ),
    "mesu 9-6-4-2, the largest variances": Case(
        NetworkSpec((9, 6, 4, 2), front_end="none"),
        MesuConfig(n_draws=64, sigma_prior=LARGEST, sigma_init=LARGEST),
        "q16",
    ),
    "mesu 9-6-2, far from its prior": Case(
        NetworkSpec((9, 6, 2), front_end="none"),
        MesuConfig(n_draws=2, sigma_prior=LARGEST, sigma_init=LARGEST / 2**11),
        "q16",
    ),
}


@pytest.mark.parametrize("name", [*CASES, *TIGHT])
@FIXED
@given(mode=st.integers(0, 10), seed=st.integers(0, 2**32 - 1), extreme=st.booleans())
def test_every_intermediate_keeps_its_bound(name: str, mode: int, seed: int, extreme: bool) -> None:
    case = {**CASES, **TIGHT}[name]
    rng = np.random.default_rng(seed)
    rule_part(case.config, "check_learner")(
        case.spec,
        case.config,
        edge_state(case, mode, seed),
        edge_inputs(case.spec, extreme, rng),
        edge_target_q(case.spec, rng),
    )
