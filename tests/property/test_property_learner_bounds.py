"""MESU: no product or sum leaves its C type, whatever the state and the input."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from rerun_mesu import check_learner, edge_state

from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig

FIXED = settings(derandomize=True, deadline=None, database=None, max_examples=60)

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
