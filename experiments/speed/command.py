"""How fast is each engine, and what does a sample cost? ``python -m experiments speed``

Measures on one core, in one run: samples/s of every engine beside PyTorch loops, bytes, cost by
width, draws, share of zero inputs and length of the stream; the metaplastic learner beside float
networks and the published recipe; and the rivals, on the desk and on every emulated core.

    python -m experiments speed                      # everything, about five minutes
    python -m experiments speed --only speed,bytes   # the rest stays as the last run left it
    python -m experiments speed --only length --tasks 200   # 12 million samples an engine
    python -m experiments speed --only rivals,cores,along   # needs no optional package
    python -m experiments speed --report-only
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from experiments.errors import ExperimentError, UsageError
from experiments.loop.workers import one_thread
from experiments.needs import require
from experiments.options import add_limit, count, names
from experiments.speed.names import FREE, NEEDY
from experiments.speed.pictures import pictures
from experiments.speed.tables import tables
from experiments.study import RESULT_FILE, Record, Study, be_quiet, read_record

XLA = "XLA_FLAGS"
SECTIONS = (*NEEDY, *FREE)


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
    needy = {*NEEDY} & {*options.only}
    if needy:
        require(("numba", "torch"), who=STUDY.name)
    missing = [name for name in NEEDY if name not in {*record, *options.only}]
    if needy and missing:
        raise ExperimentError(f"{folder} has no {', '.join(missing)}: run without --only first")
    return _measured_apart(options, record)


def _measured_apart(options: argparse.Namespace, record: Record) -> Record:
    """Measure in a process of its own: libraries read their number of threads when loaded."""
    with (
        one_thread(),
        _one_xla_thread(),
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
    ):
        return pool.submit(_measured, options, record).result()


def _measured(options: argparse.Namespace, record: Record) -> Record:
    be_quiet(options.quiet)
    from experiments.speed.measure import measure_sections

    return measure_sections(options.only, options, record)


@contextmanager
def _one_xla_thread() -> Iterator[None]:
    """Let JAX use one thread in processes that start now."""
    before = os.environ.get(XLA)
    os.environ[XLA] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[XLA]
        else:
            os.environ[XLA] = before


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
