"""The heads: what a network's output means, and the gradient that teaches it."""

from __future__ import annotations

from collections.abc import Mapping

from quant.heads.categorical import CATEGORICAL
from quant.heads.gaussian import GAUSSIAN
from quant.heads.head import Head

#: Every head by its name.
HEADS: Mapping[str, Head] = {head.name: head for head in (CATEGORICAL, GAUSSIAN)}

__all__ = ["HEADS", "Head"]
