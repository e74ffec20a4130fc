"""``streamlearn run --spiking --segment``: with each recording the network forgets the time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streamlearn.cli.columns import Columns
from streamlearn.cli.endings import CommandError


class Recordings:
    """Where recordings begin: where the rows' key changes.

    Parameters
    ----------
    of
        The recording of the row before; None: there was none.
    """

    def __init__(self, of: str | None = None) -> None:
        self.of = of

    def begin(self, keys: Sequence[str]) -> list[int]:
        """Take note of the next rows' keys; return which of these rows begin a recording."""
        before, self.of = [self.of, *keys[:-1]], keys[-1] if keys else self.of
        return [row for row, key in enumerate(keys) if key != before[row]]

    def memory(self) -> dict[str, Any]:
        """Return what a run that goes on needs, for JSON: ``Recordings(**memory)``."""
        return {"of": self.of}


def check_time(spikes: bool, reading: Columns, recorded: bool) -> None:
    """Refuse what cannot go with steps of time, or makes no sense without.

    Parameters
    ----------
    spikes
        Whether the network spikes.
    reading
        How the stream is read.
    recorded
        Whether there is a record, which holds samples that are learned.

    Raises
    ------
    CommandError
        If labels come later or there is a record; or recordings are told apart for nobody.
    """
    if not spikes:
        if reading.segment is not None and not reading.stages:
            raise CommandError(
                "--segment is of recordings that stages or a spiking network see: give --stage or "
                "--spiking"
            )
        return
    if reading.delay or reading.labels:
        raise CommandError(
            "--spiking learns a row while its time is there: leave out --label-delay and --labels"
        )
    if recorded:
        raise CommandError(
            "--record holds samples that are learned, and time that passes between them is none: "
            "leave out --record or --spiking"
        )
