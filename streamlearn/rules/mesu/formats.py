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
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.rules.mesu.variance import POINT, WIDE_BITS, least_exponent
from quant.sampling.plan import LayerPlan
from quant.state import init_state
from streamlearn.engines import make_engine
from streamlearn.rules.mesu.probes import Watched, watch

#: A row's smallest mantissa is 1 and its largest has 13 bits or 14.
ROW_RATIO = math.sqrt(1 << WIDE_BITS)


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
        Smallest and largest σ that the layer's rows can hold.
    sigma_ratio : float
        Largest ratio of two σ of one row that float32 met. A row shares an exponent and holds
        ratios up to ROW_RATIO, 90: a σ that is smaller still stays at that.
    mu_lost, rho_lost : float
        Share of the way of μ, and of σ², that steps make up which the format cannot resolve: those
        below 2^-16 LSB, and in layer 0 those that 16-bit lanes round to 0.
    rounding_to_sigma : float
        Standard deviation that rounding would add to a μ within a memory window if nothing pulled
        it back, over σ; root mean square over the synapses. Harmless below 1.
    """

    mu_frac_bits: int
    mu_largest: float
    sigma_range: tuple[float, float]
    sigma_format: tuple[float, float]
    sigma_ratio: float
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
            "| layer | largest μ | format of μ | σ | σ of the format | σ apart in a row | μ lost "
            "| σ² lost | rounding / σ |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        for index, layer in enumerate(self.layers):
            low, high = layer.sigma_range
            least, most = layer.sigma_format
            lines.append(
                f"| {index} | {layer.mu_largest:.3g} "
                f"| Q{15 - layer.mu_frac_bits}.{layer.mu_frac_bits} | {low:.2g} to {high:.2g} "
                f"| {least:.2g} to {most:.2g} | {layer.sigma_ratio:.1f} of {ROW_RATIO:.0f} "
                f"| {layer.mu_lost:.2%} | {layer.rho_lost:.2%} | {layer.rounding_to_sigma:.2g} |"
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
    watched, float_predictions = watch(spec, config, x, labels, seed)
    bits = tuple(
        min(15, max(6, math.floor(math.log2(32767 / (room * max(layer.largest, 1e-9))))))
        for room, layer in zip(rooms, watched, strict=True)
    )
    chosen = dataclasses.replace(config, mu_frac_bits=bits)
    plan = make_plan(spec, chosen)
    engine, rows = make_engine(spec, chosen, "q16"), x.astype(np.float64)
    predictions = engine.learn_many(init_state(spec, chosen, "q16", seed), rows, labels)
    window = min(config.memory_window, 1e12)
    layers = [
        _format(seen, constants, window)
        for seen, constants in zip(watched, plan.layers, strict=True)
    ]
    agreement = float(np.mean(predictions == float_predictions))
    return FormatPlan(tuple(layers), engine.saturations, agreement, len(x))


def _format(seen: Watched, constants: LayerPlan, window: float) -> LayerFormat:
    """Say what one layer's format holds of what float32 did."""
    lsb = 2.0**-constants.mu_frac_bits
    settled = seen.probes[len(seen.probes) // 2 :]  # the first steps are far larger
    share = np.array([probe.mu_step for probe in settled]) / lsb % 1
    noise = lsb * np.sqrt((share * (1 - share)).mean(axis=0) * window) / seen.sigma
    mu_lost, rho_lost = seen.lost(constants.mu_frac_bits)
    return LayerFormat(
        mu_frac_bits=constants.mu_frac_bits,
        mu_largest=seen.largest,
        sigma_range=(seen.low, seen.high),
        sigma_format=(
            2.0 ** ((least_exponent(constants.v_exponent) - POINT) / 2),
            2.0 ** (constants.v_exponent / 2),
        ),
        sigma_ratio=seen.ratio,
        mu_lost=mu_lost,
        rho_lost=rho_lost,
        rounding_to_sigma=float(np.sqrt(np.mean(noise**2))),
    )
