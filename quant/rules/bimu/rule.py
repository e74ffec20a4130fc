"""The rule "bimu": what every other floor finds through the registry."""

from __future__ import annotations

from functools import partial

from quant.cuts import cuts_of, n_inputs
from quant.errors import ConfigError
from quant.network import NetworkSpec
from quant.rule import Arithmetic, Model, Rule
from quant.rules.bimu import c_config, golden, state
from quant.rules.bimu.belief import BELIEFS, Belief
from quant.rules.bimu.config import BimuConfig
from quant.rules.bimu.plan import make_bimu_plan
from quant.spiking.sums import check_sums


def _check(spec: NetworkSpec, config: BimuConfig) -> None:
    n_inputs(spec, cuts_of(spec, config.cuts))
    if spec.leaks:
        _check_spiking(config)


def _check_spiking(config: BimuConfig) -> None:
    check_sums(config.cuts, threshold=config.threshold)
    if config.gather != 1:
        raise ConfigError(
            f"gather={config.gather}: rows of a spiking network learn at each step; take 1"
        )
    if config.sides != 1:
        raise ConfigError(f"sides={config.sides}: a spike has one side; take 1")
    if config.radial:
        raise ConfigError(
            f"radial={config.radial:g}: outputs of a spiking network are not normalised; take 0"
        )


def _integers(belief: Belief) -> Arithmetic:
    """Return the integers that keep λ so."""
    plan = partial(make_bimu_plan, belief=belief)
    return Arithmetic(
        numbers="integer",
        fields=partial(state.integer_fields, belief),
        init=partial(state.integer_init, belief),
        golden=Model(plan, golden.forward, golden.update, mean=golden.mean),
        kernel=c_config.INTEGER_KERNEL,
        check_state=partial(state.integer_check, belief),
        starts=partial(state.integer_starts, belief),
    )


RULE = Rule(
    name="bimu",
    config=BimuConfig,
    heads=("categorical",),
    arithmetics={
        **{name: _integers(belief) for name, belief in BELIEFS.items()},
        "float32": Arithmetic(
            numbers="float32",
            fields=partial(state.real_fields, "float32"),
            init=state.real_init,
            kernel=c_config.REAL_KERNEL,
        ),
        "float64": Arithmetic(
            numbers="float64", fields=partial(state.real_fields, "float64"), init=state.real_init
        ),
    },
    check=_check,
    weight="belief",
    draws=True,
    title="BiMU",
    variants={
        "uncut": {"cuts": 0},
        "gathered": {"gather": 8, "settle": 2.0, "lr": 2.0},
        "relaxed": {"relaxed": 1},
    },
    spiking=("q8", "float32", "float64"),
    recurrent=("q8", "float32", "float64"),
)
