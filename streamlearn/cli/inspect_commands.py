"""Commands that look at states: inspect, diff."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streamlearn.cli.options import Json, Quiet

_WHAT = "A state image, an export folder or a run folder."


def inspect(
    path: Annotated[Path, typer.Argument(help=_WHAT, metavar="FILE")],
    build: Annotated[
        bool,
        typer.Option("--build", help="Also build every board's firmware: its flash and RAM."),
    ] = False,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Say what a state holds: learner, samples, ranges, hash, and its size on every board."""
    from streamlearn.cli.inspect import inspect as run_inspect

    run_inspect(path, build, json_file, quiet)


def diff(
    before: Annotated[Path, typer.Argument(help=_WHAT, metavar="BEFORE")],
    after: Annotated[Path, typer.Argument(help="Another of the same network.", metavar="AFTER")],
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Say which layers moved between two states, and by how many standard deviations."""
    from streamlearn.cli.inspect import diff as run_diff

    run_diff(before, after, json_file, quiet)


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (inspect, diff):
        app.command()(command)
