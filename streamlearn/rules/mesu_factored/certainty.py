"""σ of every weight, out of the factors of a state in any arithmetic."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.plan import decode_column, decode_row, make_factored_plan
from quant.rules.mesu_factored.state import factor_view
from streamlearn.certainty import SIGMA, Certainty


def sigmas(
    spec: NetworkSpec, config: MesuFactoredConfig, state: State
) -> list[npt.NDArray[np.float64]]:
    """Return σ of each layer, ``float64[rows, columns]``: the root of its factors' product."""
    plan = make_factored_plan(spec, config)
    found = []
    for i, mine in enumerate(plan.layers):
        row, column = (factor_view(spec, state, factor, i) for factor in ("row", "column"))
        if row.dtype.kind == "u":
            row, column = decode_row(row, mine.v_exponent), decode_column(column)
        found.append(np.sqrt(np.outer(row, column)).astype(np.float64))
    return found


def means(
    spec: NetworkSpec, config: MesuFactoredConfig, state: State
) -> list[npt.NDArray[np.float64]]:
    """Return μ of each layer, ``float64[rows, columns]``."""
    del config
    depth = len(spec.shapes)
    integers = "mu_frac_bits" in (state.dtype.names or ())
    bits = state["mu_frac_bits"][0].tolist() if integers else [0] * depth
    views = [layer_view(spec, state, "mu", i).astype(np.float64) for i in range(depth)]
    return [np.ldexp(view, -f) for view, f in zip(views, bits, strict=True)]


CERTAINTY = Certainty(*SIGMA, sigmas, means, sigmas)
