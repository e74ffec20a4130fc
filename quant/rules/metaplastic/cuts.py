"""Cuts of the metaplastic rule (:mod:`quant.cuts`), and what it does where columns are cut."""

from __future__ import annotations

from quant import cuts as shared
from quant.cuts import SIGN, cut_integers, cut_reals, cut_values
from quant.network import NetworkSpec
from quant.rules.metaplastic.config import (
    METAPLASTICITY,
    METAPLASTICITY_CUT,
    MetaplasticConfig,
)

__all__ = ["SIGN", "cut_integers", "cut_reals", "cut_values"]


def cuts_of(spec: NetworkSpec, config: MetaplasticConfig) -> int:
    """Return the cuts of a column; 0: columns are read as they are."""
    return shared.cuts_of(spec, config.cuts)


def metaplasticity_of(spec: NetworkSpec, config: MetaplasticConfig) -> float:
    """Return the hidden layers' m: streams of few columns drift more than they return."""
    if config.metaplasticity is not None:
        return config.metaplasticity
    return METAPLASTICITY_CUT if cuts_of(spec, config) else METAPLASTICITY


def adapts(spec: NetworkSpec, config: MetaplasticConfig) -> bool:
    """Tell whether the step sets itself."""
    return config.step == "adaptive" or (config.step is None and cuts_of(spec, config) > 0)


def n_inputs(spec: NetworkSpec, config: MetaplasticConfig) -> int:
    """Return the inputs of the first layer, its own units among them, but not the bias.

    Raises
    ------
    ConfigError
        If a layer cannot have so many.
    """
    return shared.n_inputs(spec, cuts_of(spec, config))


def layers_of(spec: NetworkSpec, config: MetaplasticConfig) -> tuple[int, ...]:
    """Return the layer sizes behind the cuts."""
    return (n_inputs(spec, config), *spec.layers[1:])


def shapes_of(spec: NetworkSpec, config: MetaplasticConfig) -> tuple[tuple[int, int], ...]:
    """Return ``(rows, columns)`` of each weight matrix; the bias is the last row."""
    return shared.shapes_of(spec, cuts_of(spec, config))
