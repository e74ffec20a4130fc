"""The rule "mesu": what every other floor finds through the registry."""

from __future__ import annotations

from quant.network import NetworkSpec
from quant.rule import Rule
from quant.rules.mesu import golden, state
from quant.rules.mesu.c_config import KERNEL
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.sampling.rule import HEADS, VARIANTS, arithmetics


def _check(spec: NetworkSpec, config: MesuConfig) -> None:
    config.frac_bits(spec)


RULE = Rule(
    name="mesu",
    config=MesuConfig,
    heads=HEADS,
    arithmetics=arithmetics(state, golden, make_plan, KERNEL, state.integer_check),
    check=_check,
    weight="mu",
    variants=VARIANTS,
    draws=True,
    title="MESU",
    spiking=("q16", "float32", "float64"),
    recurrent=("q16", "float32", "float64"),
    averages=("q16", "float32", "float64"),
    charges=True,
)
