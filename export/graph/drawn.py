"""What a rule's graph hands to the head's."""

from __future__ import annotations

from typing import Any, NamedTuple


class Drawn(NamedTuple):
    """The outputs of the last layer.

    Attributes
    ----------
    outputs : str
        ``[batch, draws, n_outputs]``: int64 in Q.16, or real.
    n_draws : int
    spread, noise : str or array, optional
        Standard deviation of the outputs and their noise, for heads that take the two apart.
    """

    outputs: str
    n_draws: int
    spread: Any = None
    noise: Any = None
