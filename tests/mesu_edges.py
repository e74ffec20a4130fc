"""States and inputs of rule MESU in q16 at the ends of their formats: for chips and for hosts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant.network import NetworkSpec
from quant.rules.mesu import variance
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.state import State

EDGE_MU = (-32768, -32767, -8193, -8192, -1, 0, 1, 8191, 8192, 32766, 32767)
EDGE_RHO = (1, 2, 3, 63, 64, 127, 128, 255, 4095, 4096, 8191, 8192, 16382, 16383)
EDGE_X = (0.0, 1 / 32, -1 / 32, 0.5, -0.5, 127 / 16, -127 / 16, 8.0, -8.0, 1e9, -1e9, 1e-30)


def edge_state(
    spec: NetworkSpec, config: MesuConfig, start: State, mode: int, rng: np.random.Generator
) -> State:
    """Return a state of edges (mode 0), of any words (1), as it starts (2), or of one edge."""
    state = start.copy()
    n = spec.n_synapses
    if mode == 0:
        state["mu"][0], state["rho"][0] = rng.choice(EDGE_MU, n), rng.choice(EDGE_RHO, n)
    elif mode == 1:
        state["mu"][0] = rng.integers(-32768, 32768, n)
        state["rho"][0] = rng.integers(1, variance.RHO_MAX + 1, n)
    elif mode > 2:
        state["mu"], state["rho"] = rng.choice(EDGE_MU), rng.choice(EDGE_RHO)
    for layer, plan in enumerate(make_plan(spec, config).layers):
        exponents = variance.exponent_view(spec, state["rho_exponent"][0], layer)
        least = variance.least_exponent(plan.v_exponent)
        most = variance.most_exponent(plan.v_exponent)
        style = rng.integers(4) if mode != 2 else 3
        if style == 0:
            exponents[:] = rng.integers(least, most + 1, len(exponents))
        elif style == 1:
            exponents[:] = rng.choice([least, most], len(exponents))
        elif style == 2:
            exponents[:] = rng.integers(most - 4, most + 1, len(exponents))
    if "step_log2" in (state.dtype.names or ()):
        state["step_log2"] = rng.choice([-(1 << 15), 0, 3 << 16])
    state["n_samples"] = rng.choice([0, 1, 63, 2**31, 2**32 - 1])
    return state


def edge_rows(n_features: int, n: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return inputs at their ends, ``[n, n_features]``; every third row is mostly zeros."""
    x = rng.choice([*EDGE_X, *rng.normal(0, 3, 8)], (n, n_features))
    x[1::3] = rng.choice([0.0, 2.0], n_features)
    return x.astype(np.float32)
