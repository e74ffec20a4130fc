"""What the registry knows: every rule × head × arithmetic × variant, as a network to run."""

from __future__ import annotations

from typing import Any, NamedTuple

from quant.network import NetworkSpec
from quant.rule import RULES, Config
from streamlearn.checks import LAYERS

#: What a network may have beside its layers, by head.
OPTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "categorical": {"": {}, "replay": {"replay_bytes": 100, "replays": 3}},
    "gaussian": {"": {}},
}


class Case(NamedTuple):
    """A network, the hyperparameters of its rule, and what it is computed in."""

    spec: NetworkSpec
    config: Config
    arithmetic: str


def registered() -> dict[str, Case]:
    """Return all of them, at their default settings."""
    return {
        " ".join((name, head, arithmetic, variant, more)).strip(): Case(
            NetworkSpec(LAYERS[head], head=head, **options), rule.config(**settings), arithmetic
        )
        for name, rule in RULES.items()
        for variant, settings in {"": {}, **rule.variants}.items()
        for head in rule.heads
        for more, options in OPTIONS[head].items()
        for arithmetic in rule.arithmetics
    }


def has_golden_and_c(case: Case) -> bool:
    """Tell whether a case has two engines that must agree in every bit."""
    kind = RULES[case.config.rule].arithmetics[case.arithmetic]
    return kind.golden is not None and kind.kernel is not None
