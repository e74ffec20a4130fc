"""Commands of records and devices: replay, verify, simulate, follow, push a state."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import firmware_sim
from firmware_sim.locking import KEY_BYTES
from streamlearn.cli.column_options import feed_options
from streamlearn.cli.filled import filled
from streamlearn.cli.options import (
    Board,
    Faults,
    FaultSeed,
    Json,
    PortFolder,
    PowerCuts,
    Quiet,
    RecordTo,
    SignedBy,
)

if TYPE_CHECKING:
    from streamlearn.cli.feeding import Feed

Exported = Annotated[Path, typer.Argument(help="A folder written by `export`.")]
RecordFile = Annotated[Path, typer.Argument(help="A file that `run --record` wrote.")]

LinkKey = Annotated[
    Path | None,
    typer.Option(
        "--link-key",
        help="File with the key that the device gives and takes its state for; `link-key` makes "
        "one. A simulated device's firmware is built with it.",
        metavar="FILE",
    ),
]


class Start(str, Enum):
    """Whose state both begin with."""

    same = "same"
    device = "device"
    desk = "desk"


def replay(
    record: RecordFile,
    to: Annotated[
        int | None,
        typer.Option("--to", help="Stop after N samples of the record; all if not given.", min=0),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            help="Leave samples out, as if they had never come: a span of time such as "
            "2026-05-01..2026-05-03, or a condition such as 'temperature > 80'. May be repeated.",
            metavar="SPAN|CONDITION",
        ),
    ] = None,
    without_rows: Annotated[
        list[str] | None,
        typer.Option(
            "--without-rows",
            help="Leave out samples by their numbers in the record, from 1: 100..200.",
            metavar="A..B",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the state image to this file.")
    ] = None,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Learn a record again: the state at any sample, or without a bad period."""
    from streamlearn.cli.replay import replay as run_replay

    run_replay(record, to, without or (), without_rows or (), out, json_file, quiet)


