"""Where the results of a run go: what `streamlearn run` was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Keeping:
    """Where the results of a run go, and when they are kept.

    Parameters
    ----------
    out
        The run folder; None: nothing is kept.
    json_file
        Another file for the figures.
    quiet
        Print nothing but warnings and errors.
    every
        Samples between checkpoints.
    seconds
        Between checkpoints; 0: the clock does not matter.
    force
        Whether what another stream left in ``out`` may be lost.
    """

    out: Path | None = None
    json_file: Path | None = None
    quiet: bool = False
    every: int | None = None
    seconds: float = 60.0
    force: bool = False
