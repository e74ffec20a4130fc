"""How far from zero every hidden weight is, out of a state in any arithmetic."""

from __future__ import annotations

from quant.rules.metaplastic.config import WEIGHT_FRAC_BITS
from quant.rules.metaplastic.state import weight_view
from streamlearn.certainty import magnitude

CERTAINTY = magnitude(
    "|hidden weight|",
    "A large value means that many samples agreed on the weight's sign, which now changes rarely.",
    "hidden_weight",
    lambda state: WEIGHT_FRAC_BITS,
    weight_view,
)
