"""The commands and their options; what a command needs is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import firmware_sim
from streamlearn.cli import record_commands
from streamlearn.cli.column_options import (
    Categories,
    Decimal,
    Delimiter,
    Encoding,
    Features,
    Ignore,
    Key,
    LabelDelay,
    Labels,
    MissingValue,
    Time,
)
from streamlearn.cli.endings import CommandError
from streamlearn.cli.options import (
    DEMO_STATE_BYTES,
    Board,
    CheckpointEvery,
    CheckpointSeconds,
    Force,
    Format,
    Json,
    LabelOfRun,
    MaybeLabel,
    MaybeStream,
    NoBaselines,
    OnBad,
    OnBadOption,
    PortFolder,
    Predictions,
    Quiet,
    Reconnect,
    RecordTo,
    Resume,
    Seed,
    Serve,
    StateBytes,
    Stream,
    Task,
    given_names,
    hidden_sizes,
    missing,
    one_of,
    reconnect_seconds,
    settings_text,
)
from streamlearn.cli.rules import (
    CLASSIFICATION,
    REGRESSION,
    TASK_HEADS,
    arithmetic_names,
    read_settings,
    rule_names,
)
from streamlearn.version import __version__

#: Options of `run` that make a new learner or folder, by their parameters' names.
NEW_RUN = (
    "rule", "hidden", "memory_window", "metaplasticity", "memory", "memory_bytes", "replay_bytes",
    "settings", "arithmetic", "seed", "classes", "out", "force", "task", "label_delay",
)  # fmt: skip

app = typer.Typer(
    name="streamlearn",
    help="Networks that keep learning on a microcontroller. "
    "With --debug anywhere an error shows its traceback.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"streamlearn {__version__}")
        raise typer.Exit


@app.command()
def demo(
    limit: Annotated[
        int | None, typer.Option("--limit", help="Only the first N samples.", min=1)
    ] = None,
    board: Board = firmware_sim.DEFAULT_BOARD,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option("--out", help="Run folder.")] = Path("runs/demo"),
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes",
            help="Parts at once, at most; as many as there are cores, up to 3, if not given.",
            min=1,
            show_default=False,
        ),
    ] = None,
    timings: Annotated[
        bool, typer.Option("--timings", help="Also print what each part took.")
    ] = False,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Learn the bundled sensor stream in four ways and on a simulated board, and compare them."""
    from streamlearn.cli.demo import demo as run_demo

    run_demo(limit, board, seed, out, json_file, quiet, processes, timings)


