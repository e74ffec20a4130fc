"""The rule "mesu": what every other floor finds through the registry."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from quant.layout import Field
from quant.network import NetworkSpec
from quant.rule import Arithmetic, Kernel, Model, Rule
from quant.rules.mesu import c_config, golden, state
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.sampling import KERNEL_FOLDERS

HERE = Path(__file__).parent


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
    check=_check,
    weight="mu",
)
