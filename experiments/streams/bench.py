"""The study: which runs there are, measuring what is missing, and one record of all.

Each run leaves a log in the user's cache, so that Ctrl-C loses only the runs in progress. The
record has one line for each run; what is recorded is not measured again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from experiments.errors import ExperimentError, MissingError
from experiments.loop.runs import Record, default_work, read_log
from experiments.loop.workers import ENGINES, execute_all
from experiments.machine import origin
from experiments.needs import missing_packages, require
from experiments.options import add_engine, add_limit, add_seeds, names, seeds_of
from experiments.streams import disturbances, pictures, tables
from experiments.streams.contender import Contender
from experiments.streams.contenders import contenders
from experiments.streams.moa import PACKAGE
from experiments.streams.progress import Bar
from experiments.streams.records import Key, key, pack, recorded
from experiments.streams.runs import StreamRun, StreamSetting, sources_sha
from experiments.streams.sources import NAMES, SOURCES
from experiments.study import RESULT_FILE, Study, say, write_record
from streamlearn.cli.common import console
from streamlearn.cli.endings import Interrupted
from streamlearn.errors import ConfigError

NAME = "streams"
#: Rows of a stream with ``--quick``.
QUICK = 10_000
SEEDS, LONG_SEEDS = 5, 3


def select(
    learners: Sequence[str] | None,
    streams: Sequence[str] | None,
    seeds: Sequence[int],
    limit: int | None,
) -> list[StreamRun]:
    """Return the runs, seed by seed, so that tables of few seeds are complete early.

    Raises
    ------
    ConfigError
        If a name is none of the bench's, or a learner's options do not exist yet.
    """
    known = contenders()
    there = [one for one in known if not (known[one].pending or _not_installed(known[one]))]
    chosen = _of("learner", learners, known, there)
    for name in chosen:
        if known[name].pending:
            raise ConfigError(f"learner {name!r}: no learner has {dict(known[name].options)} yet")
    where = _of("stream", streams, [*NAMES, disturbances.NAME], [*NAMES, disturbances.NAME])
    return [
        StreamRun(NAME, StreamSetting(learner, stream=stream), seed, limit)
        for seed in seeds
        for stream in where
        for learner in chosen
        if _wanted(known[learner], stream, seeds.index(seed), limit)
    ]


def _of(
    what: str, given: Sequence[str] | None, known: Iterable[str], default: Iterable[str]
) -> list[str]:
    for name in given or ():
        if name not in known:
            raise ConfigError(f"{what} {name!r}: the bench has {', '.join(known)}")
    return list(default if given is None else given)


def _not_installed(one: Contender) -> bool:
    """Return whether it is one of those that are compared only if they are there."""
    return PACKAGE in one.packages and bool(missing_packages([PACKAGE]))


def _wanted(one: Contender, stream: str, place: int, limit: int | None) -> bool:
    """Return whether a learner runs on a stream, with the seed at this place of the list."""
    if stream == disturbances.NAME:
        return one.disturbed and one.group != "reference" and place < one.n_seeds
    source = SOURCES[stream]
    if source.long and (limit is not None or place >= LONG_SEEDS):
        return False
    return place < one.n_seeds and cells(stream) <= one.most


def cells(stream: str) -> float:
    """Return rows × features of a stream at full length: what runs does not depend on a limit."""
    rows, features, _ = SOURCES[stream].size
    return rows * features


def measure(options: argparse.Namespace) -> Record:
    """Measure what is missing.

    Raises
    ------
    MissingError
        If packages or data are missing, before anything is started.
    ExperimentError
        If runs failed; the others are recorded.
    Interrupted
        On Ctrl-C, after what is there was recorded.
    """
    limit = QUICK if options.quick else options.limit_samples
    folder: Path = options.results / NAME
    logs: Path = options.work or default_work()
    runs = select(options.learners, options.streams, seeds_of(options), limit)
    rows = recorded(folder, limit)
    if options.again:
        for run in runs:
            rows.pop((run.setting.algorithm, run.setting.stream, run.seed), None)
            run.log(logs).unlink(missing_ok=True)
    left = [run for run in runs if not _known(run, rows, logs)]
    _require(left)
    failures, interrupted = [], False
    try:
        with Bar(console(options.quiet), len(left)) as bar:
            failures = execute_all(left, 1, logs, logs, options.processes, bar.show, options.engine)
    except KeyboardInterrupt:
        interrupted = True
    for run in runs:
        if (row := _logged(run, logs)) is not None:
            rows[key(row)] = row
    _warn(rows.values())
    record = {"limit": limit, "runs": pack(rows.values())}
    if interrupted or failures:
        folder.mkdir(parents=True, exist_ok=True)
        write_record(folder / RESULT_FILE, {"origin": origin(options.command), **record})
    if interrupted:
        raise Interrupted(
            "interrupted; the same command goes on, --report-only shows what is there"
        )
    if failures:
        raise ExperimentError(f"{len(failures)} of {len(left)} runs failed: {'; '.join(failures)}")
    return record


def _known(run: StreamRun, rows: dict[Key, Record], logs: Path) -> bool:
    identity = run.identity()
    row = rows.get(key(identity))
    recorded_already = row is not None and identity.items() <= row.items()
    return recorded_already or _logged(run, logs) is not None


def _logged(run: StreamRun, logs: Path) -> Record | None:
    """Return the row of a run's log, if it is of these settings and of these sources."""
    log = read_log(run.log(logs))
    if log is None or log["identity"] != run.identity():
        return None
    row: Record = {**log["identity"], **log["row"]}
    return None if _stale(row) else row


