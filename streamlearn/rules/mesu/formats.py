"""Choosing the fixed-point formats of MESU from data, and saying what they cost."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.errors import ConfigError, ShapeError
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.state import State, init_state, state_dtype
from streamlearn import front_end
from streamlearn.engines import make_engine
from streamlearn.rules.mesu import equations

BLOCK = 256
N_PROBES = 20
_Ranges = list[float]
#: Dither has 16 bits: a smaller share of an LSB is rounded as if it were none.
LOST_BELOW = 2.0**-16


@dataclass(frozen=True)
class LayerFormat:
    """What one layer's numbers did on the data, and the format that holds them.

    Attributes
    ----------
    mu_frac_bits : int
        μ is ``int16`` with this many fraction bits.
    mu_largest : float
        Largest magnitude of μ that float32 met.
    sigma_range : (float, float)
        Smallest and largest σ that float32 met.
    sigma_format : (float, float)
        Smallest and largest σ of the code.
    mu_lost, rho_lost : float
        Share of the way of μ, and of the code of σ², that steps below 2^-16 LSB make up: the
        dither cannot resolve them.
    rounding_to_sigma : float
        Standard deviation that rounding would add to a μ within a memory window if nothing pulled
        it back, over σ; root mean square over the synapses. Harmless below 1.
    """

    mu_frac_bits: int
    mu_largest: float
    sigma_range: tuple[float, float]
    sigma_format: tuple[float, float]
    mu_lost: float
    rho_lost: float
    rounding_to_sigma: float


@dataclass(frozen=True)
class FormatPlan:
    """The formats of a network, and what q16 did with them on the same data.

    Attributes
    ----------
    layers : tuple of LayerFormat
    saturations : Saturations
    agreement : float
        Share of the samples for which q16 and float32 predict the same before learning.
    n_samples : int
    """

    layers: tuple[LayerFormat, ...]
    saturations: Saturations
    agreement: float
    n_samples: int

    @property
    def mu_frac_bits(self) -> tuple[int, ...]:
        """For ``MesuClassifier(mu_frac_bits=...)``."""
        return tuple(layer.mu_frac_bits for layer in self.layers)

    def to_markdown(self) -> str:
        """Return a table with a row a layer, and a line on the whole."""
        lines = [
            "| layer | largest μ | format of μ | σ | σ of the format | μ lost | σ² lost "
            "| rounding / σ |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for index, layer in enumerate(self.layers):
            low, high = layer.sigma_range
            least, most = layer.sigma_format
            lines.append(
                f"| {index} | {layer.mu_largest:.3g} "
                f"| Q{15 - layer.mu_frac_bits}.{layer.mu_frac_bits} | {low:.2g} to {high:.2g} "
                f"| {least:.2g} to {most:.2g} | {layer.mu_lost:.2%} | {layer.rho_lost:.2%} "
                f"| {layer.rounding_to_sigma:.2g} |"
            )
        counted = ", ".join(
            f"{name} {count}" for name, count in dataclasses.asdict(self.saturations).items()
        )
        return "\n".join(
            [
                *lines,
                "",
                f"{self.n_samples:,} samples; q16 predicts as float32 does on "
                f"{self.agreement:.2%}; saturations: {counted}.",
            ]
        )


def plan_formats(
    spec: NetworkSpec,
    config: MesuConfig,
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.integer],
    *,
    headroom: float | Sequence[float] = 2.0,
    seed: int = 0,
) -> FormatPlan:
    """Choose each layer's ``mu_frac_bits`` from what float32 does on a part of the stream.

    Parameters
    ----------
    spec, config : NetworkSpec, MesuConfig
        ``config.mu_frac_bits`` is not used.
    x : float32[n, n_features]
        Finite samples in their order; the longer, the surer.
    y : int[n]
        Class indices.
    headroom : float or sequence of float
        The format holds this many times the largest μ seen; for all layers, or one per layer.
        Longer streams need more: μ of early layers keeps growing for several memory windows.
    seed : int

    Returns
    -------
    FormatPlan
        With the most fraction bits that leave the headroom, 6 to 15 a layer.

    Raises
    ------
    ConfigError
        If a `headroom` is below 1 or there is not one per layer, the rule is not MESU with a
        variance for every synapse, or fixed point cannot hold the hyperparameters.
    ShapeError
        If there is no sample, or `x` and `y` do not fit each other or the network.
    """
    n_layers = len(spec.shapes)
    rooms = tuple(headroom) if isinstance(headroom, Sequence) else (headroom,) * n_layers
    if len(rooms) != n_layers or not all(room >= 1 for room in rooms):
        raise ConfigError(f"headroom={headroom}: expected 1 or more, or {n_layers} of them")
    if not isinstance(config, MesuConfig) or not spec.n_classes:
        raise ConfigError(
            f"{type(config).__name__} with head={spec.head!r}: formats are planned for MESU "
            "classifiers with a variance for every synapse; the other formats follow the weights "
            "or are fixed"
        )
    x, labels = np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, np.uint32)
    if x.ndim != 2 or x.shape[1] != spec.n_features or labels.shape != x.shape[:1] or not len(x):
        raise ShapeError(
            f"x {list(x.shape)} and y {list(labels.shape)}: expected [n, {spec.n_features}] and "
            "[n], n at least 1"
        )
    largest, sigma_low, sigma_high, way, float_predictions = _watch(spec, config, x, labels, seed)
    bits = tuple(
        min(15, max(6, math.floor(math.log2(32767 / (room * max(most, 1e-9))))))
        for room, most in zip(rooms, largest, strict=True)
    )
    chosen = dataclasses.replace(config, mu_frac_bits=bits)
    plan = make_plan(spec, chosen)
    engine, rows = make_engine(spec, chosen, "q16"), x.astype(np.float64)
    predictions = engine.learn_many(init_state(spec, chosen, "q16", seed), rows, labels)
    window = min(config.memory_window, 1e12)
    layers = []
    for index, (frac_bits, constants) in enumerate(zip(bits, plan.layers, strict=True)):
        steps, rho_steps, sigma = way[index]
        lsb = 2.0**-frac_bits
        share = steps[len(steps) // 2 :] / lsb % 1  # settled: the first steps are far larger
        noise = lsb * np.sqrt((share * (1 - share)).mean(axis=0) * window) / sigma
        layers.append(
            LayerFormat(
                mu_frac_bits=frac_bits,
                mu_largest=largest[index],
                sigma_range=(sigma_low[index], sigma_high[index]),
                sigma_format=(
                    2.0 ** ((constants.v_exponent - 32) / 2),
                    2.0 ** (constants.v_exponent / 2),
                ),
                mu_lost=_lost(steps / lsb),
                rho_lost=_lost(rho_steps),
                rounding_to_sigma=float(np.sqrt(np.mean(noise**2))),
            )
        )
    agreement = float(np.mean(predictions == float_predictions))
    return FormatPlan(tuple(layers), engine.saturations, agreement, len(x))


def _lost(steps: npt.NDArray[np.float64]) -> float:
    """Return the share of the way that steps below the dither's resolution make up."""
    total = float(steps.sum())
    return float(steps[steps < LOST_BELOW].sum()) / total if total > 0 else 0.0


