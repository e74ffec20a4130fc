"""Options that several commands have, and the checks of what is given to them."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from streamlearn.cli.rules import TASK_HEADS, arithmetic_names

#: Of lines. Said here and not imported: sources take longer to import than `--help` to print.
FORMATS = ("csv", "jsonl")


class OnBad(str, Enum):
    """What to do with a bad row."""

    stop = "stop"
    skip = "skip"


def one_of(names: Callable[[], tuple[str, ...]]) -> Callable[[str | None], str | None]:
    """Return the check of an option that takes one of the names that there are when it is given."""

    def check(name: str | None) -> str | None:
        known = names()
        if name is not None and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(known)}.{hint}")
        return name

    return check


ArithmeticOption = Annotated[
    str | None,
    typer.Option(
        "--arithmetic",
        help=f"Number format to compute in: {', '.join(arithmetic_names())}; the rule's own "
        "if not given.",
        metavar="NAME",
        callback=one_of(arithmetic_names),
        show_default=False,
    ),
]
_STREAM = typer.Option(
    "--stream",
    help="CSV or JSON lines: a file (also .gz), - for standard input, serial:PORT@BAUD, or "
    "mqtt://HOST[:PORT]/TOPIC (mqtts:// with TLS).",
)
_LABEL = typer.Option("--label", help="Name of the column with the label, or the target.")
Stream = Annotated[str, _STREAM]
LabelOfRun = Annotated[
    str | None,
    typer.Option(
        "--label",
        help="Name of the column with the label, or the target; that of the run if not given.",
        show_default=False,
    ),
]
#: Of `run`, which knows them if it goes on with an earlier run.
MaybeStream = Annotated[str | None, _STREAM]
MaybeLabel = Annotated[str | None, _LABEL]
Task = Annotated[
    str | None,
    typer.Option(
        "--task",
        help="What the label's column is: classification (names of classes) or regression (a "
        "number to predict). Classes if not given.",
        metavar="NAME",
        callback=one_of(lambda: tuple(TASK_HEADS)),
        show_default=False,
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="csv (with a header row) or jsonl (one flat object per line); the first line says it "
        "if not given.",
        metavar="csv|jsonl",
        callback=one_of(lambda: FORMATS),
    ),
]
Reconnect = Annotated[
    str | None,
    typer.Option(
        "--reconnect",
        help="Wait so many seconds (inf: without end) for a port or broker that is not there or "
        "went; never: end the run. If not given: never for a port; inf for a broker that was "
        "reached.",
        metavar="SECONDS|never",
    ),
]
Json = Annotated[
    Path | None, typer.Option("--json", help="Also write the figures to this file, as JSON.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print nothing but warnings and errors.")
]
Resume = Annotated[
    Path | None,
    typer.Option(
        "--resume",
        help="Go on with the run in this folder, behind what it learned. With --stream another "
        "file, such as the next month's, or a pipe; its columns are matched by name.",
        metavar="RUN_DIR",
    ),
]
CheckpointEvery = Annotated[
    int | None,
    typer.Option("--checkpoint-every", help="Also keep what was learned every N samples.", min=1),
]
CheckpointSeconds = Annotated[
    float,
    typer.Option(
        "--checkpoint-seconds",
        help="Keep what was learned every so many seconds, at the end, and when a signal or an "
        "error ends the run; 0: without the clock.",
        min=0,
    ),
]
LabelBudget = Annotated[
    str | None,
    typer.Option(
        "--label-budget",
        help="Learn a label only if the draws disagree, so many of them at most: 5%. All labels if "
        "not given; the accuracy is always that over all rows.",
        metavar="SHARE",
    ),
]
RecordTo = Annotated[
    Path | None,
    typer.Option(
        "--record",
        help="Also write every sample to this file, so that `streamlearn replay` finds every state "
        "again; --resume goes on with it.",
        metavar="FILE",
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Lose what another stream has taught in --out.")
]
Predictions = Annotated[
    Path | None,
    typer.Option(
        "--predictions",
        help="Write number, line, prediction, label and probability of every sample to this file: "
        ".csv, or .jsonl for one JSON object per line.",
        metavar="FILE",
    ),
]
Serve = Annotated[
    int | None,
    typer.Option(
        "--serve",
        help="Show the run live in a browser on this computer, at http://127.0.0.1:PORT/; "
        "0: a port that is free.",
        metavar="PORT",
        min=0,
        max=65535,
    ),
]
NoBaselines = Annotated[
    bool,
    typer.Option(
        "--no-baselines",
        help="Run no SGD of the learner's shape and no nearest neighbour of its bytes along for "
        "comparison.",
    ),
]
Board = Annotated[str, typer.Option("--board", help="Board to simulate; see `streamlearn boards`.")]
SignedBy = Annotated[
    Path | None,
    typer.Option(
        "--signed-by",
        help="Public key whose signature the export has to have; `keygen` makes keys.",
        metavar="KEY.pub",
    ),
]
PortFolder = Annotated[
    Path | None,
    typer.Option(
        "--port",
        help="A folder with board.json and port.c: a board of your own, instead of --board.",
        metavar="DIR",
    ),
]
PowerCuts = Annotated[
    str | None,
    typer.Option(
        "--power-cuts",
        help="When the power goes: none, none(N), linear (at every flash operation), random(N), "
        "exhaustive(2), or one world, as a failure prints it.",
        metavar="SCHEDULE",
    ),
]
Faults = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        help="What fails in the flash: bit-rot, misdirected, lying-erase, stuck-bit, worn-page, "
        "swarm (all of them), or one fault, as a failure prints it. May be given again.",
        metavar="FAULT",
    ),
]
FaultSeed = Annotated[
    int, typer.Option("--fault-seed", help="Of the first world; the next has the next.", min=0)
]
#: Of the demo's learner: 128-32-6 in q16.
DEMO_STATE_BYTES = 20448
StateBytes = Annotated[
    int,
    typer.Option("--state-bytes", help="Size of the state whose commits are counted.", min=1),
]
Seed = Annotated[
    int,
    typer.Option(
        "--seed", help="Seed of the initial weights and the noise.", min=0, max=0xFFFFFFFF
    ),
]
OnBadOption = Annotated[
    OnBad, typer.Option("--on-bad", help="A row with a missing or bad value: stop, or skip it.")
]


def given_names(context: typer.Context) -> set[str]:
    """Return the names of the parameters that were given on the command line."""
    return {
        name
        for name in context.params
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    }


def missing(context: typer.Context, option: str) -> Exception:
    """Return the error of an option that was not given."""
    usage_error: Any = typer.BadParameter.__base__
    found: Exception = usage_error(f"Missing option '{option}'", ctx=context)
    return found


def reconnect_seconds(text: str | None) -> float | None:
    """Return the seconds that ``--reconnect`` names; 0: never."""
    if text is None or text == "never":
        return None if text is None else 0.0
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise typer.BadParameter(
            f"{text!r}: expected seconds, such as 600, or inf, or never", param_hint="--reconnect"
        )
    return seconds


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
