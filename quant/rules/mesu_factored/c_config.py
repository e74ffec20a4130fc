"""What the generated header of MESU with factored variance holds. Data, never logic."""

from __future__ import annotations

from quant.network import NetworkSpec
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.plan import FactoredLayerPlan, make_factored_plan
from quant.sampling.c_config import float_defines, layer_table, shared_defines, table
from quant.tables import EXP2


def _constants(plan: FactoredLayerPlan) -> list[str]:
    pairs = (plan.gain_row, plan.gain_column, plan.ratio_row, plan.ratio_column, plan.gain_pull)
    numbers = [str(plan.v_exponent), str(plan.mu_prior_q)]
    return numbers + [f"{{{mantissa}, {exponent}}}" for mantissa, exponent in pairs]


def q16(spec: NetworkSpec, config: MesuFactoredConfig) -> dict[str, object]:
    """Return the constants of fixed point."""
    plan = make_factored_plan(spec, config)
    return {
        "SL_Q16": 1,
        **shared_defines(spec, config),
        "SL_FACTORED": 1,
        "SL_N_ROWS": spec.n_rows,
        "SL_EXP2_TABLE": table(EXP2),
        "SL_GAIN_MU_MANTISSA": plan.gain_mu[0],
        "SL_GAIN_MU_EXPONENT": plan.gain_mu[1],
        "SL_PULL_FACTOR": plan.pull_factor,
        "SL_LAYERS": layer_table(spec, [_constants(p) for p in plan.layers]),
    }


def float32(spec: NetworkSpec, config: MesuFactoredConfig) -> dict[str, object]:
    """Return the constants of float32."""
    return {**float_defines(spec, config), "SL_FACTORED": 1, "SL_N_ROWS": spec.n_rows}
