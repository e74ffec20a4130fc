"""What a float32 learner's numbers do along a stream, and which of its steps q16 would lose."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.front_end import INPUT_FRAC_BITS
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu import golden_steps as steps
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.variance import POINT, encode
from quant.state import State, init_state, state_dtype
from streamlearn import front_end
from streamlearn.engines import make_engine
from streamlearn.rules.mesu import equations

BLOCK = 256
N_PROBES = 20
#: Dither has 16 bits: a smaller share of an LSB is rounded as if it were none.
LOST_BELOW = 2.0**-16
#: What a sum of the products of layer 0's lanes is short of the step's shift by: golden_steps.py.
_MU_SHIFT, _RHO_SHIFT = 3, -6

Float = npt.NDArray[np.float64]
Lost = npt.NDArray[np.bool_]


class Probe(NamedTuple):
    """One layer at one sample: ``float64[rows, columns]``, but ``x`` of layer 0 ``[rows]``.

    ``x`` is None in the later layers. Steps are magnitudes: of μ, and of σ² over itself.
    """

    x: Float | None
    v: Float
    mu_step: Float
    relative_step: Float

    def rho_steps(self) -> Float:
        """Steps of σ² in LSB of mantissas of which a row's largest has 13 bits."""
        _, exponent = encode(self.v)
        lsb: Float = np.ldexp(self.relative_step * self.v, POINT - exponent[:, None])
        return lsb

    def lost(self, mu_frac_bits: int) -> tuple[Lost, Lost]:
        """Which steps of μ and of σ² q16 takes as if they were none.

        In the later layers those are steps below 2^-16 LSB. The lanes of layer 0 have 16 bits for
        the whole of a sample's steps: a step that is too small beside the sample's largest is
        rounded to 0 before any dither.
        """
        mu, rho = self.mu_step * 2.0**mu_frac_bits < LOST_BELOW, self.rho_steps() < LOST_BELOW
        if self.x is None or not self.x.any():
            return mu, rho
        z = np.floor(np.abs(self.x) * 2**INPUT_FRAC_BITS + 0.5).astype(np.int64)
        at = int(np.where(z > 0, z, z.max() + 1).argmin())
        by_mu = self.mu_step[at] / (self.v[at] * abs(self.x[at]))
        by_rho = self.relative_step[at] / (self.v[at] * self.x[at] ** 2)
        least = steps.RIGHT_MIN_MU, steps.RIGHT_MIN_RHO
        drawn = steps.DRAWN_MU, steps.DRAWN_RHO
        return (
            mu | self._rounded_away(z, by_mu, _MU_SHIFT - mu_frac_bits, least[0], drawn[0]),
            rho | self._rounded_away(z * z, by_rho, _RHO_SHIFT, least[1], drawn[1]),
        )

    def _rounded_away(
        self, z: npt.NDArray[np.int64], by: Float, shift: int, least: int, drawn: int
    ) -> Lost:
        """Which products of σ², input and a unit's gradient are 0 in 16-bit lanes."""
        if not by.any():
            return np.zeros(self.v.shape, np.bool_)
        bits = 15 - math.frexp(float(by.max()))[1]
        columns = np.floor(np.ldexp(by, bits) + 0.5).astype(np.int64)
        rho, exponent = encode(self.v)
        always = np.zeros(len(z), np.int64)
        f = steps.factors(z, exponent, bits + shift, least, drawn, always, Saturations())
        inner = steps.rounded(f.rows[:, None], np.minimum(columns, steps.LANE_MAX))
        away: Lost = steps.rounded(rho, inner) == 0
        return away


