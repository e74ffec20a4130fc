"""The commands and their options; what a command needs is imported when it runs."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import firmware_sim
from quant.rules.mesu.config import MesuConfig
from quant.rules.metaplastic.config import MetaplasticConfig
from streamlearn.cli.folders import STATE_FILE, CommandError, refuse_foreign
from streamlearn.learners.loading import load
from streamlearn.version import __version__

app = typer.Typer(
    name="streamlearn",
    help="Networks that keep learning on a microcontroller. --debug anywhere shows tracebacks.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class ArithmeticName(str, Enum):
    """What to compute in."""

    float64 = "float64"
    float32 = "float32"
    q16 = "q16"
    q8 = "q8"


class OnBad(str, Enum):
    """What a bad row does."""

    stop = "stop"
    skip = "skip"


class Rule(str, Enum):
    """Learning rules."""

    mesu = "mesu"
    metaplastic = "metaplastic"


Stream = Annotated[
    str, typer.Option("--stream", help="CSV file with a header row, or - for standard input.")
]
Label = Annotated[str, typer.Option("--label", help="Name of the label's column.")]
Json = Annotated[
    Path | None, typer.Option("--json", help="Also write the figures to this file, as JSON.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print nothing but warnings and errors.")
]
Board = Annotated[str, typer.Option("--board", help="Board to simulate; see `streamlearn boards`.")]
Seed = Annotated[
    int, typer.Option("--seed", help="Seed of the start and the noise.", min=0, max=0xFFFFFFFF)
]
OnBadOption = Annotated[
    OnBad, typer.Option("--on-bad", help="A row with a missing or bad value: stop, or skip it.")
]


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
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Learn the bundled sensor stream on four engines and on a simulated board; compare them."""
    from streamlearn.cli.demo import demo as run_demo

    run_demo(limit, board, seed, out, json_file, quiet)


