"""What the generated header of MESU holds. Data, never logic."""

from __future__ import annotations

from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.sampling.c_config import float_defines, layer_table, shared_defines, table
from quant.tables import EXP2


def q16(spec: NetworkSpec, config: MesuConfig) -> dict[str, object]:
    """Return the constants of fixed point."""
    plan = make_plan(spec, config)
    constants = [
        [
            str(n)
            for n in (
                p.mu_frac_bits,
                p.v_exponent,
                p.mu_prior_q,
                p.ratio_mantissa,
                p.ratio_exponent,
            )
        ]
        for p in plan.layers
    ]
    return {
        "SL_Q16": 1,
        **shared_defines(spec, config),
        "SL_EXP2_TABLE": table(EXP2),
        "SL_GAIN_MU_MANTISSA": plan.gain_mu[0],
        "SL_GAIN_MU_EXPONENT": plan.gain_mu[1],
        "SL_GAIN_RHO_MANTISSA": plan.gain_sigma[0],
        "SL_GAIN_RHO_EXPONENT": plan.gain_sigma[1],
        "SL_PULL_MU": plan.pull_mu,
        "SL_PULL_RHO": plan.pull_rho,
        "SL_LAYERS": layer_table(spec, constants),
    }


def float32(spec: NetworkSpec, config: MesuConfig) -> dict[str, object]:
    """Return the constants of float32."""
    return float_defines(spec, config)
