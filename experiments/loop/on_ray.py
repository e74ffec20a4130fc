"""Many runs at once on Ray: the cores of this machine, or of a cluster that sees the same folders.

``RAY_ADDRESS`` names a cluster, as Ray's own programs read it. Its machines need the same checkout,
data and results at the same paths: a run goes on from its checkpoint, wherever it is started.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from experiments.errors import MissingError
from experiments.loop.events import POLL_S, THREAD_VARIABLES, Event
from experiments.loop.runs import Run
from streamlearn.errors import StreamlearnError

#: What runs have loaded in this process of Ray's, by the number of images that they are limited to.
_LOADED: dict[tuple[type[Run], int | None], Any] = {}


def execute_on_ray(
    runs: Sequence[Run],
    n_tasks: int,
    results: Path,
    work: Path,
    processes: int,
    on_event: Callable[[Event], None],
) -> list[str]:
    """Execute runs as tasks of Ray; :func:`experiments.loop.workers.execute_all` says the rest.

    A run whose process dies is given to another one once, where it goes on from its checkpoint.

    Raises
    ------
    MissingError
        If Ray is not installed.
    """
    if not runs:
        return []
    with _ray(processes) as ray:
        from ray.util.queue import Queue  # type: ignore[import-not-found, unused-ignore]

        events = Queue(actor_options={"num_cpus": 0})
        task = ray.remote(num_cpus=1, max_retries=1)(_work)
        todo, failures = list(reversed(runs)), list[str]()
        running: dict[Any, Run] = {}

        def told() -> None:
            for event in events.get_nowait_batch(events.qsize()):
                if event.error:
                    failures.append(f"{event.run.name}: {event.error}")
                on_event(event)

        while todo or running:
            while todo and len(running) < processes:
                run = todo.pop()
                running[task.remote(run, n_tasks, results, work, events)] = run
            ended, _ = ray.wait(list(running), timeout=POLL_S)
            told()
            for one in ended:
                run = running.pop(one)
                try:
                    ray.get(one)
                except ray.exceptions.RayError as error:
                    failures.append(f"{run.name}: {str(error).strip().splitlines()[-1]}")
        told()
    return failures


@contextmanager
def _ray(processes: int) -> Iterator[Any]:
    """Yield Ray, begun on this machine or on the cluster of ``RAY_ADDRESS``."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_agent_register_timeout_ms", "120000")  # on a machine that is busy
    try:
        import ray  # type: ignore[import-not-found, unused-ignore]
    except ModuleNotFoundError as error:
        raise MissingError(
            '--engine ray needs Ray, which is not installed: pip install "streamlearn[sweep]"; '
            "--engine local needs nothing"
        ) from error
    variables = dict.fromkeys(THREAD_VARIABLES, "1") | {"PYTHONPATH": os.pathsep.join(sys.path)}
    local: dict[str, Any] = {}
    if not os.environ.get("RAY_ADDRESS"):
        local = {"num_cpus": processes, "_node_ip_address": "127.0.0.1"}
    ray.init(
        **local,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.WARNING,
        runtime_env={"env_vars": variables},
    )
    try:
        yield ray
    finally:
        ray.shutdown()  # ends what still runs: Ctrl-C loses the task that each process is in


def _work(run: Run, n_tasks: int, results: Path, work: Path, events: Any) -> None:
    """Execute one run: a task of Ray's."""

    def report(tasks: int, newest: float) -> None:
        events.put(Event(run, tasks, newest))

    try:
        which = type(run), run.limit
        if which not in _LOADED:
            _LOADED[which] = run.load()
        run.execute(n_tasks, _LOADED[which], results, work, report)
    except (StreamlearnError, OSError) as error:
        events.put(Event(run, error=str(error)))
