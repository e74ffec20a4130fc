"""The commands around a record: replay, verify, follow a device, push a state to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streamlearn.cli.options import Json, Quiet

RecordFile = Annotated[Path, typer.Argument(help="A file that `run --record` wrote.")]


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


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (replay, verify):
        app.command()(command)