@dataclass
class Watched:
    """What float32 did in one layer.

    Attributes
    ----------
    largest : float
        Magnitude of μ.
    low, high : float
        Of σ.
    ratio : float
        Of the largest σ of a row to its smallest.
    probes : list of Probe
    sigma : float64[rows, columns]
        At the end.
    """

    largest: float = 0.0
    low: float = math.inf
    high: float = 0.0
    ratio: float = 1.0
    probes: list[Probe] = field(default_factory=list)
    sigma: Float = field(default_factory=lambda: np.zeros((0, 0)))

    def look(self, mu: npt.NDArray[np.float32], sigma: npt.NDArray[np.float32]) -> None:
        """Note the ranges of a state."""
        least, most = sigma.min(axis=1), sigma.max(axis=1)
        self.largest = max(self.largest, float(np.abs(mu).max()))
        self.low, self.high = min(self.low, float(least.min())), max(self.high, float(most.max()))
        self.ratio = max(self.ratio, float((most / least).max()))

    def lost(self, mu_frac_bits: int) -> tuple[float, float]:
        """Return the shares of the way, of μ and of σ², that q16's format loses."""
        each = [probe.lost(mu_frac_bits) for probe in self.probes]
        return (
            share_of_way([probe.mu_step for probe in self.probes], [mu for mu, _ in each]),
            share_of_way([probe.rho_steps() for probe in self.probes], [rho for _, rho in each]),
        )


def share_of_way(way: list[Float], lost: list[Lost]) -> float:
    """Return the share of all steps' sum that the lost ones make up."""
    total = math.fsum(float(one.sum()) for one in way)
    gone = math.fsum(float(one[which].sum()) for one, which in zip(way, lost, strict=True))
    return gone / total if total > 0 else 0.0


def watch(
    spec: NetworkSpec,
    config: MesuConfig,
    x: npt.NDArray[np.float32],
    labels: npt.NDArray[np.uint32],
    seed: int,
) -> tuple[list[Watched], npt.NDArray[np.int32]]:
    """Learn in float32; return what each layer did, and the predictions."""
    engine = make_engine(spec, config, "float32")
    state = init_state(spec, config, "float32", seed)
    layers = [Watched() for _ in spec.shapes]
    predictions = []
    probed = set(np.linspace(0, len(x) - 1, N_PROBES).astype(int) // BLOCK)
    for block, start in enumerate(range(0, len(x), BLOCK)):
        if block in probed:
            _probe(spec, config, state, x[start], int(labels[start]), layers)
        part = slice(start, start + BLOCK)
        predictions.append(engine.learn_many(state, x[part].astype(np.float64), labels[part]))
        for layer, mine in enumerate(layers):
            mine.look(*(layer_view(spec, state, name, layer) for name in ("mu", "sigma")))
    for layer, mine in enumerate(layers):
        mine.sigma = layer_view(spec, state, "sigma", layer).astype(np.float64)
    return layers, np.concatenate(predictions)


def _probe(
    spec: NetworkSpec,
    config: MesuConfig,
    state: State,
    x: npt.NDArray[np.float32],
    label: int,
    layers: list[Watched],
) -> None:
    """Append one sample's gradient steps, in float64."""
    exact = np.zeros(1, state_dtype(spec, config, "float64"))
    for name in set(exact.dtype.names or ()) & set(state.dtype.names or ()):  # no padding
        exact[name] = state[name]
    count = Saturations()
    raw = x.astype(np.float64)
    _, z = front_end.inputs(spec.front_end, config.front_end_window, exact, raw, count)
    before = exact.copy()
    unpulled = dataclasses.replace(config, memory_window=math.inf)
    forward = equations.forward(spec, config, exact, z, count)
    equations.update(spec, unpulled, exact, forward, label, count)
    for layer, mine in enumerate(layers):
        old, new = (layer_view(spec, one, "mu", layer) for one in (before, exact))
        was, now = (layer_view(spec, one, "sigma", layer) for one in (before, exact))
        mine.probes.append(
            Probe(
                x=forward.inputs[0][:, 0] if layer == 0 else None,
                v=was**2,
                mu_step=np.abs(new - old),
                relative_step=np.abs((now / was) ** 2 - 1),
            )
        )
