"""Sizes and instruction counts of a release, in a file that CI compares: ``tracked``.

    python -m experiments tracked           # measure, say what moved, write the version's file
    python -m experiments tracked --check   # write nothing; fail if the file says something else

Everything counted here is the same on every machine with the same compiler: no clock is read, and
the inputs are the bundled stream and made rows. With another version of the compiler a difference
is told and no failure.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.device.board import on_board, roomy_boards
from experiments.device.instructions import learners
from experiments.errors import ExperimentError
from experiments.figures import RESULTS
from experiments.options import names
from experiments.study import be_quiet, say
from firmware_sim.zig import zig_version
from quant import noise
from quant.heads import HEADS
from streamlearn import MesuClassifier, MetaplasticClassifier
from streamlearn.cli.board_costs import COSTS_FILE
from streamlearn.streams import load_gas_concentration, load_gas_drift
from streamlearn.version import __version__

NAME = "tracked"
KEY = ("learner", "input", "core")
FIGURES = ("learn", "predict", "predict_mean", "state", "scratch", "stack", "flash")
HEAD = (*KEY, *FIGURES, "compiler")
SAMPLES, PREDICTIONS = 30, 10
#: The share of zeros of MNIST's pixels.
ZEROS = 0.81
Row = dict[str, str]
Key = tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """A learner and what it learns.

    Attributes
    ----------
    name : str
    input : str
    learner : StreamLearner
    x, y : arrays
    """

    name: str
    input: str
    learner: Any
    x: npt.NDArray[np.float32]
    y: npt.NDArray[Any]


def rows_of(n_features: int, zeros: float) -> npt.NDArray[np.float32]:
    """Return made rows, about standard normal, with a share of zeros: the same everywhere."""
    words = noise.words(7, 1, 2 * SAMPLES * n_features).astype(np.float64) / 2**32
    drawn, kept = words.reshape(2, SAMPLES, n_features)
    rows: npt.NDArray[np.float32] = ((drawn - 0.5) * 12**0.5 * (kept >= zeros)).astype(np.float32)
    return rows


def cases() -> Iterator[Case]:
    """Yield everything that is tracked."""
    classes, numbers = load_gas_drift(limit=SAMPLES), load_gas_concentration(limit=SAMPLES)
    plain = {name: one for name, one in learners().items() if name.count(", ") == 2}
    for name, learner in plain.items():  # no variants: they share the code
        stream = numbers if HEADS[learner.spec.head].target == "number" else classes
        yield Case(name, "gas stream", learner, stream.x, stream.y)
    labels = np.arange(SAMPLES) % 10
    for text, share in (("dense", 0.0), (f"{ZEROS:.0%} zeros", ZEROS)):
        x = rows_of(784, share)
        for n_draws in (4, 10):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the noise of so few draws
                learner = MesuClassifier(
                    (784, 50, 10), classes=range(10), front_end="none", n_draws=n_draws
                )
            yield Case(f"mesu, q16, 784-50-10, S = {n_draws}", text, learner, x, labels)
        learner = MetaplasticClassifier((784, 200, 10), classes=range(10), front_end="none")
        yield Case("metaplastic, q8, 784-200-10", text, learner, x, labels)


def measured(cores: tuple[str, ...] | None) -> dict[Key, Row]:
    """Measure everything, on all cores or on some."""
    found: dict[Key, Row] = {}
    for case in cases():
        number = HEADS[case.learner.spec.head].target == "number"
        for board in roomy_boards():
            core = board.core.name
            if cores is not None and core not in cores:
                continue
            say(f"{case.name}, {case.input}, {core}")
            shown = case.x[:PREDICTIONS]
            got = on_board(case.learner, board, case.x, case.y, shown, number=number)
            figures = (
                int(np.median(got.learn)), int(np.median(got.predict)),
                int(np.median(got.predict_mean)),
                got.state_bytes, got.scratch_bytes, got.stack_bytes, got.flash_bytes,
            )  # fmt: skip
            key = (case.name, case.input, core)
            values = (*key, *map(str, figures), f"ziglang {zig_version()}")
            found[key] = dict(zip(HEAD, values, strict=True))
    return found


def file_of(version: str, results: Path) -> Path:
    """Return where a version's figures are."""
    return results / NAME / f"{version}.csv"


def read(path: Path) -> dict[Key, Row]:
    """Return a version's figures by learner, input and core; nothing if there are none."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {tuple(row[name] for name in KEY): row for row in csv.DictReader(file)}


def moved(old: dict[Key, Row], new: dict[Key, Row]) -> list[str]:
    """Return what differs, a line each: figures, rows that came, rows that went."""
    lines = []
    for key in dict.fromkeys([*old, *new]):
        name = ", ".join(key)
        if key not in new:
            lines.append(f"{name}: gone")
        elif key not in old:
            lines.append(f"{name}: new")
        else:
            changes = [
                f"{figure} {int(a):,} → {int(b):,} ({int(b) / int(a) - 1:+.1%})"
                for figure in FIGURES
                if figure in old[key]  # an earlier release may not have counted it
                and (a := old[key][figure]) != (b := new[key][figure])
            ]
            if changes:
                lines.append(f"{name}: {', '.join(changes)}")
    return lines


def before(version: str, results: Path) -> Path | None:
    """Return the file of the newest version before this one, if there is any."""
    files = [path for path in (results / NAME).glob("*.csv") if path.stem != version]
    earlier = [path for path in files if _order(path.stem) < _order(version)]
    return max(earlier, key=lambda path: _order(path.stem), default=None)


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


class Tracked:
    """The command ``tracked``."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare its options."""
        parser.add_argument(
            "--check", action="store_true", help="write nothing; fail if the file is not up to date"
        )
        parser.add_argument("--cores", type=names, metavar="A,B", help="all if none; with --check")
        parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR")
        parser.add_argument("-q", "--quiet", action="store_true", help="say no progress")

    def run(self, options: argparse.Namespace) -> None:
        """Measure, say what moved, and write the file or check it.

        Raises
        ------
        ExperimentError
            With ``--check`` if this version has no file, or one that says something else though
            the compiler is the same.
        """
        be_quiet(options.quiet)
        if options.cores and not options.check:
            raise ExperimentError("--cores: a file has all cores; give it with --check")
        path = file_of(__version__, options.results)
        kept, new = read(path), measured(options.cores)
        if options.cores:
            kept = {key: row for key, row in kept.items() if key[-1] in options.cores}
        last = before(__version__, options.results)
        if last is not None:
            _tell(f"since {last.stem}", moved(read(last), new))
        lines = moved(kept, new)
        if kept:
            _tell(f"against {path.name}, as recorded", lines)
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, HEAD, lineterminator="\n")
                writer.writeheader()
                writer.writerows(new.values())
            print(f"written: {path}")
            if options.results == RESULTS:  # what `streamlearn boards --plan` goes by
                COSTS_FILE.write_bytes(path.read_bytes())
                print(f"written: {COSTS_FILE}")
            return
        compilers = {row["compiler"] for row in kept.values()}
        if not kept:
            raise ExperimentError(f"{path} is missing: run python -m experiments {NAME}")
        if lines and compilers <= {f"ziglang {zig_version()}"}:
            raise ExperimentError(
                f"{path} is not of this tree ({len(lines)} rows differ): look at what moved, then "
                f"run python -m experiments {NAME} and commit the file"
            )


def _tell(against: str, lines: list[str]) -> None:
    print(f"{against}: {len(lines) or 'nothing'} moved")
    for line in lines:
        print(f"  {line}")
