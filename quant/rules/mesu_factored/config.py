"""Hyperparameters of MESU with factored variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from quant.sampling.config import SamplingConfig


@dataclass(frozen=True)
class MesuFactoredConfig(SamplingConfig):
    """Hyperparameters of MESU with factored variance: all of them are MESU's.

    See :class:`quant.sampling.config.SamplingConfig`. The format of μ follows the weights by
    itself, so that there is no ``mu_frac_bits``.
    """

    rule: ClassVar[str] = "mesu_factored"
