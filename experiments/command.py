"""``python -m experiments``: a list of all experiments, and one command for each."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

import firmware_sim
from experiments.catalogue import CATALOGUE, TOPICS, load
from experiments.errors import UsageError
from experiments.needs import require
from experiments.options import Parser
from streamlearn.cli.endings import Interrupted
from streamlearn.errors import StreamlearnError

PROGRAM = "python -m experiments"
EXIT_OK, EXIT_FAILED, EXIT_USAGE = 0, 1, 2


def listing() -> str:
    """Return the names of all experiments with one line for each."""
    width = max(map(len, CATALOGUE))
    lines = []
    for topic, entries in TOPICS.items():
        lines += [
            topic,
            *(f"  {name:<{width}}  {entry.title}" for name, entry in entries.items()),
            "",
        ]
    return "\n".join(lines)


def execute(arguments: Sequence[str], program: str = PROGRAM) -> None:
    """Run the experiment that the first argument names with the options behind it.

    Parameters
    ----------
    arguments : sequence of str
    program : str
        What was typed before them, for help, messages and results.

    Raises
    ------
    UsageError
        If there is no such experiment or option.
    StreamlearnError
        If something is missing, or the experiment failed.
    """
    if not arguments or arguments[0] in ("list", "-h", "--help"):
        print(f"usage: {program} list | NAME [options] | NAME --help\n\n{listing()}", end="")
        return
    name, *rest = arguments
    if name not in CATALOGUE:
        raise UsageError(f"no experiment {name!r}; `{program} list` shows {len(CATALOGUE)} of them")
    entry = CATALOGUE[name]
    experiment = load(name)
    parser = Parser(f"{program} {name}", description=entry.title)
    experiment.add_options(parser)
    if {"-h", "--help"} & set(rest):
        parser.print_help()
        return
    options = parser.parse_args(rest)
    options.command = shlex.join([*program.split(), *without_folders(arguments)])
    if not getattr(options, "report_only", False):
        require(entry.packages, entry.data_sets, name)
    experiment.run(options)


def without_folders(arguments: Sequence[str]) -> list[str]:
    """Return a command's arguments without a machine's folders: ``--work`` and ``--results``.

    A result says how it was measured; where its logs lay means nothing elsewhere.
    """
    kept: list[str] = []
    folder = False
    for argument in arguments:
        name = argument.partition("=")[0]
        if not folder and name not in ("--work", "--results"):
            kept.append(argument)
        folder = argument in ("--work", "--results")
    return kept


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed or interrupted, 2 wrong usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        execute(given)
    except UsageError as error:
        return _failed(error, EXIT_USAGE)
    except (StreamlearnError, Interrupted, firmware_sim.FirmwareSimError) as error:
        return _failed(error, EXIT_FAILED)
    except KeyboardInterrupt:
        return _failed("interrupted", EXIT_FAILED)
    return EXIT_OK


def _failed(error: object, code: int) -> int:
    print(f"experiments: {' '.join(str(error).split())}", file=sys.stderr)
    return code
