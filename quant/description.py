"""A learner's description as JSON values: rule, network, hyperparameters."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from quant.errors import ConfigError
from quant.heads import HEADS
from quant.network import NetworkSpec
from quant.rule import Config, rule_of

#: Fields of a network that files mention only if they are not at their defaults.
OPTIONS = (
    "front_end_ranges",
    "replay_bytes",
    "replays",
    "memory",
    "memory_features",
    "leaks",
    "delta",
    "recurrent",
    "average_window",
)


def to_json(spec: NetworkSpec, config: Config) -> dict[str, Any]:
    """Return rule, network and hyperparameters as JSON values (``inf`` as the text "inf").

    Hyperparameters of another head are left out, and so are :data:`OPTIONS` and the ``options`` of
    a configuration at their defaults.
    """
    settings = dataclasses.asdict(config)
    for field in dataclasses.fields(config):
        if field.name in getattr(config, "options", ()) and settings[field.name] == field.default:
            del settings[field.name]
    for head in HEADS.values():
        for name in head.parameters if head.name != spec.head else ():
            settings.pop(name, None)
    network = {
        field.name: getattr(spec, field.name)
        for field in dataclasses.fields(spec)
        if field.name not in OPTIONS or getattr(spec, field.name) != field.default
    }
    return {
        "rule": rule_of(config).name,
        "network": _plain(network),
        "config": _plain(settings),
    }


def from_json(values: dict[str, Any]) -> tuple[NetworkSpec, Config]:
    """Invert :func:`to_json`.

    Raises
    ------
    ConfigError
        If a key is missing or unknown, or a value out of range.
    """
    try:
        rule = rule_of(values["rule"])
        network, config = _back(values["network"]), _back(values["config"])
        return NetworkSpec(**network), rule.config(**config)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"not a description of a learner: {error}") from error


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    def one(value: Any) -> Any:
        if isinstance(value, tuple):
            return list(value)
        return "inf" if isinstance(value, float) and math.isinf(value) else value

    return {name: one(value) for name, value in values.items()}


def _back(values: dict[str, Any]) -> dict[str, Any]:
    def one(value: Any) -> Any:
        if isinstance(value, list):
            return tuple(value)
        return math.inf if value == "inf" else value

    return {name: one(value) for name, value in values.items()}
