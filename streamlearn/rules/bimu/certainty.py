"""How sure every weight is of its sign, out of a state in any arithmetic."""

from __future__ import annotations

import numpy as np

from quant.rules.bimu.belief import belief_of
from quant.rules.bimu.law import law_of
from quant.rules.bimu.state import belief_view
from streamlearn.certainty import magnitude

CERTAINTY = magnitude(
    "|λ|",
    "A large value means that the weight's sign is nearly certain: 1 is 88 %, 2 is 98 %.",
    "belief",
    lambda state: belief_of(state).frac_bits,
    belief_view,
    mean=lambda belief, config: law_of(belief, config.relaxed).mean,
    deviation=lambda belief, config: np.sqrt(law_of(belief, config.relaxed).variance),
)
