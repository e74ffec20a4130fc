"""Options of how columns are read, and when labels come."""

from __future__ import annotations

from typing import Annotated

import typer

_LIST = "a,b,c"
Features = Annotated[
    str | None,
    typer.Option("--features", help="Columns to learn from; all if not given.", metavar=_LIST),
]
Ignore = Annotated[
    str | None, typer.Option("--ignore", help="Columns to leave out.", metavar=_LIST)
]
Time = Annotated[
    str | None,
    typer.Option(
        "--time",
        help="Column with the time of a row: a number (seconds since 1970) or such as 2024-05-01 "
        "10:00:00. It is no feature.",
        metavar="COLUMN",
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        "--delimiter",
        help="What separates cells: one character, or comma, semicolon, tab, space, pipe; guessed "
        "if not given.",
        metavar="MARK",
    ),
]
Decimal = Annotated[
    str | None,
    typer.Option("--decimal", help="Decimal mark, . or ,; guessed if not given.", metavar="MARK"),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        "--encoding", help="Of the text, such as latin-1; guessed if not given.", metavar="NAME"
    ),
]
Categories = Annotated[
    list[str] | None,
    typer.Option(
        "--categories",
        help="Words of a text column, which become features; found in a file if not given. May be "
        "repeated.",
        metavar="COLUMN=a,b,c",
    ),
]
MissingValue = Annotated[
    str,
    typer.Option(
        "--missing",
        help="A missing value: stop (its row is a bad row), skip the row, hold the column's latest "
        "value, or take the mean of its values so far.",
        metavar="stop|skip|hold|mean",
    ),
]
LabelDelay = Annotated[
    int,
    typer.Option(
        "--label-delay",
        help="Predict each row when it comes, and learn its label N rows later.",
        min=0,
        metavar="N",
    ),
]
Labels = Annotated[
    str | None,
    typer.Option(
        "--labels",
        help="Labels that come later, CSV or JSON lines: a file, serial:PORT@BAUD, or "
        "mqtt://HOST[:PORT]/TOPIC; --key says which row each belongs to.",
        metavar="FILE|TOPIC",
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        help="Column of --stream and of --labels by which labels find their row.",
        metavar="COLUMN",
    ),
]
