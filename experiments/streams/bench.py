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
from experiments.loop.workers import execute_all
from experiments.machine import origin
from experiments.needs import missing_packages, require
from experiments.options import add_limit, add_seeds, count, names, seeds_of
from experiments.streams import disturbances, pictures, tables
from experiments.streams.contender import Contender
from experiments.streams.contenders import contenders
from experiments.streams.progress import Bar
from experiments.streams.records import Key, key, pack, recorded
from experiments.streams.runs import StreamRun, StreamSetting
from experiments.streams.sources import NAMES, SOURCES
from experiments.study import RESULT_FILE, Study, write_record
from streamlearn.cli.common import console
from streamlearn.cli.endings import Interrupted
from streamlearn.errors import ConfigError

NAME = "streams"
#: Rows of a stream with ``--quick``.
QUICK = 10_000
SEEDS, LONG_SEEDS = 5, 3
#: Learners of packages that are not asked for: compared if they are there.
OPTIONAL = "capymoa"


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
        If a name is none of the bench's.
    """
    known = contenders()
    there = [one for one in known if not _not_installed(known[one])]
    chosen = _of("learner", learners, known, there)
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
    return OPTIONAL in one.packages and bool(missing_packages([OPTIONAL]))


def _wanted(one: Contender, stream: str, place: int, limit: int | None) -> bool:
    """Return whether a learner runs on a stream, with the seed at this place of the list."""
    if stream == disturbances.NAME:
        return one.disturbed and one.group != "reference" and place < one.n_seeds
    source = SOURCES[stream]
    if source.long and (limit is not None or place >= LONG_SEEDS):
        return False
    return place < one.n_seeds and cells(stream, limit) <= one.most


def cells(stream: str, limit: int | None) -> float:
    """Return rows × features of a stream."""
    rows, features, _ = SOURCES[stream].size
    return min(rows, limit or rows) * features


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
            failures = execute_all(left, 1, logs, logs, options.processes, bar.show)
    except KeyboardInterrupt:
        interrupted = True
    for run in runs:
        if (log := read_log(run.log(logs))) is not None and log["identity"] == run.identity():
            rows[key(log["identity"])] = {**log["identity"], **log["row"]}
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
    if row is not None and identity.items() <= row.items():
        return True
    log = read_log(run.log(logs))
    return log is not None and log["identity"] == identity


def _require(runs: Sequence[StreamRun]) -> None:
    """Refuse to start without packages and data; say which streams there are data for."""
    sources = {
        name: SOURCES[name] for run in runs if (name := run.setting.stream) != disturbances.NAME
    }
    packages = [p for run in runs for p in run.contender.packages]
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
    parser.add_argument(
        "--processes", type=count(1), default=1, metavar="N", help="runs at once, one per core"
    )
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
