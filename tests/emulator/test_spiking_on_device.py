"""A spiking learner on emulated boards: time without labels, resets, and golden's bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from in_time import learn_in_time

import firmware_sim as fs
from export.package import write_export
from firmware_sim.link import Request, Status
from quant.rule import RULES
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


BOARDS = ["rp2040", "nrf52840", "riscv-virt"]


@pytest.mark.parametrize("rule", [rule.name for rule in RULES.values() if rule.spiking])
@pytest.mark.parametrize("board", BOARDS)
def test_a_chip_learns_in_time_as_the_golden_model_does(
    board: str, rule: str, tmp_path: Path
) -> None:
    """On M0+, M4F and RV32IMC: every second step has a label, a recording every 30 steps."""
    device = boot(made(rule=rule), board, tmp_path)
    golden = made(rule=rule, backend="numpy")
    learn_in_time(device, golden, STEPS, recording=30)
    assert golden.activity.events[1] > 0.5, "hidden units fire, or this compares nothing"


@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS)
def test_a_thousand_recordings_end_in_one_state_on_chip_host_and_in_onnx(
    board: str, tmp_path: Path
) -> None:
    device, host, block = boot(made(), board, tmp_path), made(), made()
    onnx = onnxruntime.InferenceSession(tmp_path / "export" / "learn_block.onnx")
    names = [output.name for output in onnx.get_outputs()]
    rng = np.random.default_rng(8)
    for recording in range(1000):
        x = np.cumsum(rng.normal(size=(12, 3)), axis=0).astype(np.float32)
        y = np.where(np.arange(12) % 3 < 2, recording % 4, -1)
        for learner in (device, host, block):
            (learner.reset_time if learner is device else learner.reset)()
        for row, label in zip(x, y.tolist(), strict=True):
            if label < 0:
                assert device.advance(row) == host.step(row)
            else:
                assert device.learn(row, label) == host.test_then_learn_one(row, label)
        state = block.state
        given = {name: np.asarray(state[name][0]) for name in state.dtype.names}
        found = dict(zip(names, onnx.run(None, {"x": x, "label": y, **given}), strict=True))
        for name in given:
            state[name][0] = found[f"{name}_next"]
        block.state = state
    assert device.read_state() == host.state.tobytes() == block.state.tobytes()
    assert host.activity.steps == 12_000


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
