"""``streamlearn reproduce``: the experiments of the repository, where they are at hand."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

import streamlearn
from streamlearn.cli.endings import CommandError
from streamlearn.cli.exit_codes import EXIT_USAGE
from streamlearn.version import __version__

PROGRAM = "streamlearn reproduce"
VERSION_FILE = "streamlearn/version.py"


def reproduce(arguments: Sequence[str]) -> None:
    """Run the experiment that the first argument names, or list all of them.

    Parameters
    ----------
    arguments : sequence of str
        Name and options, as behind ``python -m experiments``.

    Raises
    ------
    CommandError
        If the experiments are not at hand: they are not part of an installation.
    StreamlearnError, Interrupted
        What the experiment raises.
    typer.Exit
        If there is no such experiment, or it has no such option.
    """
    command = _experiments()
    try:
        command.execute(list(arguments), PROGRAM)
    except command.UsageError as error:
        typer.echo(f"streamlearn: {error}", err=True)  # has a hint of its own
        raise typer.Exit(EXIT_USAGE) from error


def _experiments() -> Any:
    """Import the experiments beside this package, or those of a checkout that we are in.

    Not by a plain import: a package of this name may be anybody's.
    """
    own, here = Path(streamlearn.__file__).resolve().parents[1], Path.cwd()
    for root in (own, here):
        if not all((root / name).is_file() for name in ("experiments/command.py", VERSION_FILE)):
            continue
        if root != own and _version(root) != __version__:
            raise CommandError(
                f"streamlearn {__version__} is installed, and {root} has the experiments of "
                f"another version: run `python -m experiments` there"
            )
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
        return importlib.import_module("experiments.command")
    raise CommandError(
        f"experiments are not part of an installation, and {here} has none: get the repository or "
        f"the source distribution of streamlearn {__version__}, and run this command in its folder"
    )


def _version(root: Path) -> str:
    found = re.search(r'^__version__ = "(.+)"$', (root / VERSION_FILE).read_text("utf-8"), re.M)
    return found[1] if found else ""
