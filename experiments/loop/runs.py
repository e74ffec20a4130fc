"""One run: task after task, kept after each, so that it can stop and go on at any time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from quant.compiler import cache_dir
from streamlearn.errors import ConfigError, StreamFormatError

Record = dict[str, Any]
#: Is told the number of tasks done and the accuracy on the newest in %, after each.
Report = Callable[[int, float], None]
#: Part of every log, and counted up when logs of before cannot be continued.
VERSION = 1


@dataclass(frozen=True)
class Setting:
    """What a run is besides its seed.

    Parameters
    ----------
    algorithm : str
        A name of the experiment's.
    layers : tuple of int
    memory_window : float
        The paper's *N*, for MESU.
    n_draws : int
        Monte-Carlo draws per sample, where there are any; as many weights are drawn to evaluate.
    """

    algorithm: str
    layers: tuple[int, ...] = (784, 50, 10)
    memory_window: float = 3e5
    n_draws: int = 10


class Resumable(Protocol):
    """What a checkpoint keeps: arrays that can be taken out and put back."""

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of everything that a later step depends on."""

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Invert :meth:`arrays`."""


@dataclass(frozen=True)
class Run:
    """One learner on one seed's tasks.

    Parameters
    ----------
    folder : str
        Sub-folder of the results that its log lies in; experiments may share one.
    setting : Setting
    seed : int
        Of the tasks, the start and the noise; the authors' seed 1000 + n has other draws.
    limit : int, optional
        Only the first so many images.
    """

    folder: str
    setting: Setting
    seed: int
    limit: int | None = None

    @property
    def name(self) -> str:
        """File name of the log, without its suffix."""
        setting, usual = self.setting, Setting(self.setting.algorithm)
        window = (
            f"-n{setting.memory_window:g}" if setting.memory_window != usual.memory_window else ""
        )
        hidden = "-".join(map(str, setting.layers[1:-1]))
        width = f"-h{hidden}" if setting.layers != usual.layers else ""
        draws = f"-s{setting.n_draws}" if setting.n_draws != usual.n_draws else ""
        return f"{setting.algorithm}{window.replace('+', '')}{width}{draws}-seed{self.seed}"

    @property
    def packages(self) -> tuple[str, ...]:
        """Packages that it needs beyond the library's own dependencies."""
        return ()

    @property
    def data_sets(self) -> tuple[str, ...]:
        """Data sets that it needs, by the names of :data:`experiments.needs.DATA_SETS`."""
        return ()

    def log(self, results: Path) -> Path:
        """Return the path of the log."""
        return results / self.folder / f"{self.name}.json"

    def checkpoint(self, work: Path) -> Path:
        """Return the path of the state after the last task."""
        return work / self.folder / f"{self.name}.npz"

    def identity(self) -> Record:
        """Return what a log must agree with to be this run's."""
        values = asdict(self.setting)
        return {
            "version": VERSION,
            "seed": self.seed,
            "limit": self.limit,
            **values,
            "layers": list(values["layers"]),
        }

    def identity_with(self, version: int, **constants: Any) -> Record:
        """Return the identity of a run whose setting has other fields than MESU's."""
        return {
            "version": version,
            "seed": self.seed,
            "limit": self.limit,
            "algorithm": self.setting.algorithm,
            "layers": list(self.setting.layers),
            **constants,
        }

    def until(self, n_tasks: int) -> int:
        """Return how many tasks the run has, where so many are asked for."""
        return n_tasks

    def load(self) -> Any:
        """Load what :meth:`execute` takes as ``data``; the same for all runs with this limit."""

    def begin(self, data: Any, n_tasks: int) -> Begun:
        """Return a learner at its start, and what learns and measures one of so many tasks."""
        raise NotImplementedError

    def execute(
        self, n_tasks: int, data: Any, results: Path, work: Path, report: Report | None = None
    ) -> Record:
        """Run up to ``n_tasks`` tasks, going on where the checkpoint is; return the record.

        A record has an entry per task in ``newest`` (accuracies in % on the newest tasks, the
        newest last) and in ``train_s`` (CPU seconds), and what :meth:`begin` adds.

        Parameters
        ----------
        n_tasks : int
            Tasks in all. More than were learned is a continuation; not more does nothing. Without
            its checkpoint a run starts again.
        data
            What :meth:`load` returned.
        results, work : Path
            Folders of the logs and of the checkpoints.
        report : callable, optional

        Raises
        ------
        ConfigError
            If the log is that of another run, or a package is missing.
        DivergedError
            If a learner's weights are no longer finite.
        """
        tasks_done(self, results)
        end = self.until(n_tasks)
        return go_on(self, self.begin(data, end), end, results, work, report)