def _stale(row: Record) -> bool:
    """Return whether a row of ours was measured with other sources."""
    one = contenders().get(row["learner"])
    ours = one is not None and one.group in ("ours", "reference")
    return ours and row.get("sources") != sources_sha()


def _warn(rows: Iterable[Record]) -> None:
    if stale := sum(map(_stale, rows)):
        say(f"{stale} runs of ours are of other sources; --again measures them anew")


def _require(runs: Sequence[StreamRun]) -> None:
    """Refuse to start without packages and data; say which streams there are data for."""
    sources = {
        name: SOURCES[name] for run in runs if (name := run.setting.stream) != disturbances.NAME
    }
    packages = [p for run in runs for p in run.contender.packages if p != PACKAGE]
    if any(_not_installed(run.contender) for run in runs):
        raise MissingError(f"{NAME} needs {PACKAGE} for MOA's learners: pip install {PACKAGE}")
    require([*packages, *(p for one in sources.values() for p in one.packages)], (), NAME)
    missing = {name: lacks for name, one in sources.items() if (lacks := one.missing())}
    if missing:
        there = [name for name in sources if name not in missing]
        raise MissingError(
            f"{NAME} needs data that is not here: {'; '.join(dict.fromkeys(missing.values()))}. "
            f"docs/data.md says more; --streams {','.join(there)} needs none of it"
        )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the bench's own options; a seed is an order, or a generator's."""
    add_seeds(parser, SEEDS)
    parser.add_argument("--learners", type=names, metavar="A,B", help="some of them; all if none")
    parser.add_argument("--streams", type=names, metavar="A,B", help="some of them; all if none")
    add_engine(parser, ENGINES)
    parser.add_argument(
        "--quick", action="store_true", help=f"only the first {QUICK:,} rows of each stream"
    )
    add_limit(parser, 2, "of each stream")
    parser.add_argument("--again", action="store_true", help="measure what is recorded, too")
    parser.add_argument(
        "--work", type=Path, metavar="DIR", help="folder of logs; in the user's cache if none"
    )


STUDY = Study(NAME, measure, tables.tables, add_options, pictures.pictures)
EXPERIMENTS = {NAME: STUDY}
