"""Options that several experiments have, declared once."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from experiments.errors import UsageError
from experiments.figures import RESULTS


class Parser(argparse.ArgumentParser):
    """A parser whose errors are exceptions, for whoever prints them."""

    def __init__(self, program: str, description: str) -> None:
        super().__init__(program, description=description, add_help=False, allow_abbrev=False)
        self.add_argument("-h", "--help", action="store_true", help="show this and exit")

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and ending the process."""
        raise UsageError(f"{message} (see `{self.prog} --help`)")


def count(at_least: int) -> Callable[[str], int]:
    """Return a type of option: a whole number that is not too small."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < at_least:
            raise argparse.ArgumentTypeError(
                f"{text!r}: expected a whole number of {at_least} or more"
            )
        return int(text)

    return number


def numbers(text: str) -> tuple[int, ...]:
    """Type of an option: different whole numbers, 0 or above, separated by commas."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts) or len({*map(int, parts)}) < len(parts):
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected one whole number, or different ones such as 0,1,2"
        )
    return tuple(map(int, parts))


def names(text: str) -> tuple[str, ...]:
    """Type of an option: names separated by commas."""
    return tuple(part.strip() for part in text.split(","))


def add_seeds(parser: argparse.ArgumentParser, default: int) -> None:
    """Declare ``--seeds N``, how many, and ``--seed K``, which; :func:`seeds_of` reads them."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--seeds",
        metavar="N",
        type=count(1),
        help=f"the first N seeds, 0 to N-1; {default} if none",
    )
    group.add_argument(
        "--seed", metavar="K", type=numbers, help="the seed K alone, or several: K,L,…"
    )
    parser.set_defaults(default_seeds=tuple(range(default)))


def seeds_of(options: argparse.Namespace) -> tuple[int, ...]:
    """Return the seeds that were asked for, or the experiment's own."""
    chosen: tuple[int, ...] = options.seed or ()
    if options.seeds is not None:
        chosen = tuple(range(options.seeds))
    default: tuple[int, ...] = options.default_seeds
    return chosen or default


def seeds_or_part_again(part: str) -> Callable[[argparse.ArgumentParser], None]:
    """Return what declares seeds, three by default, and ``--PART-again`` for that part alone."""

    def declare(parser: argparse.ArgumentParser) -> None:
        add_seeds(parser, 3)
        parser.add_argument(
            f"--{part.lower()}-again",
            action="store_true",
            help=f"measure {part} alone, and take all else from the recorded result",
        )

    return declare


def add_some(parser: argparse.ArgumentParser, option: str, all_: Iterable[str], what: str) -> None:
    """Declare an option that takes some of a study's parts; `what` says what it chooses."""
    choices = list(all_)
    parser.add_argument(
        option,
        nargs="+",
        default=choices,
        choices=choices,
        help=f"{what}; the others stay as recorded (default: all)",
    )


def add_limit(parser: argparse.ArgumentParser, at_least: int, of: str) -> None:
    """Declare ``--limit-samples``: only the first samples of a set, for a short run."""
    parser.add_argument(
        "--limit-samples", type=count(at_least), metavar="N", help=f"only the first N {of}"
    )


def add_engine(parser: argparse.ArgumentParser, engines: Sequence[str]) -> None:
    """Declare ``--processes`` and ``--engine``: how many runs at once, and who executes them."""
    parser.add_argument(
        "--processes", type=count(1), default=1, metavar="N", help="runs at once, one per core"
    )
    parser.add_argument(
        "--engine",
        choices=engines,
        default=engines[0],
        help="processes of this machine, or Ray: here, or on the cluster of RAY_ADDRESS",
    )


def add_results(parser: argparse.ArgumentParser) -> None:
    """Declare ``--results``, ``--report-only`` and ``--quiet``."""
    parser.add_argument(
        "--results",
        type=Path,
        default=RESULTS,
        metavar="DIR",
        help="folder of logs, tables and pictures; %(default)s if none",
    )
    parser.add_argument(
        "--report-only", action="store_true", help="measure nothing, only make tables and pictures"
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="print nothing but warnings and errors"
    )
