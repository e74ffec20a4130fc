"""The metaplastic learner on emulated boards: exported, built, booted; golden's bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firmware_sim as fs
from export.package import write_export
from streamlearn import MetaplasticClassifier

LAYERS = (128, 64, 6)


def boot(learner: MetaplasticClassifier, board: str, folder: Path) -> fs.Device:
    write_export(learner, folder / "export")
    firmware = fs.build_firmware(
        folder / "export", fs.get_board(board), folder / "run", warnings_are_errors=True
    )
    return fs.Device(firmware)


@pytest.mark.parametrize("board", ["rp2040", "nrf52840"])
def test_whole_stream_equals_golden_zero_tolerance(
    board: str, tmp_path: Path, gas: Any, metaplastic_golden_run: Any
) -> None:
    """All 6,697 samples, over the serial link, on a Cortex-M0+ and a Cortex-M4F."""
    learner = MetaplasticClassifier(LAYERS, classes=range(6), bias=False)
    device = boot(learner, board, tmp_path)
    result = device.run_stream(gas.x, gas.y)
    assert np.array_equal(result.predictions, metaplastic_golden_run.predictions)
    assert device.read_state() == metaplastic_golden_run.state
    used = device.stack_peak_bytes()
    assert used <= device.firmware.ram_bytes.stack_reserved, f"{used} bytes of stack used"


@pytest.mark.parametrize("board", ["stm32f103", "stm32f411", "stm32f746", "stm32u585"])
def test_other_cores_learn_the_same_bits(board: str, tmp_path: Path, gas: Any) -> None:
    """Cortex-M3, -M4F, -M7 and -M33: 300 samples of a network of odd sizes, with biases."""
    layers = (128, 29, 13, 6)
    device = boot(MetaplasticClassifier(layers, classes=range(6), bias=True), board, tmp_path)
    host = MetaplasticClassifier(layers, classes=range(6), bias=True)
    result = device.run_stream(gas.x[:300], gas.y[:300])
    expected = [
        host.test_then_learn_one(x, y)
        for x, y in zip(gas.x[:300], gas.y[:300].tolist(), strict=True)
    ]
    assert result.predictions.tolist() == expected
    assert device.read_state() == host.state.tobytes()


@pytest.mark.parametrize(("board", "gates"), [("rp2040", (40, 12)), ("nrf52840", (16, 5))])
def test_gates_choose_the_same_blocks(
    board: str, gates: tuple[int, int], tmp_path: Path, gas: Any
) -> None:
    """Blocks of 2 and of 5 units, which end inside words; 300 samples against the golden model."""
    kind = {"classes": range(6), "n_blocks": gates[0], "n_active": gates[1], "bias": True}
    device = boot(MetaplasticClassifier((128, 80, 6), **kind), board, tmp_path)
    golden = MetaplasticClassifier((128, 80, 6), **kind, backend="numpy")
    result = device.run_stream(gas.x[:300], gas.y[:300])
    expected = [
        golden.test_then_learn_one(x, y)
        for x, y in zip(gas.x[:300], gas.y[:300].tolist(), strict=True)
    ]
    assert result.predictions.tolist() == expected
    assert device.read_state() == golden.state.tobytes()
    without = MetaplasticClassifier((128, 80, 6), classes=range(6), bias=True)
    others = [
        without.test_then_learn_one(x, y)
        for x, y in zip(gas.x[:300], gas.y[:300].tolist(), strict=True)
    ]
    assert others != expected


def test_device_goes_on_where_the_host_stopped_and_back(tmp_path: Path, gas: Any) -> None:
    """150 samples on the host, 100 on the device, 50 on the host again: one stream of 300."""
    whole, host = (MetaplasticClassifier(LAYERS, classes=range(6), seed=3) for _ in range(2))
    for t in range(300):
        whole.learn_one(gas.x[t], int(gas.y[t]))
        if t < 150:
            host.learn_one(gas.x[t], int(gas.y[t]))
    device = boot(host, "nrf52840", tmp_path)
    before = device.read_state()
    assert before == host.state.tobytes()
    for x in gas.x[150:160]:
        assert device.predict(x) == host.predict_one(x)
    assert device.read_state() == before
    device.run_stream(gas.x[150:250], gas.y[150:250])
    host.state = device.read_state()
    for t in range(250, 300):
        host.learn_one(gas.x[t], int(gas.y[t]))
    assert host.state_sha256 == whole.state_sha256


def test_canary_another_seed_gives_another_state(tmp_path: Path, gas: Any) -> None:
    states = []
    for seed in (0, 1):
        learner = MetaplasticClassifier(LAYERS, classes=range(6), seed=seed)
        device = boot(learner, "nrf52840", tmp_path / str(seed))
        device.run_stream(gas.x[:20], gas.y[:20])
        states.append(device.read_state())
    assert states[0] != states[1]
