"""One run: task after task, kept after each, so that it can stop and go on at any time."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from quant.c_config import KERNEL_DIR
from quant.compiler import cache_dir
from streamlearn.errors import ConfigError, StreamFormatError
from streamlearn.reproduce.learners import ALGORITHMS, Setting, TaskLearner
from streamlearn.reproduce.pmnist import (
    Images,
    Permutations,
    accuracy,
    full_measure,
    load_images,
    strangers_of,
)
from streamlearn.streams import load_fashion_mnist

Record = dict[str, Any]
#: The newest tasks that are tested after each task: five, and one for the off-by-one curve.
NEWEST = 6
#: The newest tasks that are measured in full, and after how many tasks.
WINDOW = 20
#: Its runs are shown as they end, and there are many: older tasks wait for the full measure.
WINDOW_FOLDER = "mesu-window"
#: Part of every log, and counted up when logs of before cannot be continued.
VERSION = 1


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
    def n_newest(self) -> int:
        """How many of the newest tasks are tested after each."""
        return 1 if self.folder == WINDOW_FOLDER else NEWEST

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

    def until(self, n_tasks: int) -> int:
        """Return how many tasks the run has, where so many are asked for."""
        return n_tasks

    def load(self) -> Any:
        """Load what :meth:`execute` takes as ``data``; the same for all runs with this limit."""
        return load_images(self.limit)

    def execute(
        self,
        n_tasks: int,
        data: Any,
        results: Path,
        work: Path,
        report: Callable[[int, float], None] | None = None,
    ) -> Record:
        """See :func:`execute`."""
        return execute(self, n_tasks, data, results, work, report)


class FashionRun(Run):
    """The same with the authors' foreign images, Fashion-MNIST's test set."""

    def identity(self) -> Record:
        """See :class:`Run`."""
        return {**super().identity(), "foreign": "Fashion"}

    def load(self) -> Images:
        """See :class:`Run`."""
        return load_images(self.limit, partial(load_fashion_mnist, "test"))


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


def execute(
    run: Run,
    n_tasks: int,
    images: Images,
    results: Path,
    work: Path,
    report: Callable[[int, float], None] | None = None,
) -> Record:
    """Run up to ``n_tasks`` tasks, going on where the checkpoint is; return the record.

    A record has a list entry a task: ``newest`` (accuracies in % of the run's ``n_newest`` newest
    tasks, the newest last), ``sigma`` (mean of each layer), ``train_s`` (CPU seconds); every 20
    tasks and at the end ``windows`` (the newest 20 in full); at the end ``all`` (every task's
    accuracy).

    Parameters
    ----------
    run : Run
    n_tasks : int
        Tasks in all. More than were learned is a continuation; not more does nothing. Without
        its checkpoint a run starts again.
    images : Images
        What :func:`streamlearn.reproduce.pmnist.load_images` returned for the run's limit.
    results, work : Path
        Folders of the logs and of the checkpoints.
    report : callable
        Is told the number of tasks done and the accuracy on the newest in %, after each.

    Raises
    ------
    ConfigError
        If the log is that of another run.
    DivergedError
        If a learner's weights are no longer finite.
    """
    tasks_done(run, results)
    learner = ALGORITHMS[run.setting.algorithm](run.setting, run.seed)
    permutations = Permutations(run.seed, images.train.shape[1])

    def step(task: int, record: Record) -> Mapping[str, int]:
        learn_task(learner, images, permutations, task, record)
        measure_task(run, learner, images, permutations, task + 1, n_tasks, record)
        return learner.counters()

    session = {"kernel": kernel_sha(), "numpy": np.__version__}
    return go_on(run, learner, n_tasks, results, work, report, session, step)


def go_on(
    run: Run,
    learner: Resumable,
    n_tasks: int,
    results: Path,
    work: Path,
    report: Callable[[int, float], None] | None,
    session: Record,
    step: Callable[[int, Record], Mapping[str, int]],
) -> Record:
    """Take task after task from where the checkpoint is, each kept before the next begins.

    Parameters
    ----------
    run, learner, n_tasks, results, work, report
        As for :func:`execute`.
    session : dict
        What the tasks of this call are made with: versions, sources.
    step : callable
        Learns and measures the task of this number, puts what it finds into the record, and
        returns what the learner counted since it was made.
    """
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


def learn_task(
    learner: TaskLearner, images: Images, permutations: Permutations, task: int, record: Record
) -> None:
    """Train on one task and note the CPU seconds."""
    permuted = np.take(images.train, permutations[task], axis=1)
    started = time.process_time()
    learner.learn(permuted, images.train_labels, task)
    record["train_s"].append(round(time.process_time() - started, 3))


def measure_task(
    run: Run,
    learner: TaskLearner,
    images: Images,
    permutations: Permutations,
    done: int,
    n_tasks: int,
    record: Record,
) -> None:
    """Test after ``done`` tasks and note the results; one draw of weights serves all of them."""
    weights = learner.weights(np.random.default_rng((run.seed, 3, done)))
    newest = range(max(0, done - run.n_newest), done)
    record["newest"].append([accuracy(weights, images, permutations[t]) for t in newest])
    record["sigma"].append([float(f"{value:.5g}") for value in learner.mean_sigma()])
    if done % WINDOW == 0 or done == n_tasks:
        window = range(max(0, done - WINDOW), done)
        strangers = strangers_of(weights, images, run.seed)
        full = [full_measure(weights, images, permutations[t], strangers) for t in window]
        record["windows"][str(done)] = {name: [one[name] for one in full] for name in full[0]}
    if done == n_tasks:
        every = [accuracy(weights, images, permutations[t]) for t in range(done)]
        record["all"] = {str(done): every}


def kernel_sha() -> str:
    """Return the beginning of a SHA-256 over the C sources: which kernel a log is of."""
    digest = hashlib.sha256()
    for path in sorted(KERNEL_DIR.glob("*.[ch]")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


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
