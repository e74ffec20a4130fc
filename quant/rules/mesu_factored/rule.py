"""The rule "mesu_factored": what every other floor finds through the registry."""

from __future__ import annotations

from quant.rule import Rule
from quant.rules.mesu_factored import golden, state
from quant.rules.mesu_factored.c_config import KERNEL
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.plan import make_factored_plan
from quant.sampling.rule import HEADS, VARIANTS, arithmetics

RULE = Rule(
    name="mesu_factored",
    config=MesuFactoredConfig,
    heads=HEADS,
    arithmetics=arithmetics(state, golden, make_factored_plan, KERNEL),
    check=lambda spec, config: None,
    weight="mu",
    variants=VARIANTS,
    draws=True,
)
