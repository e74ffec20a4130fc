"""Options of how columns are read, and when labels come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from streamlearn.cli.options import Format, LabelOfRun, OnBad, OnBadOption, Stream, given_names

if TYPE_CHECKING:
    from streamlearn.cli.columns import Columns
    from streamlearn.cli.feeding import Feed

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
StageTexts = Annotated[
    list[str] | None,
    typer.Option(
        "--stage",
        help="What makes features of rows of a signal, such as window:n=100,hop=50 or "
        "delta:threshold=0.1,leak=5; repeated, each takes what the one before gives.",
        metavar="NAME:SETTINGS",
    ),
]
LearnEvery = Annotated[
    int,
    typer.Option(
        "--learn-every",
        help="Learn each N-th row that has a label; all are predicted. For labels that stay the "
        "same for long.",
        metavar="N",
        min=1,
    ),
]
Segment = Annotated[
    str | None,
    typer.Option(
        "--segment",
        help="Column that says which recording a row belongs to; stages, and a spiking network, "
        "begin each anew.",
        metavar="COLUMN",
    ),
]


def columns_and_labels(
    features: Features = None,
    ignore: Ignore = None,
    time: Time = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    categories: Categories = None,
    missing_value: MissingValue = "stop",
    label_delay: LabelDelay = 0,
    labels: Labels = None,
    key: Key = None,
    stage: StageTexts = None,
    segment: Segment = None,
    learn_every: LearnEvery = 1,
) -> Columns:
    """Return how columns are read, and when labels come."""
    from streamlearn.cli.columns import columns_of

    return columns_of(
        features, ignore, time, delimiter, decimal, encoding, categories or (), missing_value,
        label_delay, labels, key, stage or (), segment, learn_every,
    )  # fmt: skip


def feed_options(
    context: typer.Context,
    stream: Stream,
    label: LabelOfRun = None,
    format_: Format = None,
    on_bad: OnBadOption = OnBad.stop,
    features: Features = None,
    ignore: Ignore = None,
    time: Time = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    categories: Categories = None,
    missing_value: MissingValue = "stop",
) -> Feed:
    """Return the stream for a device: what is said of it, and otherwise as the run had it."""
    from streamlearn.cli.feeding import feed_of

    columns = columns_and_labels(
        features, ignore, time, delimiter, decimal, encoding, categories, missing_value
    )
    return feed_of(given_names(context), stream, label, on_bad.value, format_, columns)