def verify(
    record: RecordFile,
    state: Annotated[Path, typer.Argument(help="A state image, or a run folder.")],
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Prove that a state came from a record, and say after which sample."""
    from streamlearn.cli.replay import verify as run_verify

    run_verify(record, state, json_file, quiet)


@filled(feed=feed_options)
def simulate(
    export_dir: Exported,
    feed: Feed,
    board: Board = firmware_sim.DEFAULT_BOARD,
    port: PortFolder = None,
    signed_by: SignedBy = None,
    limit: Annotated[
        int | None, typer.Option("--limit", help="Only the first N samples.", min=1)
    ] = None,
    power_cuts: PowerCuts = None,
    fault: Faults = None,
    fault_seed: FaultSeed = 0,
    link_key: LinkKey = None,
    log: Annotated[
        int,
        typer.Option(
            "--log",
            help="Build the firmware with a log in flash of the newest N samples at least; it is "
            "in RUN/log.slr at the end.",
            metavar="N",
            min=0,
        ),
    ] = 0,
    optimize: Annotated[
        str,
        typer.Option(
            "--optimize",
            help="What the firmware is compiled for, with the same results: speed (fewer "
            "instructions) or size (less flash).",
            metavar="speed|size",
        ),
    ] = "speed",
    out: Annotated[Path, typer.Option("--out", help="Run folder.")] = Path("runs/simulate"),
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Build the firmware, boot it on a simulated board, and learn a stream there.

    The stream is read as the run read it that was exported; options say what is different.
    --power-cuts and --fault run its first samples many times, and something fails each time.
    """
    from export import open_export
    from streamlearn.cli.simulate import simulate as run_simulate
    from streamlearn.cli.worlds import Failing, run_worlds

    target = firmware_sim.load_board(port) if port else firmware_sim.get_board(board)
    wanted = firmware_sim.optimize_of(optimize)
    failing = Failing(power_cuts, fault or (), fault_seed)
    if failing.asked:
        if limit is not None:
            raise typer.BadParameter("such runs have a length of their own", param_hint="--limit")
        if link_key is not None:
            raise typer.BadParameter("such runs have no key", param_hint="--link-key")
        open_export(export_dir, signed_by)
        run_worlds(export_dir, feed, target, failing, out, json_file, quiet, log, wanted)
        return
    key = _key(link_key)
    run_simulate(
        export_dir, feed, target, out, json_file, quiet, signed_by, limit, key, log, wanted
    )


@filled(feed=feed_options)
def follow(
    export_dir: Exported,
    feed: Feed,
    board: Board = firmware_sim.DEFAULT_BOARD,
    port: Annotated[
        str | None,
        typer.Option(
            "--port",
            help="A real device instead of a simulated one: serial:PORT@BAUD.",
            metavar="serial:PORT@BAUD",
        ),
    ] = None,
    start: Annotated[
        Start,
        typer.Option(
            "--start",
            help="same: device and export have to hold the same state; device: the desk takes the "
            "device's; desk: the export's state is written to the device.",
        ),
    ] = Start.same,
    check_every: Annotated[
        int | None,
        typer.Option(
            "--check-every",
            help="Compare the whole state every N samples; every sample on a simulated board, "
            "every 100 on a port if not given. Predictions are always compared.",
            min=1,
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option("--timeout", help="Seconds that an answer over a port may take.", min=0.05),
    ] = 5.0,
    locate: Annotated[
        bool,
        typer.Option(
            "--locate",
            help="If they part, let the device at --port learn the samples since the last equal "
            "state again, one by one; its state is written back at the end.",
        ),
    ] = False,
    out: Annotated[
        Path, typer.Option("--out", help="Folder for both states and the figures.")
    ] = Path("runs/follow"),
    record: RecordTo = None,
    signed_by: SignedBy = None,
    link_key: LinkKey = None,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Teach a device and the desk the same stream; say at which sample they part, if ever.

    The stream is read as the run read it that was exported; options say what is different.
    """
    from streamlearn.cli.follow import Following
    from streamlearn.cli.follow import follow as run_follow

    asked = Following(
        export_dir, feed, board, port, start.value, check_every, timeout, locate, record,
        signed_by, _key(link_key),
    )  # fmt: skip
    run_follow(asked, out, json_file, quiet)


def push(
    state: Annotated[Path, typer.Argument(help="A state image, such as `replay --out` writes.")],
    port: Annotated[
        str,
        typer.Option("--port", help="The device: serial:PORT@BAUD.", metavar="serial:PORT@BAUD"),
    ],
    link_key: LinkKey = None,
    quiet: Quiet = False,
) -> None:
    """Write a state to a device on a serial port, and read it back."""
    from streamlearn.cli.follow import push as run_push

    run_push(state, port, quiet, _key(link_key))


def link_key(
    to: Annotated[Path, typer.Option("--to", help="File for the key; not there yet.")],
) -> None:
    """Make a key that locks a device's state: its firmware and the desk have it, nobody else.

    It signs nothing; `keygen` makes keys for that.
    """
    firmware_sim.new_key(to)
    typer.echo(
        f"{to}: {KEY_BYTES} bytes, secret; `simulate --link-key {to}` builds firmware with it"
    )


def _key(path: Path | None) -> bytes | None:
    return None if path is None else firmware_sim.read_key(path)


def log(
    export_dir: Exported,
    port: Annotated[
        str,
        typer.Option("--port", help="The device: serial:PORT@BAUD.", metavar="serial:PORT@BAUD"),
    ],
    out: Annotated[Path, typer.Option("--out", help="File for the record; not there yet.")],
    since: Annotated[
        int | None,
        typer.Option(
            "--since",
            help="Begin with the stored state of this number, the newest if not given.",
            min=0,
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", help="Seconds that an answer may take.", min=0.05)
    ] = 5.0,
    link_key: LinkKey = None,
    signed_by: SignedBy = None,
    quiet: Quiet = False,
) -> None:
    """Read the log in a device's flash: a stored state and the samples since, for `replay`."""
    from streamlearn.cli.event_log import fetch

    fetch(export_dir, port, out, since, timeout, _key(link_key), signed_by, quiet)


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (simulate, replay, verify, follow, push, log, link_key):
        app.command()(command)