def _watch(
    spec: NetworkSpec,
    config: MesuConfig,
    x: npt.NDArray[np.float32],
    labels: npt.NDArray[np.uint32],
    seed: int,
) -> tuple[_Ranges, _Ranges, _Ranges, list[list[npt.NDArray[np.float64]]], npt.NDArray[np.int32]]:
    """Learn in float32; return the largest μ, smallest and largest σ, what :func:`_probe` saw and
    the final σ, each a layer, and the predictions."""
    engine = make_engine(spec, config, "float32")
    state = init_state(spec, config, "float32", seed)
    n_layers = len(spec.shapes)
    largest, low, high = [0.0] * n_layers, [math.inf] * n_layers, [0.0] * n_layers
    steps: list[list[list[npt.NDArray[np.float64]]]] = [[[], []] for _ in range(n_layers)]
    predictions = []
    probes = set(np.linspace(0, len(x) - 1, N_PROBES).astype(int) // BLOCK)
    for block, start in enumerate(range(0, len(x), BLOCK)):
        if block in probes:
            _probe(spec, config, state, x[start], int(labels[start]), steps)
        part = slice(start, start + BLOCK)
        predictions.append(engine.learn_many(state, x[part].astype(np.float64), labels[part]))
        for layer in range(n_layers):
            mu = layer_view(spec, state, "mu", layer)
            sigma = layer_view(spec, state, "sigma", layer)
            largest[layer] = max(largest[layer], float(np.abs(mu).max()))
            low[layer] = min(low[layer], float(sigma.min()))
            high[layer] = max(high[layer], float(sigma.max()))
    way = [
        [
            np.array([step.ravel() for step in steps[layer][0]]),
            np.array([step.ravel() for step in steps[layer][1]]),
            layer_view(spec, state, "sigma", layer).astype(np.float64).ravel(),
        ]
        for layer in range(n_layers)
    ]
    return largest, low, high, way, np.concatenate(predictions)


def _probe(
    spec: NetworkSpec,
    config: MesuConfig,
    state: State,
    x: npt.NDArray[np.float32],
    label: int,
    steps: list[list[list[npt.NDArray[np.float64]]]],
) -> None:
    """Append the magnitudes of one sample's gradient steps: of μ, and of σ² in LSB of its code."""
    exact = np.zeros(1, state_dtype(spec, config, "float64"))
    for name in set(exact.dtype.names or ()) & set(state.dtype.names or ()):  # no padding
        exact[name] = state[name]
    raw = x.astype(np.float64)
    count = Saturations()
    _, z = front_end.inputs(spec.front_end, config.front_end_window, exact, raw, count)
    before = exact.copy()
    unpulled = dataclasses.replace(config, memory_window=math.inf)
    forward = equations.forward(spec, config, exact, z, count)
    equations.update(spec, unpulled, exact, forward, label, count)
    for layer in range(len(spec.shapes)):
        old, new = (
            layer_view(spec, one, "mu", layer).astype(np.float64) for one in (before, exact)
        )
        v_old, v_new = (
            layer_view(spec, one, "sigma", layer).astype(np.float64) ** 2 for one in (before, exact)
        )
        mantissa = 2.0 * np.frexp(v_old)[0] * 2048
        steps[layer][0].append(np.abs(new - old))
        steps[layer][1].append(np.abs(v_new / v_old - 1) * mantissa)