@app.command(epilog=settings_text())
def run(
    context: typer.Context,
    stream: MaybeStream = None,
    label: MaybeLabel = None,
    task: Task = None,
    format_: Format = None,
    reconnect: Reconnect = None,
    rule: Annotated[
        str,
        typer.Option(
            "--rule",
            help=f"Learning rule: {', '.join(rule_names())}.",
            metavar="NAME",
            callback=one_of(rule_names()),
        ),
    ] = rule_names()[0],
    hidden: Annotated[
        str, typer.Option("--hidden", help="Hidden units, one number per layer: 32 or 64,32.")
    ] = "32",
    memory_window: Annotated[
        float | None,
        typer.Option(
            "--memory-window",
            help="Number of samples over which the learner forgets, or inf; the rule's own if not "
            "given. Short for --set memory_window=N.",
        ),
    ] = None,
    metaplasticity: Annotated[
        float | None,
        typer.Option(
            "--metaplasticity",
            help="How strongly confirmed weights resist change; the rule's own if not given. "
            "Short for --set metaplasticity=N.",
        ),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(
            "--memory",
            help="What remembers every class beside the network: lda, or mean for a chip without "
            "an FPU; nothing if not given. Short for --set memory=NAME.",
            metavar="NAME",
        ),
    ] = None,
    memory_bytes: Annotated[
        int | None,
        typer.Option(
            "--memory-bytes",
            help="Bytes of state for the memory. Short for --set memory_bytes=N.",
        ),
    ] = None,
    replay_bytes: Annotated[
        int | None,
        typer.Option(
            "--replay-bytes",
            help="Memory for samples that are learned again, for classes that come one after "
            "another; none if not given. Short for --set replay_bytes=N.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Set a hyperparameter of the rule; may be repeated. The names stand below.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    arithmetic: Annotated[
        str | None,
        typer.Option(
            "--arithmetic",
            help=f"Number format to compute in: {', '.join(arithmetic_names())}; the rule's own "
            "if not given.",
            metavar="NAME",
            callback=one_of(arithmetic_names()),
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    classes: Annotated[
        str | None,
        typer.Option("--classes", help="Labels a,b,c; needed if the stream is a pipe."),
    ] = None,
    on_bad: OnBadOption = OnBad.stop,
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
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the learner, its figures and a report."),
    ] = None,
    resume: Resume = None,
    checkpoint_every: CheckpointEvery = None,
    checkpoint_seconds: CheckpointSeconds = 60.0,
    force: Force = False,
    predictions: Predictions = None,
    no_baselines: NoBaselines = False,
    serve: Serve = None,
    record: RecordTo = None,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Learn a stream of CSV or JSON lines, one at a time: predict each row, then learn it."""
    from streamlearn.cli.columns import columns_of
    from streamlearn.cli.keeping import Keeping
    from streamlearn.cli.learn import learn
    from streamlearn.cli.lookout import Looking
    from streamlearn.cli.resume import resume as go_on

    folder = out if resume is None else resume
    looking = Looking(False if no_baselines else None, predictions, serve)
    keeping = Keeping(
        folder,
        json_file,
        quiet,
        checkpoint_every,
        checkpoint_seconds,
        force,
        format_,
        reconnect_seconds(reconnect),
        looking,
        record,
    )
    columns = columns_of(
        features, ignore, time, delimiter, decimal, encoding, categories or (), missing_value,
        label_delay, labels, key,
    )  # fmt: skip
    given = given_names(context)
    if resume is not None:
        known = given & {*NEW_RUN}
        if known:
            option = min(known).replace("_", "-")
            raise CommandError(f"--{option}: --resume goes on with what the run has; leave it out")
        go_on(
            resume,
            stream,
            label,
            on_bad.value if "on_bad" in given else None,
            keeping,
            lambda found: found.with_given(columns, given),
        )
        return
    if stream is None or label is None:
        raise missing(context, "--stream" if stream is None else "--label")
    shortcuts = {
        "memory_window": memory_window,
        "metaplasticity": metaplasticity,
        "memory": memory,
        "memory_bytes": memory_bytes,
        "replay_bytes": replay_bytes,
    }
    task = task or CLASSIFICATION
    if task == REGRESSION and classes is not None:
        raise CommandError("--classes: a regression has no classes; leave it out")
    learn(
        stream,
        label,
        rule,
        hidden_sizes(hidden),
        read_settings(rule, settings or (), shortcuts, TASK_HEADS[task]),
        arithmetic,
        seed,
        None if classes is None else tuple(name.strip() for name in classes.split(",")),
        on_bad.value,
        keeping,
        task,
        columns,
    )


@app.command()
def export(
    run_dir: Annotated[Path, typer.Argument(help="A folder written by `run` or `demo`.")],
    to: Annotated[Path, typer.Option("--to", help="Folder to write to.")],
) -> None:
    """Write a learner as an ONNX model, a state image and C sources."""
    from export import write_export
    from export.package import FORMAT
    from streamlearn.cli.feeding import reading_of
    from streamlearn.cli.folders import refuse_foreign
    from streamlearn.cli.kept_learner import learner_of

    learner = learner_of(run_dir)
    refuse_foreign(to, FORMAT)
    manifest = write_export(learner, to, reading_of(run_dir))
    total = sum(file["bytes"] for file in manifest["files"].values())
    typer.echo(f"{to}: {len(manifest['files'])} files, {total:,} bytes")


@app.command()
def simulate(
    context: typer.Context,
    export_dir: Annotated[Path, typer.Argument(help="A folder written by `export`.")],
    stream: Stream,
    label: LabelOfRun = None,
    board: Board = firmware_sim.DEFAULT_BOARD,
    port: PortFolder = None,
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
    out: Annotated[Path, typer.Option("--out", help="Run folder.")] = Path("runs/simulate"),
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Build the firmware, boot it on a simulated board, and learn a stream there.

    The stream is read as the run read it that was exported; options say what is different.
    """
    from streamlearn.cli.columns import columns_of
    from streamlearn.cli.feeding import feed_of
    from streamlearn.cli.simulate import simulate as run_simulate

    columns = columns_of(
        features, ignore, time, delimiter, decimal, encoding, categories or (), missing_value
    )
    feed = feed_of(given_names(context), stream, label, on_bad.value, format_, columns)
    target = firmware_sim.load_board(port) if port else firmware_sim.get_board(board)
    run_simulate(export_dir, feed, target, out, json_file, quiet)


@app.command()
def compare(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders of two runs or more.", metavar="RUN RUN…")
    ],
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write a page to this file.", metavar="FILE")
    ] = None,
) -> None:
    """Set runs side by side: figures, settings that differ, and who is better."""
    from streamlearn.cli.compare import compare as compare_runs

    compare_runs(runs, html)


@app.command()
def boards(state_bytes: StateBytes = DEMO_STATE_BYTES) -> None:
    """List the boards that can be simulated, and how often their flash takes a state."""
    from streamlearn.cli.board_table import print_boards

    print_boards(state_bytes)


record_commands.add_to(app)


@app.command(
    context_settings={
        "allow_extra_args": True,
        "allow_interspersed_args": False,  # options behind the name are the experiment's own
        "ignore_unknown_options": True,
    }
)
def reproduce(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            help="An experiment; its options follow, and NAME --help shows them.",
            show_default=False,
        ),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the experiments.")] = False,
) -> None:
    """Run a published experiment again; stopped with Ctrl-C, the same command goes on."""
    from streamlearn.cli.reproduce import reproduce as run_reproduce

    if name is None and not list_:
        raise typer.BadParameter("expected a name; --list shows them", param_hint="NAME")
    run_reproduce(["list"] if list_ or name is None else [name, *context.args])
