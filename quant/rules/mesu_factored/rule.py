"""The rule "mesu_factored": what every other floor finds through the registry."""

from __future__ import annotations

from functools import partial

from quant.layout import Field
from quant.network import NetworkSpec
from quant.rule import Arithmetic, Model, Rule
from quant.rules.mesu_factored import c_config, golden, state
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.plan import make_factored_plan


def _real(numbers: str, spec: NetworkSpec, config: MesuFactoredConfig) -> list[Field]:
    return state.real_fields(numbers, spec)


RULE = Rule(
    name="mesu_factored",
    config=MesuFactoredConfig,
    heads=("categorical", "gaussian"),
    arithmetics={
        "q16": Arithmetic(
            numbers="integer",
            fields=state.integer_fields,
            init=state.integer_init,
            golden=Model(make_factored_plan, golden.forward, golden.update),
            kernel=c_config.KERNEL,
        ),
        "float64": Arithmetic(
            numbers="float64", fields=partial(_real, "float64"), init=state.real_init
        ),
    },
    check=lambda spec, config: None,
    weight="mu",
)
