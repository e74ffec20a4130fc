"""A learner with a memory on emulated boards: float32 with an FPU and without, golden's bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firmware_sim as fs
from export.package import write_export
from firmware_sim.link import Request, Status
from streamlearn import MesuClassifier, MetaplasticClassifier

LAYERS = (128, 8, 6)
N = 300


def boot(learner: Any, board: str, folder: Path) -> fs.Device:
    write_export(learner, folder / "export")
    firmware = fs.build_firmware(
        folder / "export", fs.get_board(board), folder / "run", warnings_are_errors=True
    )
    return fs.Device(firmware)


def made(kind: Any = MesuClassifier, **given: Any) -> Any:
    return kind(LAYERS, classes=range(6), memory="lda", memory_features=25, **given)


@pytest.mark.parametrize("board", ["rp2040", "stm32f103", "nrf52840", "stm32f746", "stm32u585"])
def test_every_core_has_the_golden_models_bits(board: str, tmp_path: Path, gas: Any) -> None:
    """Cortex-M0+ and M3 in soft float, M4F, M7 and M33 with their FPUs, which could contract."""
    device, golden = boot(made(), board, tmp_path), made(backend="numpy")
    result = device.run_stream(gas.x[:N], gas.y[:N])
    expected = golden.test_then_learn_many(gas.x[:N], gas.y[:N].tolist())
    assert result.predictions.tolist() == expected
    assert device.read_state() == golden.state.tobytes()
    for x in gas.x[N : N + 20]:
        assert device.predict(x) == golden.predict_one(x)
        assert device.recall(x) == golden.recall_one(x)
    assert device.read_state() == golden.state.tobytes()


@pytest.mark.parametrize("memory", ["lda", "mean"])
def test_beside_the_metaplastic_rule_too(memory: str, tmp_path: Path, gas: Any) -> None:
    learners = [
        MetaplasticClassifier((128, 16, 6), classes=range(6), memory=memory, backend=backend)
        for backend in ("c", "numpy")
    ]
    device = boot(learners[0], "rp2040", tmp_path)
    result = device.run_stream(gas.x[:150], gas.y[:150])
    expected = learners[1].test_then_learn_many(gas.x[:150], gas.y[:150].tolist())
    assert result.predictions.tolist() == expected
    assert device.read_state() == learners[1].state.tobytes()


def test_a_learner_without_a_memory_refuses_to_recall(tmp_path: Path, gas: Any) -> None:
    learner = MesuClassifier(LAYERS, classes=range(6))
    device = boot(learner, "nrf52840", tmp_path)
    reply = device.exchange(Request.RECALL, np.asarray(gas.x[0], "<f4").tobytes())
    assert reply.status == Status.LEARNER_ERROR
    assert int.from_bytes(reply.payload, "little", signed=True) == -4
    assert device.exchange(Request.RECALL, b"abc").status == Status.WRONG_LENGTH


def test_canary_other_dither_gives_another_state(tmp_path: Path, gas: Any) -> None:
    device, other = boot(made(), "nrf52840", tmp_path), made(seed=1)
    device.run_stream(gas.x[:20], gas.y[:20])
    other.learn_many(gas.x[:20], gas.y[:20].tolist())
    assert device.read_state() != other.state.tobytes()
