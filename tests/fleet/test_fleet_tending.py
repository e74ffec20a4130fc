"""One device at its link: each sample is learned once, whatever is cut, and in whatever order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from emulated_boards import Cable, alone, build, learner, message, place, registered, samples

import firmware_sim as fs
from streamlearn.fleet.devices import Registry, jobs
from streamlearn.fleet.devices.facts import facts
from streamlearn.fleet.devices.tending import Tending
from streamlearn.fleet.devices.twin import Twin

NAME = "pump 1"
ROWS = samples(3, 12)


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> fs.Firmware:
    return build(tmp_path_factory.mktemp("fleet"))


@pytest.fixture
def cable(firmware: fs.Firmware) -> Cable:
    return Cable(firmware)


@pytest.fixture
def registry(tmp_path: Path) -> Any:
    found = registered(tmp_path / "fleet", [NAME])
    yield found
    found.close()


def give(registry: Registry, first: int, end: int) -> None:
    for number in range(first, end):
        x, y = ROWS[number - 1]
        registry.take(NAME, number, message(number, x, y))


def work(one: Tending, tries: int = 60) -> int:
    """Work until nothing waits; return how often the link went."""
    went = 0
    for _ in range(tries):
        try:
            if not one.work():
                return went
        except one.place.gone:
            one.drop()
            went += 1
    raise AssertionError("it never ended")


def check(registry: Registry, cable: Cable, n: int) -> None:
    wanted, said = alone(ROWS[:n])
    assert cable.device.read_state() == wanted.state.tobytes()
    (known,) = facts(registry)
    assert (known["number"], known["samples"], known["waiting"]) == (n, n, 0)
    assert known["state"] == wanted.state_sha256
    right = [a == y for a, (_, y) in zip(said, ROWS, strict=False)]
    assert known["accuracy"] == pytest.approx(sum(right) / n)
    bodies = [json.loads(row["body"]) for row in registry.unsaid(0, 999)
              if row["kind"] == "prediction"]  # fmt: skip
    assert bodies == [{"n": i, "predicted": one} for i, one in enumerate(said, 1)]


def test_samples_are_learned_in_order_and_once(registry: Registry, cable: Cable) -> None:
    one = Tending(registry, NAME, place(cable))
    give(registry, 4, 7)
    give(registry, 1, 3)
    work(one)
    assert facts(registry)[0]["number"] == 2, "the third has not come"
    give(registry, 1, 13)
    work(one)
    give(registry, 1, 13)
    work(one)
    one.close()
    check(registry, cable, 12)
    assert registry.device(NAME)["repeated"] == 5 + 12


def test_a_cut_at_every_byte_of_a_sample(registry: Registry, cable: Cable) -> None:
    """The cable is pulled within a request, at each byte of it, and behind the request."""
    one, went = Tending(registry, NAME, place(cable)), 0
    for number, at in enumerate((1, 5, 13, 20, 25, 26, 27, 30), 1):
        if number % 3:
            work(one)  # the link is open when the sample comes, or not
        else:
            one.drop()
        give(registry, number, number + 1)
        cable.cut_after = at
        for _ in range(9):
            try:
                while one.work():
                    pass
                break
            except OSError:
                went += 1
                one.drop()
                cable.plugged = True
        check(registry, cable, number)
    one.close()
    assert went == 8, "the canary: it was pulled each time"


def test_answers_that_are_lost_are_asked_for_again(registry: Registry, cable: Cable) -> None:
    one = Tending(registry, NAME, place(cable))
    work(one)
    for number in range(1, 4):
        give(registry, number, number + 1)
        cable.lose = 2 * number
        work(one)
        check(registry, cable, number)
    one.close()
    assert cable.lose == 0


def test_a_board_that_lost_its_power_gets_its_state_again(registry: Registry, cable: Cable) -> None:
    one = Tending(registry, NAME, place(cable))
    for number, at in enumerate((400, 2_000, 20_000, 3, 60_000), 1):
        give(registry, number, number + 1)
        cable.power = fs.Cut(instruction=at)
        work(one)
        check(registry, cable, number)
    one.close()
    assert registry.device(NAME)["restored"] >= 2


@pytest.mark.parametrize("after", ["record", "device"])
def test_a_process_that_ended_between_record_and_registry(
    registry: Registry, cable: Cable, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    one = Tending(registry, NAME, place(cable))
    give(registry, 1, 4)
    work(one)
    give(registry, 4, 5)
    with monkeypatch.context() as patched:
        where: Any = Twin if after == "record" else Registry
        name = "taught" if after == "record" else "learned"

        def killed(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patched.setattr(where, name, killed)
        with pytest.raises(KeyboardInterrupt):
            work(one)
    one.close()
    assert registry.device(NAME)["number"] == 3
    other = Tending(registry, NAME, place(cable))
    work(other)
    other.close()
    check(registry, cable, 4)
    assert registry.device(NAME)["restored"] == 0, "it learned the sample itself"


def test_a_flipped_bit_is_seen_and_mended(registry: Registry, cable: Cable) -> None:
    one = Tending(registry, NAME, place(cable))
    give(registry, 1, 5)
    work(one)
    cable.flip()
    (job,) = jobs.read_all(registry, [NAME])
    work(one)
    assert jobs.found(registry, [job])[0]["result"] != alone(ROWS[:4])[0].state.tobytes()
    one.drop()
    give(registry, 5, 6)
    work(one)
    one.close()
    check(registry, cable, 5)
    assert registry.device(NAME)["restored"] == 1


def test_a_board_behind_a_key_takes_nothing_from_who_has_another(
    registry: Registry, tmp_path: Path
) -> None:
    key = bytes(range(32))
    cable = Cable(build(tmp_path, key), key)
    one = Tending(registry, NAME, place(cable))
    give(registry, 1, 4)
    work(one)
    one.drop()
    for other in (None, key[::-1]):
        cable.key = other
        for _ in range(3):
            with pytest.raises(fs.FirmwareSimError):
                one.work()
            one.drop()
    cable.key = key
    cable.device.power_on()
    work(one)
    one.close()
    check(registry, cable, 3)


def test_what_cannot_be_learned_has_its_number_all_the_same(
    registry: Registry, cable: Cable
) -> None:
    one = Tending(registry, NAME, place(cable))
    bad = ['{"n": 1}', '{"n": 2, "x": [1, 2], "y": "idle"}', message(3, [1, 2, 3], "broken"),
           '{"n": 4, "x": [NaN, 1, 1], "y": "idle"}', '{"n": 5, "x": [1e300, 1, 1], "y": "idle"}',
           '{"n": 6, "x": "?", "y": "idle"}', '{"n": 7, "x": [1, 1, 1], "y": ["idle"]}',
           '{"n": 8, "x": [1, 1, 1' + "0" * 400 + '], "y": "idle"}',
           '{"n": 9, "x": [1, [1], {"a": null}], "y": "idle"}',
           '{"n": 10, "x": {"a": 1, "b": 2, "c": "?"}, "y": {"a": "idle"}}',
           '{"n": 11, "x": null, "y": "idle"}', message(12, [1, 1, 1], None)]  # fmt: skip
    for number, sample in enumerate(bad, 1):
        registry.take(NAME, number, sample)
    work(one)
    one.close()
    row = registry.device(NAME)
    assert (row["number"], row["samples"], row["refused"]) == (12, 0, 11)
    assert cable.device.read_state() == learner().state.tobytes()
    said = [
        json.loads(row["body"]) for row in registry.unsaid(0, 99) if row["kind"] == "prediction"
    ]
    assert all("refused" in body for body in said[:11])
    assert said[11]["predicted"] in ("idle", "worn")
