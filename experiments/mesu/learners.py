"""MESU by the library's own kernels, with the settings of the paper's figure 3."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.data import Floats, Integers
from experiments.loop.kept_state import KeptState
from experiments.loop.runs import Setting
from experiments.mesu.evaluate import Weights
from experiments.mesu.task_learner import MU_INIT, draw
from quant.layout import State
from quant.native import NativeKernel
from quant.network import NetworkSpec, layer_view
from quant.rules.mesu.config import MU_FRAC_BITS, MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.rules.mesu.variance import decode, exponent_view
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.plan import decode_column, decode_row, make_factored_plan
from quant.rules.mesu_factored.state import FACTORS, factor_view


def frac_bits(layers: tuple[int, ...]) -> tuple[int, ...]:
    """Return the formats of μ for 200 tasks, one per layer.

    The first layer's μ reaches ±6. The last layer's σ shrinks to 2^-10, while its μ stays within
    its start, or ±1. The dither of steps must be little noise beside σ.
    """
    starts = (MU_INIT / np.sqrt(n_in) for n_in in layers[1:-1])
    later = (14 - max(-1, int(np.floor(np.log2(start)))) for start in starts)
    return (MU_FRAC_BITS, *later)


class MesuLearner(KeptState):
    """MESU by the C kernel, with the settings of the paper's figure 3."""

    def __init__(
        self,
        setting: Setting,
        seed: int,
        arithmetic: str,
        factored: bool = False,
    ) -> None:
        self.spec = NetworkSpec(setting.layers, False, "none")
        constants: dict[str, Any] = {
            "memory_window": setting.memory_window,
            "sigma_prior": 1.0,
            "mu_init": MU_INIT,
            "sigma_init": 2.0,
            "lr_mu": 1.0,
            "lr_sigma": 1.0,
            "n_draws": setting.n_draws,
            "step": "fixed",
        }
        self.config: MesuConfig | MesuFactoredConfig
        if factored:
            self.config = MesuFactoredConfig(**constants)
        else:
            self.config = MesuConfig(**constants, mu_frac_bits=frac_bits(setting.layers))
        super().__init__(self.spec, self.config, arithmetic, seed)
        self._arithmetic = arithmetic
        self._kernel = NativeKernel(*self._given)

    @property
    def state(self) -> State:
        """A copy of what it has learned."""
        copied: State = self._state.copy()
        return copied

    def learn(self, images: Floats, labels: Integers, task: int) -> None:
        """See :class:`TaskLearner`."""
        del task
        self._kernel.learn(self._state, images, labels.astype(np.uint32))

    def moments(self, layer: int) -> tuple[Floats, Floats]:
        """Return μ and σ of a layer, ``float32[in, out]``."""
        mu = layer_view(self.spec, self._state, "mu", layer)
        if isinstance(self.config, MesuFactoredConfig):
            return self._factored_moments(mu, layer, self.config)
        if self._arithmetic != "q16":
            return mu, layer_view(self.spec, self._state, "sigma", layer)
        plan = make_plan(self.spec, self.config).layers[layer]
        rho = layer_view(self.spec, self._state, "rho", layer)
        exponent = exponent_view(self.spec, self._state["rho_exponent"][0], layer)
        sigma = np.sqrt(decode(rho, exponent))
        return np.ldexp(mu.astype(np.float32), -plan.mu_frac_bits), sigma.astype(np.float32)

    def _factored_moments(
        self, mu: npt.NDArray[Any], layer: int, config: MesuFactoredConfig
    ) -> tuple[Floats, Floats]:
        row, column = (factor_view(self.spec, self._state, f, layer) for f in FACTORS)
        if self._arithmetic == "q16":
            plan = make_factored_plan(self.spec, config).layers[layer]
            row, column = decode_row(row, plan.v_exponent), decode_column(column)
            mu = np.ldexp(mu.astype(np.float32), -int(self._state["mu_frac_bits"][0, layer]))
        return mu, np.sqrt(np.outer(row, column)).astype(np.float32)

    def weights(self, rng: np.random.Generator) -> Weights:
        """See :class:`TaskLearner`."""
        depth = len(self.spec.shapes)
        return [draw(*self.moments(layer), self.config.n_draws, rng) for layer in range(depth)]

    def mean_sigma(self) -> list[float]:
        """See :class:`TaskLearner`."""
        return [float(self.moments(layer)[1].mean()) for layer in range(len(self.spec.shapes))]

    def counters(self) -> dict[str, int]:
        """See :class:`TaskLearner`."""
        return dataclasses.asdict(self._kernel.saturations)
