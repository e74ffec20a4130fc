"""What goes with ``streamlearn run --spiking``, and what does not."""

from __future__ import annotations

from streamlearn.cli.columns import Columns
from streamlearn.cli.endings import CommandError


def check_time(spikes: bool, reading: Columns, recorded: bool) -> None:
    """Refuse what cannot go with steps of time, or makes no sense without.

    Parameters
    ----------
    spikes
        Whether the network spikes.
    reading
        How the stream is read.
    recorded
        Whether there is a record.

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
