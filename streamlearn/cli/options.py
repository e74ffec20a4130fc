"""Options that several commands have, and the checks of what is given to them."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from streamlearn.cli.rules import rule_names, settings_of


class OnBad(str, Enum):
    """What to do with a bad row."""

    stop = "stop"
    skip = "skip"


def one_of(names: tuple[str, ...]) -> Callable[[str | None], str | None]:
    """Return the check of an option that takes one of a few names."""

    def check(name: str | None) -> str | None:
        if name is not None and name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(names)}.{hint}")
        return name

    return check


Stream = Annotated[
    str, typer.Option("--stream", help="CSV file with a header row, or - for standard input.")
]
Label = Annotated[
    str, typer.Option("--label", help="Name of the column with the label, or the target.")
]
Json = Annotated[
    Path | None, typer.Option("--json", help="Also write the figures to this file, as JSON.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print nothing but warnings and errors.")
]
Board = Annotated[str, typer.Option("--board", help="Board to simulate; see `streamlearn boards`.")]
Seed = Annotated[
    int,
    typer.Option(
        "--seed", help="Seed of the initial weights and the noise.", min=0, max=0xFFFFFFFF
    ),
]
OnBadOption = Annotated[
    OnBad, typer.Option("--on-bad", help="A row with a missing or bad value: stop, or skip it.")
]


def settings_text() -> str:
    """Return the names that ``--set`` takes, with their defaults, one paragraph per rule."""
    return "\n\n".join(
        f"Settings of {rule}: "
        + ", ".join(f"{name}={default}" for name, default in settings_of(rule).items())
        for rule in rule_names()
    )


def hidden_sizes(text: str) -> tuple[int, ...]:
    """Return the sizes that ``--hidden`` names."""
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise typer.BadParameter(
            f"{text!r}: expected one number above 0 per hidden layer, such as 32 or 64,32",
            param_hint="--hidden",
        )
    return sizes
