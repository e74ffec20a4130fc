"""The rule "mesu": what every other floor finds through the registry."""

from __future__ import annotations

from functools import partial

from quant.layout import Field
from quant.network import NetworkSpec
from quant.rule import Arithmetic, Model, Rule
from quant.rules.mesu import c_config, golden, state
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan


def _check(spec: NetworkSpec, config: MesuConfig) -> None:
    config.frac_bits(spec)


def _real(numbers: str, spec: NetworkSpec, config: MesuConfig) -> list[Field]:
    return state.real_fields(numbers, spec)


RULE = Rule(
    name="mesu",
    config=MesuConfig,
    heads=("categorical", "gaussian"),
    arithmetics={
        "q16": Arithmetic(
            numbers="integer",
            fields=state.integer_fields,
            init=state.integer_init,
            golden=Model(make_plan, golden.forward, golden.update),
            kernel=c_config.KERNEL,
        ),
        "float64": Arithmetic(
            numbers="float64", fields=partial(_real, "float64"), init=state.real_init
        ),
    },
    check=_check,
    weight="mu",
)
