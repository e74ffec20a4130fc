"""The rule "multilevel": what every other floor finds through the registry."""

from __future__ import annotations

from quant.network import NetworkSpec
from quant.rule import Arithmetic, Model, Rule
from quant.rules.multilevel import c_config, golden, state
from quant.rules.multilevel.config import MultilevelConfig
from quant.rules.multilevel.plan import make_multilevel_plan


def _check(spec: NetworkSpec, config: MultilevelConfig) -> None:
    """Every network of this head fits."""


RULE = Rule(
    name="multilevel",
    config=MultilevelConfig,
    heads=("categorical",),
    arithmetics={
        "q8": Arithmetic(
            numbers="integer",
            fields=state.integer_fields,
            init=state.integer_init,
            golden=Model(make_multilevel_plan, golden.forward, golden.update),
            kernel=c_config.KERNEL,
            check_state=state.integer_check,
            starts=state.integer_starts,
        ),
        "float64": Arithmetic(
            numbers="float64",
            fields=state.real_fields,
            init=state.real_init,
            noisy=False,  # the equations take the mean step
        ),
    },
    check=_check,
    weight="level",
    title="Multi-level",
    variants={"fixed": {"lr_hidden": 0.0}},
)
