"""The commands and their options; what a command needs is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import firmware_sim
from export.targets import targets as package_targets
from streamlearn.cli import fleet_commands, inspect_commands, record_commands, run_command
from streamlearn.cli.column_options import StageTexts
from streamlearn.cli.options import (
    DEMO_STATE_BYTES,
    Board,
    Json,
    Quiet,
    Seed,
    StateBytes,
    one_of,
)
from streamlearn.cli.rules import settings_text
from streamlearn.version import __version__

#: The target of ``export`` that is a graph, and no package.
NIR = "nir"

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


app.command(epilog=settings_text())(run_command.run)


@app.command()
def export(
    source: Annotated[
        Path,
        typer.Argument(
            help="A folder written by `run` or `demo`, or a state image: what `save` of a learner "
            "wrote."
        ),
    ],
    to: Annotated[Path, typer.Option("--to", help="Folder to write to; for nir the file.")],
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            help="Instead a package that this tool takes as it is: "
            f"{', '.join(package_targets())}; or nir, a spiking network as a graph of NIR.",
            metavar="NAME",
            callback=one_of(lambda: (*package_targets(), NIR)),
            show_default=False,
        ),
    ] = None,
    prefix: Annotated[
        str | None,
        typer.Option(
            "--prefix",
            help="Of the package's names in C, so that several learners fit into one program; sl "
            "if not given.",
            show_default=False,
        ),
    ] = None,
    dt: Annotated[
        float | None,
        typer.Option(
            "--dt",
            help="Seconds of a time step, for nir; 0.0001 if not given.",
            show_default=False,
        ),
    ] = None,
    sign: Annotated[
        Path | None,
        typer.Option("--sign", help="Key to sign with; `keygen` makes one.", metavar="KEY"),
    ] = None,
    backbone: Annotated[
        Path | None,
        typer.Option(
            "--backbone",
            help="What made the learner's features of raw values; a board then takes raw values.",
            metavar="FILE",
        ),
    ] = None,
    stages: Annotated[
        bool,
        typer.Option(
            "--stages",
            help="With the stages of the run in front of the learner; a board then takes raw rows.",
        ),
    ] = False,
) -> None:
    """Write a learner as an ONNX model, a state image and C sources, or as a package."""
    from export import SigningKey, write_export
    from export.package import FORMAT
    from quant.backbone.file import load
    from streamlearn.cli.feeding import reading_of, stages_of
    from streamlearn.cli.folders import refuse_foreign
    from streamlearn.cli.kept_learner import exported_learner

    if prefix is not None and target in (None, NIR):
        given = "it is of a package: give its --target, too"
        raise typer.BadParameter(given, param_hint="--prefix")
    if dt is not None and target != NIR:
        raise typer.BadParameter("it is of a graph: give --target nir, too", param_hint="--dt")
    if sign is not None and target is not None:
        raise typer.BadParameter("a package is not signed, an export is", param_hint="--sign")
    if (backbone is not None or stages) and target is not None:
        hint = "--backbone" if backbone is not None else "--stages"
        raise typer.BadParameter("a package has the head alone", param_hint=hint)
    key = None if sign is None else SigningKey.load(sign)
    learner = exported_learner(source)
    if target == NIR:
        from streamlearn.neuromorphic import save_nir

        save_nir(learner, to, **({} if dt is None else {"dt": dt}))
        typer.echo(f"{to}: a graph of NIR")
        return
    if target is not None:
        from streamlearn.cli.packages import write_target

        typer.echo(write_target(learner, to, target, prefix))
        return
    refuse_foreign(to, FORMAT)
    in_front = None if backbone is None else load(backbone)
    chain = stages_of(source) if stages else None
    reading = reading_of(source, raw=stages)
    manifest = write_export(learner, to, reading, key, in_front, chain)
    total = sum(file["bytes"] for file in manifest["files"].values())
    signed = "" if key is None else f", signed by key {key.public.name}"
    typer.echo(f"{to}: {len(manifest['files'])} files, {total:,} bytes{signed}")


@app.command()
def keygen(
    to: Annotated[Path, typer.Option("--to", help="File for the secret key.", metavar="KEY")],
) -> None:
    """Make a key to sign exports with: KEY for you alone, KEY.pub for who verifies."""
    from export import new_key

    typer.echo(f"key {new_key(to).public.name}: {to} signs, {to}.pub verifies")


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
def boards(
    state_bytes: StateBytes = DEMO_STATE_BYTES,
    fit: Annotated[
        Path | None,
        typer.Option(
            "--fit",
            help="Build the learner of a folder written by `export` for each, and say where it "
            "fits.",
            show_default=False,
        ),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say which learner each has room and time for: a model.")
    ] = False,
    inputs: Annotated[
        int | None, typer.Option("--inputs", help="Of --plan: features.", min=1)
    ] = None,
    classes: Annotated[
        int | None, typer.Option("--classes", help="Of --plan; 0: it predicts a number.", min=0)
    ] = None,
    rate: Annotated[
        float | None, typer.Option("--rate", help="Of --plan: samples a second.", min=0.001)
    ] = None,
    stage: StageTexts = None,
) -> None:
    """List the boards that can be simulated, and how often their flash takes a state."""
    from streamlearn.cli.board_plan import check_plan, print_fit, print_plan
    from streamlearn.cli.board_table import print_boards

    if plan and fit is not None:
        raise typer.BadParameter("one of them at a time", param_hint="--plan and --fit")
    if plan:
        check_plan(inputs, classes, rate)
        print_plan(inputs or 0, classes or 0, rate or 0.0, stage or ())
        return
    if fit is not None:
        print_fit(fit)
        return
    print_boards(state_bytes)


record_commands.add_to(app)
fleet_commands.add_to(app)
inspect_commands.add_to(app)


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