class Begun(NamedTuple):
    """What the loop goes on with.

    Attributes
    ----------
    learner : Resumable
    session : dict
        What the tasks of this call are made with: versions, sources.
    step : callable
        Learns and measures the task of this number, puts what it finds into the record, and
        returns what the learner counted since it was made.
    """

    learner: Resumable
    session: Record
    step: Callable[[int, Record], Mapping[str, int]]


def default_work() -> Path:
    """Return the folder for checkpoints: in ``$STREAMLEARN_CACHE``, or the user's cache."""
    return cache_dir() / "reproduce"


def read_log(path: Path) -> Record | None:
    """Return a run's log, or None where there is none.

    Raises
    ------
    StreamFormatError
        If it is no log.
    """
    if not path.exists():
        return None
    try:
        record = json.loads(path.read_text("utf-8"))
        if not {"tasks_done", "identity"} <= record.keys():
            raise ValueError("keys are missing")
    except (ValueError, AttributeError) as error:
        raise StreamFormatError(f"{path} is no log of a run: {error}; remove it") from error
    return dict(record)


def tasks_done(run: Run, results: Path) -> int:
    """Return how many tasks a run's log has.

    Raises
    ------
    ConfigError
        If the log is there, but of a run with other settings.
    StreamFormatError
        If it is no log.
    """
    record = read_log(run.log(results))
    if record is None:
        return 0
    if record["identity"] != run.identity():
        raise ConfigError(
            f"{run.log(results)} was made with other settings: {record['identity']} instead of "
            f"{run.identity()}; use another --results folder, or remove it"
        )
    return int(record["tasks_done"])


def go_on(
    run: Run, begun: Begun, n_tasks: int, results: Path, work: Path, report: Report | None
) -> Record:
    """Take task after task from where the checkpoint is, each kept before the next begins."""
    learner, session, step = begun
    record = resume(run, learner, results, work)
    done = int(record["tasks_done"])
    if done >= n_tasks:
        return record
    record["sessions"].append({"from_task": done, **session})
    counted = dict(record["counters"])
    for task in range(done, n_tasks):
        new = step(task, record)
        record["tasks_done"] = task + 1
        record["counters"] = {name: counted.get(name, 0) + new[name] for name in new}
        save(run, learner, record, results, work)
        if report is not None:
            report(task + 1, record["newest"][-1][-1])
    return record


def resume(run: Run, learner: Resumable, results: Path, work: Path) -> Record:
    """Return the record to go on from, and put the checkpoint's state into the learner."""
    fresh: Record = {
        "identity": run.identity(),
        "tasks_done": 0,
        "sessions": [],
        "counters": {},
        "train_s": [],
        "sigma": [],
        "newest": [],
        "windows": {},
        "all": {},
    }
    path = run.checkpoint(work)
    if run.log(results).exists() and path.exists():
        with np.load(path) as arrays:
            record = dict(json.loads(str(arrays["record"])))
            if record["identity"] == run.identity():
                learner.restore(arrays)
                return record
    return fresh


def save(run: Run, learner: Resumable, record: Record, results: Path, work: Path) -> None:
    """Write checkpoint and log, each whole or not at all; the record is in both."""
    path, log = run.checkpoint(work), run.log(results)
    for folder in (path.parent, log.parent):
        folder.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.new.npz")
    np.savez(temporary, allow_pickle=False, record=np.array(json.dumps(record)), **learner.arrays())
    temporary.replace(path)
    lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in record.items())
    fresh = log.with_name(f"{log.name}.{os.getpid()}.new")
    fresh.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    fresh.replace(log)
