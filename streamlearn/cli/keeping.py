"""Where the results of a run go: what `streamlearn run` was asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from streamlearn.cli.endings import CommandError
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
    label_budget
        The share of labels that the learner may ask for; None: it learns all.
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
    label_budget: float | None = None

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

    def check(self, *streams: str | None) -> None:
        """Refuse files that one of the streams is, or that are one another.

        Parameters
        ----------
        streams
            As given to :meth:`source`.

        Raises
        ------
        CommandError
            If a result would be written over what is read, or over another result.
        """
        taken = {os.path.realpath(stream): "is the stream" for stream in streams if stream}
        files = ("--json", self.json_file), ("--predictions", self.looking.predictions)
        for option, file in (*files, ("--record", self.record)):
            if file is None:
                continue
            real = os.path.realpath(file)
            if real in taken:
                raise CommandError(
                    f"{option} {file} {taken[real]}, which would be overwritten; give another file"
                )
            taken[real] = f"is the file of {option}"
