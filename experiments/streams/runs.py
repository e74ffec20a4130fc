"""One run of the bench: a learner on one stream, or on the rows with something wrong."""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import quant
import streamlearn
from experiments.loop.runs import Record, Report, Run, Setting
from experiments.streams import disturbances
from experiments.streams.contender import Contender, Shape
from experiments.streams.contenders import contenders
from experiments.streams.loading import load, load_held_out
from experiments.streams.scores import by_regime, scores
from experiments.streams.sources import SOURCES

#: Part of every row, and counted up when rows of before say something else.
VERSION = 1


@dataclass(frozen=True)
class StreamSetting(Setting):
    """A learner on a stream; ``algorithm`` is the contender's name.

    Attributes
    ----------
    stream : str
        One of :data:`experiments.streams.sources.NAMES`, or ``disturbances``.
    """

    stream: str = ""


@dataclass(frozen=True)
class StreamRun(Run):
    """A learner on a stream, once; ``limit``: only the first so many rows."""

    setting: StreamSetting

    @property
    def contender(self) -> Contender:
        """The learner."""
        return contenders()[self.setting.algorithm]

    @property
    def name(self) -> str:
        """See :attr:`Run.name`."""
        return f"{self.setting.algorithm}, {self.setting.stream}, seed {self.seed}"

    def log(self, results: Path) -> Path:
        """See :meth:`Run.log`."""
        limit = "full" if self.limit is None else str(self.limit)
        folder = results / self.folder / limit / self.setting.algorithm
        return folder / f"{self.setting.stream}-{self.seed}.json"

    def identity(self) -> Record:
        """See :meth:`Run.identity`."""
        return {
            "version": VERSION,
            "stream": self.setting.stream,
            "seed": self.seed,
            "limit": self.limit,
            **json.loads(json.dumps(self.contender.identity())),
        }

    def until(self, n_tasks: int) -> int:
        """One, whatever is asked for."""
        del n_tasks
        return 1

    def load(self) -> None:
        """Nothing that all runs share."""

    def execute(
        self, n_tasks: int, data: Any, results: Path, work: Path, report: Report | None = None
    ) -> Record:
        """Measure, and write the log, whole or not at all."""
        del n_tasks, data, work
        start = time.process_time()
        if self.setting.stream == disturbances.NAME:
            found: Record = {"disturbances": disturbances.measure(self.contender, self.seed)}
            newest = float("nan")
        else:
            found = measure(self.contender, self.setting.stream, self.seed, self.limit)
            newest = found["accuracy"]
        seconds = round(time.process_time() - start, 2)
        row = {**found, "run_s": seconds, "sources": sources_sha()}
        record = {"identity": self.identity(), "tasks_done": 1, "row": row}
        write(self.log(results), record)
        if report is not None:
            report(1, newest)
        return record


def measure(contender: Contender, stream: str, seed: int, limit: int | None = None) -> Record:
    """Return what a learner reaches on a stream: test, then learn, each row once.

    Returns
    -------
    dict
        What :func:`scores` returns; ``rows``; ``unknown``: rows for which it predicted nothing;
        ``learn_s``: CPU seconds; ``state_bytes``. For a stream with held-out rows, which no row of
        the stream is one of, the accuracy in each regime at the end: ``kept``, and of a learner
        with a memory ``recalled``.
    """
    x, y = _rows(stream, seed)
    x, y = x[:limit], y[:limit]
    learner = contender.make(shape_of(stream, x.shape[1]), seed)
    start = time.process_time()
    predicted = learner.learn(x, y)
    seconds = time.process_time() - start
    found: Record = {
        "rows": len(y),
        **scores(y, predicted),
        "unknown": int(np.sum(predicted < 0)),
        "learn_s": round(seconds, 3),
        "state_bytes": learner.state_bytes(),
    }
    if SOURCES[stream].held_out is not None:
        found |= _held_out(learner, stream, seed)
    return found


def _held_out(learner: Any, stream: str, seed: int) -> Record:
    x, y, regime = load_held_out(stream, seed)
    found = {"kept": by_regime(y, learner.predict(x), regime)}
    recalled = learner.recall(x)
    return found if recalled is None else {**found, "recalled": by_regime(y, recalled, regime)}


#: Folders whose files run or show a learner, and cannot change what it learns.
AROUND = frozenset({"baselines", "checks", "cli", "evaluation", "report", "torch"})


@cache
def sources_sha() -> str:
    """Return the beginning of a SHA-256 over the sources of our learners: what a run is of."""
    digest = hashlib.sha256()
    for package in (quant, streamlearn):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.[chp]*")):
            around = path.relative_to(root).parts[0] in AROUND
            if path.suffix in (".c", ".h", ".py") and not around:
                digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def shape_of(stream: str, n_features: int) -> Shape:
    """Return what a stream asks of a learner."""
    source = SOURCES[stream]
    return Shape(n_features, source.size[2], source.hidden, source.front_end)


@lru_cache(maxsize=1)
def _rows(stream: str, seed: int) -> Any:
    return load(stream, seed)


def write(path: Path, record: Record) -> None:
    """Write a log, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_text(json.dumps(record) + "\n", "utf-8")
    fresh.replace(path)
