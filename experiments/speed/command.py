"""How fast is each engine, and what does a sample cost? ``python -m experiments speed``

Measures on one core, in one run: samples/s of every engine beside PyTorch loops, bytes, cost by
width, draws, share of zero inputs and length of the stream; and the metaplastic learner beside
float networks and the published recipe.

    python -m experiments speed                      # everything, about five minutes
    python -m experiments speed --only speed,bytes   # the rest stays as the last run left it
    python -m experiments speed --only length --tasks 200   # 12 million samples an engine
    python -m experiments speed --report-only
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from experiments.errors import ExperimentError, UsageError
from experiments.loop.workers import one_thread
from experiments.needs import load_with
from experiments.options import add_limit, count, names
from experiments.speed.pictures import pictures
from experiments.speed.tables import tables
from experiments.study import RESULT_FILE, Record, Study, be_quiet, read_record

SECTIONS = ("speed", "bytes", "width", "draws", "zeros", "length", "metaplastic")


def measure(options: argparse.Namespace) -> Record:
    """Measure the sections that are asked for; the others stay as they are.

    Raises
    ------
    UsageError
        If a section is unknown.
    ExperimentError
        If the sections that are not asked for were never measured.
    """
    if unknown := [name for name in options.only if name not in SECTIONS]:
        raise UsageError(f"--only {', '.join(unknown)}: there are {', '.join(SECTIONS)}")
    folder = options.results / STUDY.name
    record = read_record(folder) if (folder / RESULT_FILE).exists() else {}
    if missing := [name for name in SECTIONS if name not in {*record, *options.only}]:
        raise ExperimentError(f"{folder} has no {', '.join(missing)}: run without --only first")
    # a process of its own: the linear algebra library reads its number of threads when it is loaded
    with one_thread(), ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, options, record).result()


def _measured(options: argparse.Namespace, record: Record) -> Record:
    be_quiet(options.quiet)
    module = load_with("torch", "experiments.speed.measure", STUDY.name)
    found: Record = module.measure_sections(options.only, options, record)
    return found


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    parser.add_argument(
        "--only",
        type=names,
        default=SECTIONS,
        metavar="A,B",
        help=f"sections of {','.join(SECTIONS)}; all if none",
    )
    parser.add_argument(
        "--rounds", type=count(1), default=5, metavar="N", help="times that each is measured; 5"
    )
    parser.add_argument(
        "--round-ms", type=count(1), default=150, metavar="N", help="milliseconds of a round; 150"
    )
    parser.add_argument(
        "--tasks", type=count(1), default=40, metavar="N", help="tasks of the long stream; 40"
    )
    add_limit(parser, 100, "images")


STUDY = Study("speed", measure, tables, add_options, pictures)
