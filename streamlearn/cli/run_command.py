"""The command ``run`` and its options; what it needs is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamlearn.cli.column_options import columns_and_labels
from streamlearn.cli.endings import CommandError
from streamlearn.cli.filled import filled
from streamlearn.cli.options import (
    ArithmeticOption,
    CheckpointEvery,
    CheckpointSeconds,
    Force,
    Format,
    Json,
    LabelBudget,
    MaybeLabel,
    MaybeStream,
    NoBaselines,
    OnBad,
    OnBadOption,
    Predictions,
    Quiet,
    Reconnect,
    RecordTo,
    Resume,
    Seed,
    Serve,
    Task,
    given_names,
    hidden_sizes,
    missing,
    one_of,
    reconnect_seconds,
)
from streamlearn.cli.rules import (
    CLASSIFICATION,
    REGRESSION,
    TASK_HEADS,
    read_settings,
    rule_names,
)

if TYPE_CHECKING:
    from streamlearn.cli.columns import Columns

#: Options of `run` that make a new learner or folder, by their parameters' names.
NEW_RUN = (
    "rule", "hidden", "memory_window", "metaplasticity", "memory", "memory_bytes", "replay_bytes",
    "settings", "arithmetic", "seed", "classes", "out", "force", "task", "label_delay",
    "stage", "segment", "learn_every", "spiking",
)  # fmt: skip


@filled(columns=columns_and_labels)
def run(
    context: typer.Context,
    *,
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
            callback=one_of(rule_names),
        ),
    ] = rule_names()[0],
    spiking: Annotated[
        bool,
        typer.Option(
            "--spiking",
            help="A spiking network: each row is a step of time, and a row without a label lets "
            "time pass. --segment says where recordings begin.",
        ),
    ] = False,
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
    arithmetic: ArithmeticOption = None,
    seed: Seed = 0,
    classes: Annotated[
        str | None,
        typer.Option("--classes", help="Labels a,b,c; needed if the stream is a pipe."),
    ] = None,
    on_bad: OnBadOption = OnBad.stop,
    columns: Columns,
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
    label_budget: LabelBudget = None,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Learn a stream of CSV or JSON lines, one at a time: predict each row, then learn it."""
    from streamlearn.cli.asking import read_budget
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
        None if label_budget is None else read_budget(label_budget),
    )
    if record is not None and columns.learn_every > 1:
        raise CommandError("--record learns each row again: leave out --learn-every")
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
    if task == REGRESSION and spiking:
        raise CommandError("--spiking: spiking networks learn classes; leave out --task regression")
    if task == REGRESSION and classes is not None:
        raise CommandError("--classes: a regression has no classes; leave it out")
    learn(
        stream,
        label,
        rule,
        hidden_sizes(hidden),
        read_settings(rule, settings or (), shortcuts, TASK_HEADS[task], spiking),
        arithmetic,
        seed,
        None if classes is None else tuple(name.strip() for name in classes.split(",")),
        on_bad.value,
        keeping,
        task,
        columns,
        spiking,
    )