@app.command()
def run(
    stream: Stream,
    label: Label,
    rule: Annotated[Rule, typer.Option("--rule", help="Learning rule.")] = Rule.mesu,
    hidden: Annotated[
        str, typer.Option("--hidden", help="Hidden units, one number a layer: 32 or 64,32.")
    ] = "32",
    memory_window: Annotated[
        float | None,
        typer.Option(
            "--memory-window",
            help="Samples over which knowledge fades, or inf; "
            f"{MesuConfig.memory_window:.0f} where not given. For mesu.",
        ),
    ] = None,
    metaplasticity: Annotated[
        float | None,
        typer.Option(
            "--metaplasticity",
            help="How firm confirmed weights become; "
            f"{MetaplasticConfig.metaplasticity:g} where not given. For metaplastic.",
        ),
    ] = None,
    arithmetic: Annotated[
        ArithmeticName | None,
        typer.Option(
            "--arithmetic",
            help="What to compute in; q16 for mesu, q8 for metaplastic where not given.",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    classes: Annotated[
        str | None,
        typer.Option("--classes", help="Labels a,b,c; needed where the stream is a pipe."),
    ] = None,
    on_bad: OnBadOption = OnBad.stop,
    out: Annotated[Path | None, typer.Option("--out", help="Write a run folder.")] = None,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Learn a CSV stream, one line at a time: test, then train."""
    from streamlearn.cli.learn import learn

    learn(
        stream,
        label,
        rule.value,
        _sizes(hidden),
        {"memory_window": memory_window, "metaplasticity": metaplasticity},
        None if arithmetic is None else arithmetic.value,
        seed,
        None if classes is None else tuple(name.strip() for name in classes.split(",")),
        on_bad.value,
        out,
        json_file,
        quiet,
    )


@app.command()
def export(
    run_dir: Annotated[Path, typer.Argument(help="A folder that `run` or `demo` wrote.")],
    to: Annotated[Path, typer.Option("--to", help="Folder to write.")],
) -> None:
    """Write a learner as ONNX, state image and C sources."""
    from export import write_export
    from export.package import FORMAT

    image = run_dir / STATE_FILE
    if not image.is_file():
        raise CommandError(
            f"{image} is missing: {run_dir} is no run folder; make one with "
            "`streamlearn run … --out DIR` or `streamlearn demo --out DIR`"
        )
    refuse_foreign(to, FORMAT)
    manifest = write_export(load(image), to)
    total = sum(file["bytes"] for file in manifest["files"].values())
    typer.echo(f"{to}: {len(manifest['files'])} files, {total:,} bytes")


@app.command()
def simulate(
    export_dir: Annotated[Path, typer.Argument(help="A folder that `export` wrote.")],
    stream: Stream,
    label: Label,
    board: Board = firmware_sim.DEFAULT_BOARD,
    on_bad: OnBadOption = OnBad.stop,
    out: Annotated[Path, typer.Option("--out", help="Run folder.")] = Path("runs/simulate"),
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Build the firmware, boot it on a simulated board and let it learn a stream there."""
    from streamlearn.cli.simulate import simulate as run_simulate

    run_simulate(export_dir, stream, label, board, on_bad.value, out, json_file, quiet)


@app.command()
def boards() -> None:
    """List the boards that can be simulated."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in ("name", "core", "MHz", "flash KiB", "RAM KiB", "board"):
        figures = column in ("MHz", "flash KiB", "RAM KiB")
        table.add_column(column, no_wrap=column != "board", justify="right" if figures else "left")
    for board in firmware_sim.list_boards():
        default = " (default)" if board.name == firmware_sim.DEFAULT_BOARD else ""
        table.add_row(
            board.name,
            board.core.name,
            f"{board.clock_hz / 1e6:g}",
            f"{board.flash.bytes // 1024}",
            f"{board.ram.bytes // 1024}",
            board.title + default,
        )
    Console(highlight=False, markup=False, emoji=False).print(table)


@app.command()
def reproduce(
    name: Annotated[
        str | None, typer.Argument(help="An experiment; --list names them.", show_default=False)
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the experiments.")] = False,
    tasks: Annotated[
        int | None,
        typer.Option("--tasks", help="Tasks to learn; the experiment's own if not given.", min=1),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option("--seeds", help="0,1,…; the experiment's own where not given.")
    ] = None,
    algorithms: Annotated[
        str | None, typer.Option("--algorithms", help="Names a,b,…; all where not given.")
    ] = None,
    processes: Annotated[
        int, typer.Option("--processes", help="Runs at once, each on one core.", min=1)
    ] = 1,
    results: Annotated[
        Path, typer.Option("--results", help="Folder of logs, tables and pictures.")
    ] = Path("benchmarks/results"),
    work: Annotated[
        Path | None,
        typer.Option("--work", help="Folder of checkpoints; in the user's cache if not given."),
    ] = None,
    limit_samples: Annotated[
        int | None,
        typer.Option("--limit-samples", help="Only the first N images of each set.", min=2),
    ] = None,
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Only make table and picture from the logs.")
    ] = False,
    document: Annotated[
        Path | None,
        typer.Option("--document", help="Also put the table between its comments in this file."),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="The paper's own size, where ours is smaller.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Run a published experiment again; stopped with Ctrl-C, the same command goes on."""
    from streamlearn.cli.reproduce import list_experiments
    from streamlearn.cli.reproduce import reproduce as run_reproduce

    if list_:
        list_experiments()
        return
    if name is None:
        raise typer.BadParameter("expected a name; --list shows them", param_hint="NAME")
    run_reproduce(
        name,
        tasks,
        None if seeds is None else _numbers(seeds, "--seeds"),
        None if algorithms is None else [part.strip() for part in algorithms.split(",")],
        processes,
        results,
        work,
        limit_samples,
        report_only,
        document,
        full,
        quiet,
    )


def _numbers(text: str, option: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"{text!r}: expected whole numbers, such as 0,1,2", param_hint=option
        ) from None


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise typer.BadParameter(
            f"{text!r}: expected one number above 0 a hidden layer, such as 32 or 64,32",
            param_hint="--hidden",
        )
    return sizes
