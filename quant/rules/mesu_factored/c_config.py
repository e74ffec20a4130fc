"""What MESU with factored variance adds to the C build."""

from __future__ import annotations

from pathlib import Path

from quant.c_text import Constants, RuleKernel, whole
from quant.network import NetworkSpec
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.plan import FactoredLayerPlan, make_factored_plan
from quant.sampling import c_config as sampling


def constants(spec: NetworkSpec, config: MesuFactoredConfig, arithmetic: str) -> Constants:
    """Return the constants of the rule."""
    defines = sampling.sampling_defines(spec, config)
    if arithmetic == "float32":
        return Constants(
            {**defines, **sampling.float_defines(config)}, sampling.float_layers(spec, config)
        )
    plan = make_factored_plan(spec, config)
    defines |= {
        **sampling.gain_defines(plan.gain_mu, plan.guard),
        "SL_PULL_FACTOR": plan.pull_factor,
    }
    own = [_layer(p) for p in plan.layers]
    sizes = sampling.layer_sizes(spec)
    return Constants(defines, [[*s, *o] for s, o in zip(sizes, own, strict=True)])


def _layer(plan: FactoredLayerPlan) -> list[object]:
    pairs = (plan.gain_row, plan.gain_column, plan.ratio_row, plan.ratio_column, plan.gain_pull)
    return [plan.v_exponent, plan.mu_prior_q, *map(whole, pairs)]


KERNEL = RuleKernel(Path(__file__).parent / "kernel", constants, sampling.KERNEL_DIRS)
