"""Many runs at once: one process a core, each with one thread, or tasks of Ray."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from experiments.loop.events import POLL_S, THREAD_VARIABLES, Event
from experiments.loop.on_ray import execute_on_ray
from experiments.loop.runs import Run
from streamlearn.errors import StreamlearnError

#: Engines that execute runs, by the names of ``--engine``.
ENGINES = ("local", "ray")


def execute_all(
    runs: Sequence[Run],
    n_tasks: int,
    results: Path,
    work: Path,
    processes: int,
    on_event: Callable[[Event], None],
    engine: str = "local",
) -> list[str]:
    """Execute runs in processes of their own; return what went wrong, one sentence a run.

    Interrupting loses at most the task that each process is in: all others are in the checkpoints.

    Parameters
    ----------
    runs : sequence of Run
        All with the same limit.
    n_tasks : int
    results, work : Path
    processes : int
        At most so many at once, 1 or more.
    on_event : callable
        Called in this process.
    engine : {"local", "ray"}
        Processes of this machine, or tasks of Ray (:mod:`experiments.loop.on_ray`).

    Raises
    ------
    MissingError
        If the engine is not installed.
    """
    if engine == "ray":
        return execute_on_ray(runs, n_tasks, results, work, processes, on_event)
    if not runs:
        return []
    context = multiprocessing.get_context("spawn")
    todo, events = context.Queue(), context.Queue()
    count = max(1, min(processes, len(runs)))
    for item in [*runs, *[None] * count]:
        todo.put(item)
    arguments = (todo, events, n_tasks, results, work)
    workers = [context.Process(target=_work, args=arguments, daemon=True) for _ in range(count)]
    failures: list[str] = []
    try:
        with one_thread():
            for worker in workers:
                worker.start()
        for event in _until_done(events, workers):
            if event.error:
                failures.append(f"{event.run.name}: {event.error}")
            on_event(event)
    finally:
        ended = [worker.exitcode for worker in workers]
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()
        for used in (todo, events):
            used.close()
            used.cancel_join_thread()
    failures += [f"a worker process ended with exit code {code}" for code in ended if code]
    return failures


def _until_done(events: Any, workers: Sequence[Any]) -> Iterator[Event]:
    """Yield events until every worker has said that it is done, or has died."""
    finished = 0
    while finished < len(workers):
        try:
            event = events.get(timeout=POLL_S)
        except queue.Empty:
            if not any(worker.is_alive() for worker in workers):
                return
            continue
        if event is None:
            finished += 1
        else:
            yield event


@contextmanager
def one_thread() -> Iterator[None]:
    """Let processes that start now use one thread each."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _work(todo: Any, events: Any, n_tasks: int, results: Path, work: Path) -> None:
    """Take runs until there are none: the life of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends us
    images = None
    while (run := todo.get()) is not None:
        try:
            if images is None:
                images = run.load()
            run.execute(n_tasks, images, results, work, _reporter(events, run))
        except (StreamlearnError, OSError) as error:
            events.put(Event(run, error=str(error)))
    events.put(None)


def _reporter(events: Any, run: Run) -> Callable[[int, float], None]:
    def report(tasks: int, newest: float) -> None:
        parent = multiprocessing.parent_process()
        if parent is not None and not parent.is_alive():  # killed, so that it could not end us
            events.cancel_join_thread()
            raise SystemExit(1)
        events.put(Event(run, tasks, newest))

    return report
