"""Hyperparameters of MESU with a variance for every synapse."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from quant.errors import ConfigError
from quant.hyperparameters import is_whole
from quant.labels import shown
from quant.network import NetworkSpec
from quant.sampling.config import SamplingConfig

MU_FRAC_BITS = 12


@dataclass(frozen=True)
class MesuConfig(SamplingConfig):
    """Hyperparameters of MESU (Bonnet et al., arXiv 2504.13569) and of the front end.

    Parameters
    ----------
    mu_frac_bits : int or tuple of int
        Fixed point: fraction bits of μ, one number for all layers or one per layer, 6 to 15. The
        default, Q3.12, holds ±8. Long runs need more room where μ keeps growing (the counter
        ``saturations.mu`` tells) and more bits where σ is small.

    See :class:`quant.sampling.config.SamplingConfig` for the others.

    Raises
    ------
    ConfigError
        If a value makes no sense.
    """

    rule: ClassVar[str] = "mesu"

    mu_frac_bits: int | tuple[int, ...] = field(default=MU_FRAC_BITS, metadata={"per_layer": True})

    def __post_init__(self) -> None:
        super().__post_init__()
        bits: Any = self.mu_frac_bits
        several = isinstance(bits, tuple | list) or (isinstance(bits, np.ndarray) and bits.ndim > 0)
        each = tuple(bits) if several else (bits,)
        if not each or not all(is_whole(n) and 6 <= n <= 15 for n in each):
            raise ConfigError(
                f"mu_frac_bits={shown(bits)}: expected 6 to 15, one number or one per layer"
            )
        plain = tuple(int(n) for n in each)
        object.__setattr__(self, "mu_frac_bits", plain if several else plain[0])

    def frac_bits(self, spec: NetworkSpec) -> tuple[int, ...]:
        """Return ``mu_frac_bits`` of each layer.

        Raises
        ------
        ConfigError
            If there is neither one for all layers nor one per layer.
        """
        bits, n = self.mu_frac_bits, len(spec.shapes)
        each = (bits,) * n if isinstance(bits, int) else bits
        if len(each) != n:
            raise ConfigError(
                f"mu_frac_bits={shown(bits)}: expected 6 to 15, one number or {n}, one per layer"
            )
        return each
