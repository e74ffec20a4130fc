"""Runs as tasks of Ray, on a stand-in that executes a task when it is asked for.

`test_mesu_runs.py` runs them on Ray itself, where nothing else runs (slow).
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from experiments.errors import MissingError
from experiments.loop import on_ray
from experiments.loop.events import Event
from experiments.loop.runs import Run, Setting
from experiments.loop.workers import execute_all
from streamlearn.errors import StreamFormatError

LOADED: list[int | None] = []


class FakeRun(Run):
    def load(self) -> str:
        LOADED.append(self.limit)
        return "data"

    def execute(self, n_tasks: int, data: Any, *folders: Any) -> Any:
        report = folders[2]
        assert data == "data"
        if self.seed == 1:
            raise StreamFormatError("is no log")
        if self.seed == 2:
            raise RuntimeError("a bug")
        for task in range(n_tasks):
            report(task + 1, 50.0)
        return {}


class RayError(Exception):
    pass


class Reference:
    def __init__(self, error: Exception | None) -> None:
        self.error = error


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    seen: dict[str, Any] = {"most": 0, "running": 0, "down": 0}

    class Queue(list[Event]):
        def __init__(self, actor_options: Any) -> None:
            assert actor_options == {"num_cpus": 0}

        put = list.append

        def qsize(self) -> int:
            return len(self)

        def get_nowait_batch(self, n: int) -> list[Event]:
            found, self[:] = self[:n], self[n:]
            return found

    class Task:
        def __init__(self, work: Any) -> None:
            self.work = work

        def remote(self, *given: Any) -> Any:
            seen["running"] += 1
            seen["most"] = max(seen["most"], seen["running"])
            try:
                self.work(*given)
            except RuntimeError as error:
                return Reference(RayError(f"remote traceback\n{error}"))
            return Reference(None)

    def wait(references: list[Any], timeout: float) -> Any:
        assert timeout > 0
        return references[:1], references[1:]

    def get(reference: Any) -> None:
        seen["running"] -= 1
        if reference.error is not None:
            raise reference.error

    module, util, queue = ModuleType("ray"), ModuleType("ray.util"), ModuleType("ray.util.queue")
    queue.Queue = Queue  # type: ignore[attr-defined]
    module.__dict__.update(
        init=lambda **given: seen.update(given),
        shutdown=lambda: seen.update(down=seen["down"] + 1),
        remote=lambda **_: Task,
        wait=wait,
        get=get,
        exceptions=SimpleNamespace(RayError=RayError),
    )
    for name, one in (("ray", module), ("ray.util", util), ("ray.util.queue", queue)):
        monkeypatch.setitem(sys.modules, name, one)
    return seen


def runs(*seeds: int) -> list[Run]:
    return [FakeRun("x", Setting("sgd"), seed) for seed in seeds]


def test_every_run_tells_and_a_failure_is_its_own(ray: dict[str, Any], tmp_path: Path) -> None:
    on_ray._LOADED.clear()
    LOADED.clear()
    told: list[Event] = []
    failures = execute_all(runs(0, 1, 2, 3, 4), 2, tmp_path, tmp_path, 2, told.append, engine="ray")
    assert failures == ["sgd-seed1: is no log", "sgd-seed2: a bug"]
    assert [(e.run.seed, e.tasks) for e in told if not e.error] == [
        (seed, task) for seed in (0, 3, 4) for task in (1, 2)
    ]
    assert ray["most"] == ray["num_cpus"] == 2
    assert ray["_node_ip_address"] == "127.0.0.1"
    assert (ray["running"], ray["down"]) == (0, 1)
    assert LOADED == [None], "loaded once in a process"


def test_a_cluster_has_its_own_cores(
    ray: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray.example:6379")
    assert execute_all(runs(0), 1, tmp_path, tmp_path, 4, lambda _: None, engine="ray") == []
    assert "num_cpus" not in ray


def test_ctrl_c_ends_what_runs(ray: dict[str, Any], tmp_path: Path) -> None:
    def press(_: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute_all(runs(0, 3), 1, tmp_path, tmp_path, 1, press, engine="ray")
    assert ray["down"] == 1


def test_without_ray_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingError, match=r"streamlearn\[sweep\]"):
        execute_all(runs(0), 1, tmp_path, tmp_path, 1, lambda _: None, engine="ray")
