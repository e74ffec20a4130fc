"""Merging of MESU's posteriors: a mean and a variance for every synapse."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.rules.mesu.variance import (
    POINT,
    RHO_BITS,
    RHO_MAX,
    exponent_view,
    least_exponent,
    most_exponent,
)
from streamlearn.merging.gaussian import Layer, divided, gaussian_merging

#: Fraction bits of a precision beyond those of the largest σ²: 30 bits or more for any.
PRECISION_BITS = 44
MU_MIN, MU_MAX = -(1 << 15), (1 << 15) - 1


def _read(spec: NetworkSpec, config: MesuConfig, state: State) -> list[Layer]:
    if "sigma" not in (state.dtype.names or ()):
        return _read_integers(spec, config, state)
    found = []
    for layer, fan_in in enumerate(spec.layers[:-1]):
        sigma = layer_view(spec, state, "sigma", layer).astype(np.float64)
        mu = layer_view(spec, state, "mu", layer).astype(np.float64)
        found.append(Layer(1 / sigma**2, mu, 1 / config.sigma_prior_of(fan_in) ** 2))
    return found


def _read_integers(spec: NetworkSpec, config: MesuConfig, state: State) -> list[Layer]:
    """Read 1/σ² = 2^(15 - e)/ρ in units of 2^(POINT - up), and μ as it is stored."""
    found = []
    for layer, mine in enumerate(make_plan(spec, config).layers):
        rho = layer_view(spec, state, "rho", layer).astype(object)
        exponents = exponent_view(spec, state["rho_exponent"][0], layer).tolist()
        up = PRECISION_BITS + most_exponent(mine.v_exponent)
        ones = np.array([1 << up - e for e in exponents], object)[:, None]
        of_prior = Fraction(config.sigma_prior_of(spec.layers[layer])) ** -2
        unit = Fraction(2) ** (up - POINT)
        mu = layer_view(spec, state, "mu", layer).astype(object)
        found.append(Layer(divided(ones, rho), mu, round(of_prior * unit)))
    return found


def _write(spec: NetworkSpec, config: MesuConfig, layers: list[Layer], merged: State) -> None:
    integers = "sigma" not in (merged.dtype.names or ())
    for i, layer in enumerate(layers):
        mu = layer_view(spec, merged, "mu", i)
        if not integers:
            mu[:] = layer.mean
            layer_view(spec, merged, "sigma", i)[:] = 1 / np.sqrt(layer.precision)
            continue
        mu[:] = np.clip(layer.mean, MU_MIN, MU_MAX).astype(np.int64)
        v = make_plan(spec, config).layers[i].v_exponent
        exponents = exponent_view(spec, merged["rho_exponent"][0], i)
        rho = layer_view(spec, merged, "rho", i)
        for row, precision in enumerate(layer.precision):
            exponents[row] = e = _exponent(int(precision.min()), v)
            ones = np.full(len(precision), 1 << PRECISION_BITS + most_exponent(v) - e, object)
            rho[row] = np.clip(divided(ones, precision), 1, RHO_MAX).astype(np.int64)


def _exponent(least_precision: int, v_exponent: int) -> int:
    """Return the exponent of a row with which its largest σ² has 14 bits, if the format may."""
    more = 64
    most = most_exponent(v_exponent)
    bits = ((1 << PRECISION_BITS + more) // least_precision).bit_length() - more
    return min(max(most + bits - RHO_BITS, least_exponent(v_exponent)), most)


def _position(spec: NetworkSpec, config: MesuConfig, state: State) -> npt.NDArray[np.float64]:
    del spec, config
    found: npt.NDArray[np.float64] = state["mu"][0].astype(np.float64)
    return found


MERGING = gaussian_merging(_read, _write, _position)
