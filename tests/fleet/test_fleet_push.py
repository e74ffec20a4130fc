"""An image goes to devices: checked on each, one wave behind the other, and back again."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emulated_boards import LABELS, Cable, build, learner, message, place, registered, samples

import firmware_sim as fs
from streamlearn import MesuClassifier
from streamlearn.errors import ConfigError
from streamlearn.fleet.devices import Keeper, Registry, jobs, pushing
from streamlearn.fleet.devices.facts import facts
from streamlearn.recorder.record import Record

NAMES = [f"pump-{i}" for i in range(4)]


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> fs.Firmware:
    return build(tmp_path_factory.mktemp("push"))


@pytest.fixture
def cables(firmware: fs.Firmware) -> dict[str, Cable]:
    return {name: Cable(firmware) for name in NAMES}


@pytest.fixture
def registry(tmp_path: Path) -> Any:
    found = registered(tmp_path / "fleet", NAMES)
    yield found
    found.close()


@pytest.fixture
def keeper(registry: Registry, cables: dict[str, Cable]) -> Any:
    with Keeper(
        registry, lambda row: place(cables[row["name"]]), backoff=lambda: itertools.repeat(0.05)
    ) as found:
        yield found


def taught(n: int) -> MesuClassifier:
    """A learner that knows more: what is pushed."""
    made = learner()
    for x, y in samples(99, n):
        made.learn_one(np.array(x, np.float32), y)
    return made


def give(keeper: Keeper, name: str, first: int, end: int) -> None:
    rows = samples(NAMES.index(name), 99)
    for number in range(first, end):
        keeper.registry.take(name, number, message(number, *rows[number - 1]))
    keeper.wake(name)
    assert keeper.wait(60, [name])


def ended(registry: Registry, ids: list[int], keeper: Keeper) -> list[str]:
    for _ in range(200):
        found = jobs.found(registry, ids)
        if all(job["state"] in jobs.OVER for job in found):
            return [job["state"] for job in found]
        for name in NAMES:
            keeper.wake(name)
        keeper.wait(0.1)
    raise AssertionError([tuple(job) for job in found])


def test_push_and_back(registry: Registry, keeper: Keeper, cables: dict[str, Cable]) -> None:
    for name in NAMES:
        give(keeper, name, 1, 4)
    before = {name: cables[name].device.read_state() for name in NAMES}
    image = taught(20)
    with pytest.raises(ConfigError, match="pump-0 never held another image"):
        jobs.rollback(registry, NAMES)
    assert ended(registry, jobs.push(registry, image.to_bytes(), NAMES), keeper) == ["done"] * 4
    for name in NAMES:
        give(keeper, name, 4, 6)
    assert {(one["number"], one["samples"]) for one in facts(registry)} == {(5, 22)}
    assert jobs.have(registry, image.to_bytes()) == set(NAMES)
    for name in NAMES:
        wanted = taught(20)
        for x, y in samples(NAMES.index(name), 99)[3:5]:
            wanted.learn_one(np.array(x, np.float32), y)
        assert cables[name].device.read_state() == wanted.state.tobytes()
        assert Record(registry.folder / registry.device(name)["record"]).n_samples == 2
    assert ended(registry, jobs.rollback(registry, NAMES), keeper) == ["done"] * 4
    assert {name: cables[name].device.read_state() for name in NAMES} == before
    assert {(one["number"], one["samples"]) for one in facts(registry)} == {(5, 3)}


def test_another_learners_image_is_refused_and_the_others_are_held_back(
    registry: Registry, keeper: Keeper
) -> None:
    for other, said in (
        (MesuClassifier((3, 5, 2), classes=LABELS), "network"),
        (MesuClassifier((3, 4, 2), classes=LABELS[::-1]), "the labels"),
    ):
        ids = jobs.push(registry, other.to_bytes(), NAMES)
        assert ended(registry, ids, keeper) == ["failed", *["held back"] * 3]
        why = jobs.found(registry, ids)[0]["why"]
        assert "another learner than the firmware" in why
        assert said in why


def test_an_image_that_predicts_otherwise_does_not_count(
    registry: Registry, keeper: Keeper, cables: dict[str, Cable], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second device is faulty: the first keeps the image, and no other one gets it."""
    give(keeper, "pump-1", 1, 4)
    before = cables["pump-1"].device.read_state()
    real, asked = pushing.predicts_alike, []

    def faulty(new: Any, link: Any, x: Any) -> bool:
        asked.append(x)
        return real(new, link, x) and len(asked) == 1

    monkeypatch.setattr(pushing, "predicts_alike", faulty)
    ids = jobs.push(registry, taught(5).to_bytes(), NAMES)
    assert ended(registry, ids, keeper)[:2] == ["done", "failed"]
    assert "predicts otherwise" in jobs.found(registry, ids)[1]["why"]
    assert cables["pump-1"].device.read_state() == before
    give(keeper, "pump-1", 4, 6)
    assert registry.device("pump-1")["samples"] == 5


@pytest.mark.parametrize("at", [30, 700, 1400])
def test_a_cable_that_is_pulled_within_a_push(
    registry: Registry, keeper: Keeper, cables: dict[str, Cable], at: int
) -> None:
    give(keeper, "pump-0", 1, 4)
    cables["pump-0"].cut_after = at
    ids = jobs.push(registry, taught(9).to_bytes(), ["pump-0"])
    for _ in range(40):
        keeper.wake("pump-0")
        keeper.wait(0.05)
        cables["pump-0"].plugged = True
    assert ended(registry, ids, keeper) == ["done"]
    assert cables["pump-0"].device.read_state() == taught(9).state.tobytes()


def test_a_share_grows_and_the_first_is_alone() -> None:
    names = [f"pump-{i}" for i in range(50)]
    some, more = jobs.share(names, 0.1), jobs.share(names, 0.5)
    assert len(some) == 5
    assert len(more) == 25
    assert more[:5] == some
    assert jobs.share(names, 0.001) == some[:1]
