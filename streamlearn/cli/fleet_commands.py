"""The commands of ``streamlearn fleet``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from streamlearn.cli import device_commands
from streamlearn.cli.column_options import (
    Categories,
    Decimal,
    Delimiter,
    Encoding,
    Features,
    Ignore,
    Time,
)
from streamlearn.cli.options import (
    ArithmeticOption,
    MaybeLabel,
    OnBad,
    OnBadOption,
    Quiet,
    Seed,
    Task,
    given_names,
    hidden_sizes,
    one_of,
)
from streamlearn.cli.rules import (
    CLASSIFICATION,
    TASK_HEADS,
    read_settings,
    rule_names,
)

fleet = typer.Typer(
    name="fleet",
    help="One learner per sensor: on an engine for streams, or on the sensors' own boards.",
    no_args_is_help=True,
)
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        help="Folder of the fleet; if it holds one, the same command goes on with it.",
    ),
]
#: Options that may differ each time.
_EACH_TIME = {"out", "workers", "snapshot_seconds", "block_rows", "until_quiet", "quiet"}


@fleet.command()
def run(
    context: typer.Context,
    out: Out,
    stream: Annotated[
        str | None,
        typer.Option(
            "--stream",
            help="A file of CSV or JSON lines (also .gz), or mqtt://HOST[:PORT]/TOPIC with JSON "
            "lines; + and # in a topic as in MQTT; or kafka://HOST[:PORT]/TOPIC with JSON objects.",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            help="Column that names the learner of a row; no feature. Of MQTT topics `topic`, the "
            "topic itself, if not given; of Kafka the key of each message.",
            metavar="COLUMN",
        ),
    ] = None,
    label: MaybeLabel = None,
    task: Task = None,
    rule: Annotated[
        str,
        typer.Option(
            "--rule",
            help=f"Learning rule: {', '.join(rule_names())}.",
            metavar="NAME",
            callback=one_of(rule_names),
        ),
    ] = rule_names()[0],
    hidden: Annotated[
        str, typer.Option("--hidden", help="Hidden units, one number per layer: 32 or 64,32.")
    ] = "32",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Set a hyperparameter of the rule; may be repeated. `streamlearn run --help` "
            "shows the names.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    arithmetic: ArithmeticOption = None,
    seed: Seed = 0,
    classes: Annotated[
        str | None, typer.Option("--classes", help="Labels a,b,c; those in the file if not given.")
    ] = None,
    on_bad: OnBadOption = OnBad.stop,
    features: Features = None,
    ignore: Ignore = None,
    time: Time = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    categories: Categories = None,
    workers: Annotated[
        int, typer.Option("--workers", help="Threads; each run may have another number.", min=1)
    ] = 1,
    snapshot_seconds: Annotated[
        float,
        typer.Option(
            "--snapshot-seconds",
            help="Keep all states, of one moment, every so many seconds; 0: after every block.",
            min=0,
        ),
    ] = 10.0,
    block_rows: Annotated[
        int,
        typer.Option(
            "--block-rows",
            help="Rows that are read and grouped by key at a time; more of them cost less each.",
            min=1,
        ),
    ] = 65536,
    until_quiet: Annotated[
        float | None,
        typer.Option(
            "--until-quiet",
            help="End when topics brought nothing for so many seconds; without it only Ctrl-C and "
            "SIGTERM end them.",
            metavar="SECONDS",
            min=0,
        ),
    ] = None,
    predictions: Annotated[
        str | None,
        typer.Option(
            "--predictions",
            help="Topic of Kafka, on the brokers of --stream, for predictions as JSON objects: "
            "each at least once. The file of predictions has each once.",
            metavar="TOPIC",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Predict each row with the learner of its key, then learn it; each row exactly once.

    A run that was killed goes on with the same command, from the states that were kept last.
    """
    from streamlearn.cli.columns import columns_of
    from streamlearn.cli.fleet import Asked, named
    from streamlearn.cli.fleet import run as run_fleet

    columns = columns_of(
        features, ignore, time, delimiter, decimal, encoding, categories or (), "stop"
    )
    task = task or CLASSIFICATION
    given: dict[str, Any] = {
        name: list(value) if isinstance(value, tuple) else getattr(value, "value", value)
        for name, value in context.params.items()
        if name in given_names(context) - _EACH_TIME
    }
    if stream is not None:
        given["stream"] = named(stream)
    asked = Asked(
        stream,
        label,
        key,
        task,
        rule,
        hidden_sizes(hidden),
        read_settings(rule, settings or (), {}, TASK_HEADS[task]),
        arithmetic,
        seed,
        None if classes is None else tuple(name.strip() for name in classes.split(",")),
        on_bad.value,
        columns.options,
        given,
        predictions,
    )
    run_fleet(asked, out, workers, snapshot_seconds, block_rows, until_quiet, quiet)


@fleet.command()
def export(
    key: Annotated[str, typer.Argument(help="Whose learner.")],
    folder: Annotated[Path, typer.Option("--from", help="A folder written by `fleet run`.")],
    to: Annotated[Path, typer.Option("--to", help="Folder to write to.")],
) -> None:
    """Write the learner of one key as an ONNX model, a state image and C sources."""
    from streamlearn.cli.fleet import export as run_export

    run_export(key, folder, to)


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    device_commands.add_to(fleet)
    app.add_typer(fleet)
