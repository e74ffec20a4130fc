"""Where the results of a run go: what `streamlearn run` was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from streamlearn.cli.lookout import Looking
from streamlearn.sources import Opening, Source, open_source


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
    format, reconnect
        How the stream is opened (:class:`streamlearn.sources.Opening`).
    looking
        Who looks on.
    record
        The file for every sample that is learned.
    """

    out: Path | None = None
    json_file: Path | None = None
    quiet: bool = False
    every: int | None = None
    seconds: float = 60.0
    force: bool = False
    format: str | None = None
    reconnect: float | None = None
    looking: Looking = field(default_factory=Looking)
    record: Path | None = None

    def source(self, stream: str, *, fresh: bool, labels: bool = False) -> Source:
        """Return a stream's source (:func:`streamlearn.sources.open_source`), or its labels'."""
        warn = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
        return open_source(
            stream,
            Opening(
                None if labels else self.format,
                self.reconnect,
                self.out,
                fresh,
                labels,
                lambda text: warn.print(f"streamlearn: {text}"),
            ),
        )
