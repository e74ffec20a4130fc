"""MESU's float reference with switches: one quantisation of q16 at a time.

The equations of :mod:`streamlearn.rules.mesu.equations`, with a place for each quantisation. The
switches take the formats of :mod:`quant.rules.mesu.golden` and not its order of operations: what
all of them together do not explain of q16 lies in its lanes, blocks and shares of rows.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from quant import noise
from quant.counters import Saturations
from quant.layout import State
from quant.network import NetworkSpec, layer_view
from quant.replay import replaying
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.variance import POINT, RHO_MAX, encode
from quant.sampling.golden import ACTIVATION_FRAC_BITS
from quant.sampling.plan import effective_sweep
from streamlearn.adaptive_step import Step
from streamlearn.fidelity.ablation import Forms
from streamlearn.heads import HEADS
from streamlearn.rules.mesu.equations import _pull
from streamlearn.sampling import Forward

Float = npt.NDArray[np.float64]

SWITCHES = {
    "noise table": "normal draws from a table of 256 values, not exact ones",
    "gradients": "activations of Q7.8; gradients of 15 bits below a layer's largest",
    "μ": "means in 16 bits, each rounded up or down by its own random bits",
    "σ²": "variances as a mantissa of 14 bits beside a row's exponent, likewise",
    "rounding": "μ and σ² both, with the random bits that a row and a column share",
    "to nearest": "μ and σ² both, rounded to the nearest; q16 does not",
}
ALTERNATIVES = ("to nearest",)
#: In a set with "rounding" the formats are there already.
_BOTH = ("rounding", "to nearest")
_GRADIENT_BITS = 15
#: Streams of words of this file, beside those of quant.noise.
_STREAM_MU, _STREAM_SIGMA, _STREAM_EXACT = 160, 168, 176


@lru_cache(maxsize=1)
def _quantiles() -> Float:
    """Return the normal distribution's inverse at 65,536 points, of unit variance."""
    normal = NormalDist()
    found = np.array([normal.inv_cdf((k + 0.5) / 65536) for k in range(65536)])
    unit: Float = found / np.sqrt(np.mean(found**2))
    return unit


