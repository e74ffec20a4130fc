"""The rule "mesu_factored": what every other floor finds through the registry."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from quant.layout import Field
from quant.network import NetworkSpec
from quant.rule import Arithmetic, Kernel, Model, Rule
from quant.rules.mesu_factored import c_config, golden, state
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.plan import make_factored_plan
from quant.sampling import KERNEL_FOLDERS

HERE = Path(__file__).parent


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
            kernel=Kernel(HERE / "kernel" / "q16", c_config.q16, (KERNEL_FOLDERS["integer"],)),
        ),
        "float32": Arithmetic(
            numbers="float32",
            fields=partial(_real, "float32"),
            init=state.real_init,
            kernel=Kernel(
                HERE / "kernel" / "float32", c_config.float32, (KERNEL_FOLDERS["float32"],)
            ),
        ),
        "float64": Arithmetic(
            numbers="float64", fields=partial(_real, "float64"), init=state.real_init
        ),
    },
    check=lambda spec, config: None,
    weight="mu",
)
