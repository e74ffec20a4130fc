"""What MESU adds to the C build."""

from __future__ import annotations

from pathlib import Path

from quant.c_text import Constants, RuleKernel, real, table
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.sampling import c_config as sampling
from quant.sampling.plan import variance_exponent


def constants(spec: NetworkSpec, config: MesuConfig, arithmetic: str) -> Constants:
    """Return the constants of the rule."""
    defines = sampling.sampling_defines(spec, config)
    if arithmetic == "float32":
        ends = [2 ** (variance_exponent(n, config) / 2) for n in spec.layers[:-1]]
        defines |= {**sampling.float_defines(config), "SL_SIGMA_MAX": table(map(real, ends))}
        return Constants(defines, sampling.float_layers(spec, config))
    plan = make_plan(spec, config)
    defines |= {
        **sampling.gain_defines(plan.gain_mu, plan.guard),
        "SL_GAIN_RHO_MANTISSA": plan.gain_sigma[0],
        "SL_GAIN_RHO_EXPONENT": plan.gain_sigma[1],
        "SL_PULL_MU": plan.pull_mu,
        "SL_PULL_RHO": plan.pull_rho,
    }
    own = [
        [p.mu_frac_bits, p.v_exponent, p.mu_prior_q, p.ratio_mantissa, p.ratio_exponent]
        for p in plan.layers
    ]
    sizes = sampling.layer_sizes(spec)
    return Constants(defines, [[*s, *o] for s, o in zip(sizes, own, strict=True)])


KERNEL = RuleKernel(Path(__file__).parent / "kernel", constants, sampling.KERNEL_DIRS)
