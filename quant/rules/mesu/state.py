"""The state of MESU: μ and σ of every synapse."""

from __future__ import annotations

from quant.errors import ShapeError
from quant.layout import REAL, Field, Range, State
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu import variance
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.sampling import step
from quant.sampling.state import (
    draw_integer_mu,
    draw_real_mu,
    integer_mu_starts,
    start_sigmas,
)
from quant.starts import Copy, Draw


def integer_fields(spec: NetworkSpec, config: MesuConfig) -> list[Field]:
    """Return what fixed point keeps: μ, and σ² as a mantissa and its row's exponent."""
    n = (spec.n_synapses,)
    return [
        Field("mu", "<i2", "Q(15-f).f, f per layer", n),
        Field("rho", "<i2", "sigma^2 of a weight over that of its row, 14 bits", n),
        Field("rho_exponent", "i1", "sigma^2 = rho 2^(rho_exponent - 15), a row", (spec.n_rows,)),
        *step.fields(spec, config, "integer"),
    ]


def integer_init(spec: NetworkSpec, config: MesuConfig, state: State) -> None:
    """Draw μ uniform in ±mu_limit_q (biases 0), and set σ²."""
    layers = make_plan(spec, config).layers
    draw_integer_mu(spec, [mine.mu_limit_q for mine in layers], state)
    for layer in range(len(spec.shapes)):
        rhos = layer_view(spec, state, "rho", layer)
        exponents = variance.exponent_view(spec, state["rho_exponent"][0], layer)
        for rows, sigma in start_sigmas(spec, config, layer):
            rhos[rows], exponents[rows] = variance.start(sigma, layers[layer].v_exponent)
    step.start(spec, config, state)


def integer_starts(spec: NetworkSpec, config: MesuConfig) -> list[Draw | Copy]:
    """Return what :func:`integer_init` draws and copies."""
    limits = [mine.mu_limit_q for mine in make_plan(spec, config).layers]
    return integer_mu_starts(spec, config, limits)


def integer_ranges(spec: NetworkSpec, config: MesuConfig) -> list[Range]:
    """Return the ranges that :func:`integer_check` holds a state to: a rho of 0 would divide."""
    ranges = [Range("rho", 0, spec.n_synapses, 1, variance.RHO_MAX)]
    first = 0
    for (rows, _), mine in zip(spec.shapes, make_plan(spec, config).layers, strict=True):
        least, most = (
            variance.least_exponent(mine.v_exponent),
            variance.most_exponent(mine.v_exponent),
        )
        ranges.append(Range("rho_exponent", first, rows, least, most))
        first += rows
    return ranges


def integer_check(spec: NetworkSpec, config: MesuConfig, state: State) -> None:
    """Refuse a state whose σ² lies outside of its format.

    Raises
    ------
    ShapeError
        If it does.
    """
    rho = state["rho"][0]
    if not (int(rho.min()) >= 1 and int(rho.max()) <= variance.RHO_MAX):
        raise ShapeError(
            f"state with rho from {rho.min()} to {rho.max()}: expected 1 to {variance.RHO_MAX}; "
            "was it written for another network, or by another streamlearn?"
        )
    for layer, mine in enumerate(make_plan(spec, config).layers):
        found = variance.exponent_view(spec, state["rho_exponent"][0], layer)
        least = variance.least_exponent(mine.v_exponent)
        most = variance.most_exponent(mine.v_exponent)
        if not (least <= int(found.min()) and int(found.max()) <= most):
            raise ShapeError(
                f"state with rho_exponent from {found.min()} to {found.max()} in layer {layer}: "
                f"expected {least} to {most}; was it learned with another sigma_prior or "
                "sigma_init?"
            )


def real_fields(numbers: str, spec: NetworkSpec, config: MesuConfig) -> list[Field]:
    """Return what float32 or float64 keeps."""
    real, n = REAL[numbers], (spec.n_synapses,)
    return [
        Field("mu", real, "mean of a weight", n),
        Field("sigma", real, "standard deviation of a weight", n, least=0),
        *step.fields(spec, config, numbers),
    ]


def real_init(spec: NetworkSpec, config: MesuConfig, state: State) -> None:
    """Draw μ uniform in ±mu_init/√fan_in (biases 0), and set σ."""
    draw_real_mu(spec, config, state)
    for layer in range(len(spec.shapes)):
        sigmas = layer_view(spec, state, "sigma", layer)
        for rows, sigma in start_sigmas(spec, config, layer):
            sigmas[rows] = sigma
    step.start(spec, config, state)