def draws(key: int, layer: int, n_out: int, n_draws: int, table: bool) -> Float:
    """Return standard normal draws, ``float64[n_out, n_draws]``; the table's are near the exact."""
    if table:
        drawn: Float = noise.epsilon_q(key, layer, n_out, n_draws) / 256
        return drawn
    n = n_out * n_draws
    octets = noise.words(key, noise.STREAM_EPSILON + layer, (n + 3) // 4)
    high = (octets[:, None] >> np.array([0, 8, 16, 24], np.uint32) & np.uint32(255)).ravel()[:n]
    low = noise.words(key, _STREAM_EXACT + layer, n) >> np.uint32(24)
    exact: Float = _quantiles()[(high.astype(np.int64) << 8) + low].reshape(n_out, n_draws)
    return exact


def forward(
    spec: NetworkSpec, config: MesuConfig, state: State, z: Float, on: Collection[str]
) -> Forward:
    """As :func:`streamlearn.rules.mesu.equations.forward`, with switches."""
    key, result, x = noise.key_of(state), Forward(), z[:, None]
    for layer, (_, n_out) in enumerate(spec.shapes):
        if spec.bias:
            x = np.vstack([x, np.ones(x.shape[1])])
        mu, sigma = (layer_view(spec, state, name, layer) for name in ("mu", "sigma"))
        epsilon = draws(key, layer, n_out, config.n_draws, "noise table" in on)
        spread = np.sqrt((sigma**2).T @ x**2)
        a = mu.T @ x + spread * epsilon
        result.inputs.append(x)
        result.epsilon.append(epsilon)
        result.spread.append(np.broadcast_to(spread, epsilon.shape))
        result.outputs, x = a, np.maximum(a, 0)
        if "gradients" in on:
            x = np.floor(np.ldexp(x, ACTIVATION_FRAC_BITS)) / 2**ACTIVATION_FRAC_BITS
    return result


def update(
    spec: NetworkSpec,
    config: MesuConfig,
    state: State,
    forward_: Forward,
    target: int,
    on: Collection[str],
) -> None:
    """As :func:`streamlearn.rules.mesu.equations.update`, with switches."""
    fine = "gradients" not in on
    delta = HEADS[spec.head].output_gradient(forward_.outputs, target, Saturations())
    sweep, key = effective_sweep(config), noise.key_of(state)
    step = Step.of(spec, config, state, forward_, delta)
    for layer in range(len(spec.shapes) - 1, -1, -1):
        mu, sigma = (layer_view(spec, state, name, layer) for name in ("mu", "sigma"))
        x, spread = forward_.inputs[layer], forward_.spread[layer]
        delta = delta if fine else _coarse(delta)
        r = np.divide(
            delta * forward_.epsilon[layer], spread, out=np.zeros_like(delta), where=spread > 0
        )
        r = r if fine else _coarse(r)
        below = np.where(x > 0, mu @ delta + x * (sigma**2 @ r), 0) if layer > 0 else delta
        x_all = np.broadcast_to(x, (x.shape[0], config.n_draws))
        g, q = x_all @ delta.T / config.n_draws, x_all**2 @ r.T / config.n_draws
        lr_sigma = 0.0 if replaying(state) else config.lr_sigma
        relative = np.clip(-lr_sigma * sigma**2 * q, -0.5, 1.0)
        mu -= step.lr_mu(config, spread) * sigma**2 * g
        sigma *= 1 + relative / 2
        first = sum(n for n, _ in spec.shapes[:layer])
        start = len(mu) if replaying(state) else -(first + int(state["n_samples"][0])) % sweep
        pulled = slice(start, len(mu), sweep)
        sigma_prior = config.sigma_prior_of(spec.layers[layer])
        _pull(mu[pulled], sigma[pulled], config, step, sigma_prior, sweep)
        _store(mu, sigma, config.frac_bits(spec)[layer], key, layer, on)
        delta = below[: spec.layers[layer]]
    step.commit(spec, state)
    state["n_samples"] = (int(state["n_samples"][0]) + 1) & noise.MASK


def _coarse(values: Float) -> Float:
    """Keep 15 bits below the largest magnitude."""
    largest = float(np.abs(values).max())
    if largest == 0:
        return values
    up = _GRADIENT_BITS - int(np.frexp(largest)[1])
    rounded: Float = np.ldexp(np.floor(np.ldexp(values, up) + 0.5), -up)
    return rounded


def _store(
    mu: Float, sigma: Float, frac_bits: int, key: int, layer: int, on: Collection[str]
) -> None:
    """Bring a layer into the formats that are on, in place."""
    both = any(name in on for name in _BOTH)
    if both or "μ" in on:
        u = _dither(mu.shape, key, layer, on, _STREAM_MU)
        grid = np.floor(np.ldexp(mu, frac_bits) + u)
        mu[:] = np.ldexp(np.clip(grid, -32768, 32767), -frac_bits)
    if both or "σ²" in on:
        u = _dither(mu.shape, key, layer, on, _STREAM_SIGMA)
        v = sigma**2
        exponent = encode(v)[1][:, None]
        rho = np.clip(np.floor(np.ldexp(v, POINT - exponent) + u), 1, RHO_MAX)
        sigma[:] = np.sqrt(np.ldexp(rho, exponent - POINT))


def _dither(
    shape: tuple[int, ...], key: int, layer: int, on: Collection[str], stream: int
) -> Float | float:
    """Return what is added before rounding down, in LSB: ½, or uniform in 0 … 1."""
    if "to nearest" in on:
        return 0.5
    if "rounding" not in on:
        words = noise.words(key, stream + layer, int(np.prod(shape)))
        return (words.astype(np.float64) / 2.0**32).reshape(shape)
    rows = noise.words(key, noise.STREAM_ROW + layer, shape[0]).astype(np.int64)
    columns = noise.words(key, noise.STREAM_COLUMN + layer, shape[1]).astype(np.int64)
    low, high = noise.dither(rows, columns)
    return (low if stream == _STREAM_MU else high) / 65536


FORMS = Forms(SWITCHES, forward, update, ALTERNATIVES)
