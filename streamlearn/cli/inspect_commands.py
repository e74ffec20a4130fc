"""Commands that look at states and formats: inspect, diff, fidelity."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streamlearn.cli.options import Json, Quiet, Seed, SignedBy, hidden_sizes, one_of
from streamlearn.cli.rules import rule_names

_WHAT = "A state image, an export folder or a run folder."


def inspect(
    path: Annotated[Path, typer.Argument(help=_WHAT, metavar="FILE")],
    build: Annotated[
        bool,
        typer.Option("--build", help="Also build every board's firmware: its flash and RAM."),
    ] = False,
    signed_by: SignedBy = None,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Say what a state holds: learner, samples, ranges, hash, and its size on every board."""
    from streamlearn.cli.inspect import inspect as run_inspect

    run_inspect(path, build, json_file, quiet, signed_by)


def diff(
    before: Annotated[Path, typer.Argument(help=_WHAT, metavar="BEFORE")],
    after: Annotated[Path, typer.Argument(help="Another of the same network.", metavar="AFTER")],
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Say which layers moved between two states, and by how many standard deviations."""
    from streamlearn.cli.inspect import diff as run_diff

    run_diff(before, after, json_file, quiet)


def fidelity(
    stream: Annotated[
        Path | None,
        typer.Option("--stream", help="A CSV file; the bundled sensor stream if not given."),
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", help="Name of the column with the label.")
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", help="Only this rule. May be repeated.", metavar="NAME"),
    ] = None,
    hidden: Annotated[
        str, typer.Option("--hidden", help="Hidden units, one number per layer: 32 or 64,32.")
    ] = "32",
    limit: Annotated[
        int | None, typer.Option("--limit", help="Only the first N samples.", min=1)
    ] = None,
    seed: Seed = 0,
    each: Annotated[
        bool,
        typer.Option("--each/--pairs", help="Also switch on each quantisation alone (slow)."),
    ] = True,
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write a page to this file.", metavar="FILE")
    ] = None,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Compare integers with floats along a stream, and say what each quantisation alone costs."""
    from streamlearn.cli.fidelity import Asked, run

    known = one_of(rule_names)
    for name in rule or ():
        known(name)
    run(
        Asked(stream, label, tuple(rule or ()), hidden_sizes(hidden), limit, seed, each),
        html,
        json_file,
        quiet,
    )


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (inspect, diff, fidelity):
        app.command()(command)
