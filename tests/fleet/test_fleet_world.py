"""Boards behind one broker, and everything cut at random: nothing twice, nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("paho.mqtt", reason="paho-mqtt is not installed")

import fleet_worlds
from emulated_boards import alone, build
from fleet_worlds import MOSQUITTO, World

import firmware_sim as fs

if MOSQUITTO is None:
    pytest.importorskip("amqtt", reason="neither mosquitto nor amqtt is installed")


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> fs.Firmware:
    return build(tmp_path_factory.mktemp("world"))


def test_a_small_world(tmp_path: Path, firmware: fs.Firmware) -> None:
    counts = World(12, 3, 8).run(tmp_path, firmware)
    assert counts["samples"] == 24
    assert counts["links lost"] + counts["restored"] > 0, "the canary: something was cut"


def test_a_sample_learned_twice_is_seen(
    tmp_path: Path, firmware: fs.Firmware, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The canary of the checks: they fail, and say how to run this world again."""
    monkeypatch.setattr(fleet_worlds, "alone", lambda rows: alone([*rows, rows[-1]]))
    with pytest.raises(AssertionError, match=r"another state\nagain: python .*--seed 0 --boards 1"):
        World(0, 1, 2).run(tmp_path, firmware)


@pytest.mark.slow
def test_a_hundred_boards_for_an_hour_of_their_time(tmp_path: Path, firmware: fs.Firmware) -> None:
    counts = World(1, 100, 60).run(tmp_path, firmware)
    assert counts["samples"] == 6000
    assert min(counts["links lost"], counts["restored"], counts["bridge killed"]) > 0
