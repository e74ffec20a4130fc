"""A spiking learner on emulated boards: time without labels, resets, and golden's bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firmware_sim as fs
from export.package import write_export
from firmware_sim.link import Request, Status
from streamlearn import MesuClassifier, SpikingClassifier

STEPS = 90


def boot(learner: Any, board: str, folder: Path) -> fs.Device:
    write_export(learner, folder / "export")
    firmware = fs.build_firmware(
        folder / "export", fs.get_board(board), folder / "run", warnings_are_errors=True
    )
    return fs.Device(firmware)


def made(layers: tuple[int, ...] = (3, 20, 9, 4), **given: Any) -> SpikingClassifier:
    return SpikingClassifier(layers, classes=range(layers[-1]), **given)


@pytest.mark.parametrize("board", ["rp2040", "nrf52840"])
def test_a_chip_learns_in_time_as_the_golden_model_does(board: str, tmp_path: Path) -> None:
    """Cortex-M0+ and M4F: every second step has a label, a recording begins every 30 steps."""
    device, golden = boot(made(), board, tmp_path), made(backend="numpy")
    rng = np.random.default_rng(3)
    x = np.cumsum(rng.normal(size=(STEPS, 3)), axis=0).astype(np.float32)
    for t in range(STEPS):
        y = t // 30
        if t % 30 == 0:
            device.reset_time()
            golden.reset()
        assert device.predict(x[t]) == golden.predict_one(x[t])
        if t % 2:
            assert device.learn(x[t], y) == golden.test_then_learn_one(x[t], y)
        else:
            assert device.advance(x[t]) == golden.step(x[t])
    assert device.read_state() == golden.state.tobytes()
    assert golden.activity.events[1] > 0.5, "hidden units fire, or this compares nothing"
    assert golden.n_samples == STEPS // 2


def test_a_request_that_came_twice_lets_one_step_pass(tmp_path: Path) -> None:
    """A host that did not hear the answer asks again: time has not passed twice."""
    device, host = boot(made(), "rp2040", tmp_path), made()
    x = np.ones(3, "<f4")
    frame = fs.link.encode_frame(Request.ADVANCE, 7, x.tobytes())
    assert device.send_bytes(frame, "once") == device.send_bytes(frame, "twice")
    host.step(x)
    assert device.read_state() == host.state.tobytes()


def test_a_dense_learner_knows_no_time(tmp_path: Path) -> None:
    device = boot(MesuClassifier((3, 8, 2), classes=range(2)), "rp2040", tmp_path)
    assert device.exchange(Request.RESET).status == Status.UNKNOWN_TYPE
    assert device.exchange(Request.ADVANCE, bytes(12)).status == Status.UNKNOWN_TYPE
