"""The rule "bimu": what every other floor finds through the registry."""

from __future__ import annotations

from quant.cuts import cuts_of, n_inputs
from quant.network import NetworkSpec
from quant.rule import Arithmetic, Model, Rule
from quant.rules.bimu import c_config, golden, state
from quant.rules.bimu.config import BimuConfig
from quant.rules.bimu.plan import make_bimu_plan


def _check(spec: NetworkSpec, config: BimuConfig) -> None:
    n_inputs(spec, cuts_of(spec, config.cuts))


RULE = Rule(
    name="bimu",
    config=BimuConfig,
    heads=("categorical",),
    arithmetics={
        "q8": Arithmetic(
            numbers="integer",
            fields=state.integer_fields,
            init=state.integer_init,
            golden=Model(make_bimu_plan, golden.forward, golden.update, mean=golden.mean),
            kernel=c_config.KERNEL,
            check_state=state.integer_check,
            starts=state.integer_starts,
        ),
        "float64": Arithmetic(numbers="float64", fields=state.real_fields, init=state.real_init),
    },
    check=_check,
    weight="belief",
    draws=True,
    title="BiMU",
    variants={"uncut": {"cuts": 0}},
)
