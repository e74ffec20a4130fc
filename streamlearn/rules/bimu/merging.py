"""Merging of BiMU's posteriors: λ, half the log-odds of a weight, is its natural parameter.

With ``w`` the share, and Σ over the learners: ``λ = λ0 + w Σ (λ_k - λ0)``. A learner that forgets
moves λ to the prior's 0. Where the learners' mean is nearer to 0 than the start, and still on its
side, they forgot the same past or saw evidence against it, and the sum might take that away K
times. There λ ends at the prior at the farthest, and not beyond it.

If rows take turns, the merged learner has gathered nothing: what the start had kept, the learners'
rows have added up since, and what a learner's rows have not added up yet is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from quant.layout import State
from quant.network import NetworkSpec
from quant.rules.bimu.belief import belief_of
from quant.rules.bimu.config import BimuConfig
from quant.rules.bimu.gather import NAMES
from streamlearn.merging import Merging, Share
from streamlearn.merging.gaussian import Numbers, divided, summed


def _merge(
    spec: NetworkSpec,
    config: BimuConfig,
    base: State,
    learned: Sequence[State],
    share: Share,
    merged: State,
) -> None:
    del spec, config
    integers = base["belief"].dtype.kind == "i"
    start = _numbers(base)
    total = summed([_numbers(state) - start for state in learned])
    found = start + divided(share.numerator * total, share.denominator)
    side = np.sign(start.astype(np.float64))
    at_most = np.abs(start.astype(np.float64))
    mean = (start + total / len(learned)).astype(np.float64) * side
    forgot = (mean >= 0) & (mean < at_most) & (found.astype(np.float64) * side < 0)
    found = np.where(forgot, start - start, found)
    if integers:
        most = belief_of(base).most
        found = np.clip(found, -most, most)
    merged["belief"][0] = found.astype(merged["belief"].dtype)
    for name in NAMES:
        if name in (merged.dtype.names or ()):
            merged[name] = 0


def _numbers(state: State) -> Numbers:
    """Return λ as float64, or as Python's integers, in which sums are exact."""
    belief: Numbers = state["belief"][0]
    return belief.astype(object if belief.dtype.kind == "i" else np.float64)


def _position(spec: NetworkSpec, config: BimuConfig, state: State) -> npt.NDArray[np.float64]:
    del spec, config
    found: npt.NDArray[np.float64] = state["belief"][0].astype(np.float64)
    return found


MERGING = Merging(_merge, _position)
