"""The rule "metaplastic": what every other floor finds through the registry."""

from __future__ import annotations

from functools import partial
from typing import Any

from quant.errors import ConfigError
from quant.network import NetworkSpec
from quant.rule import Arithmetic, Model, Numbers, Rule
from quant.rules.metaplastic import c_config, golden, state
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.cuts import n_inputs
from quant.rules.metaplastic.gates import gates_of
from quant.rules.metaplastic.plan import make_metaplastic_plan
from quant.spiking.sums import check_sums


def _check(spec: NetworkSpec, config: MetaplasticConfig) -> None:
    gates = gates_of(spec, config)
    n_inputs(spec, config)
    if spec.leaks:
        check_sums(config.cuts, window=config.for_sizes(spec.layers).window)
        if gates.n_blocks:
            raise ConfigError(
                f"n_blocks={config.n_blocks}: a spiking network chooses no blocks; take 0"
            )


def _reals(numbers: Numbers, **more: Any) -> Arithmetic:
    """Return real numbers: they have no pulses, and draw nothing."""
    return Arithmetic(
        numbers=numbers,
        fields=partial(state.real_fields, numbers),
        init=state.real_init,
        logits=state.calibrated,
        noisy=False,
        check_state=state.check_gates,
        **more,
    )


RULE = Rule(
    name="metaplastic",
    config=MetaplasticConfig,
    heads=("categorical",),
    arithmetics={
        "q8": Arithmetic(
            numbers="integer",
            fields=state.integer_fields,
            init=state.integer_init,
            golden=Model(make_metaplastic_plan, golden.forward, golden.update, golden.undecided),
            kernel=c_config.INTEGER_KERNEL,
            logits=state.calibrated,
            log2_temperature="log_temperature",
            check_state=state.check_gates,
            starts=state.integer_starts,
        ),
        "float32": _reals(
            "float32", kernel=c_config.REAL_KERNEL, log2_temperature="log_temperature"
        ),
        "float64": _reals("float64"),
    },
    check=_check,
    weight="hidden_weight",
    variants={
        "gated": {"n_blocks": 4, "n_active": 3},
        "uncut": {"cuts": 0},
        "adaptive": {"step": "adaptive", "cuts": 0},
    },
    spiking=("q8", "float32", "float64"),
    recurrent=("q8", "float32", "float64"),
)
