"""The real learner on emulated boards: exported, built, booted; equal to golden, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firmware_sim as fs
from export.package import write_export
from streamlearn import MesuClassifier, MesuFactoredClassifier

LAYERS = (128, 32, 6)


def boot(learner: MesuClassifier | MesuFactoredClassifier, board: str, folder: Path) -> fs.Device:
    write_export(learner, folder / "export")
    firmware = fs.build_firmware(
        folder / "export", fs.get_board(board), folder / "run", warnings_are_errors=True
    )
    return fs.Device(firmware)


def learner(arithmetic: Any = "q16", **more: Any) -> MesuClassifier:
    return MesuClassifier(LAYERS, classes=range(6), arithmetic=arithmetic, **more)


@pytest.mark.parametrize("board", ["rp2040", "nrf52840"])
def test_whole_stream_equals_golden_and_host_zero_tolerance(
    board: str, tmp_path: Path, gas: Any, golden_run: Any, host_c_run: Any
) -> None:
    """All 6,697 samples, over the serial link, on a Cortex-M0+ and a Cortex-M4F."""
    device = boot(learner(), board, tmp_path)
    result = device.run_stream(gas.x, gas.y)
    assert np.array_equal(result.predictions, golden_run.predictions)
    assert np.array_equal(result.predictions, host_c_run.predictions)
    state = device.read_state()
    assert state == golden_run.state
    assert state == host_c_run.state
    used = device.stack_peak_bytes()
    assert used <= device.firmware.ram_bytes.stack_reserved, f"{used} bytes of stack used"
    assert len(np.unique(result.predictions)) == 6


@pytest.mark.parametrize("board", ["stm32f103", "stm32f411", "stm32f746", "stm32u585"])
def test_other_cores_learn_the_same_bits(board: str, tmp_path: Path, gas: Any) -> None:
    """Cortex-M3, -M4F, -M7 and -M33: 300 samples; on the M3's 20 KB, a smaller network."""
    layers = (128, 8, 6) if board == "stm32f103" else LAYERS
    device = boot(MesuClassifier(layers, classes=range(6)), board, tmp_path)
    host = MesuClassifier(layers, classes=range(6))
    result = device.run_stream(gas.x[:300], gas.y[:300])
    expected = []
    for x, y in zip(gas.x[:300], gas.y[:300].tolist(), strict=True):
        expected.append(host.predict_one(x))
        host.learn_one(x, y)
    assert result.predictions.tolist() == expected
    assert device.read_state() == host.state.tobytes()


@pytest.mark.parametrize("board", ["rp2040", "nrf52840"])
def test_factored_variance_on_the_device_equals_the_host(
    board: str, tmp_path: Path, gas: Any
) -> None:
    """Cortex-M0+ and -M4F, 400 samples; in two thirds of the state's bytes."""
    device = boot(MesuFactoredClassifier(LAYERS, classes=range(6)), board, tmp_path)
    host = MesuFactoredClassifier(LAYERS, classes=range(6))
    result = device.run_stream(gas.x[:400], gas.y[:400])
    expected = []
    for x, y in zip(gas.x[:400], gas.y[:400].tolist(), strict=True):
        expected.append(host.predict_one(x))
        host.learn_one(x, y)
    assert result.predictions.tolist() == expected
    assert device.read_state() == host.state.tobytes()
    assert 3 * host.state.nbytes < 2 * learner().state.nbytes


def test_device_goes_on_where_the_host_stopped(tmp_path: Path, gas: Any) -> None:
    """200 samples on the host, 200 on the device, 100 on the host again: one stream of 500."""
    whole, host = learner(), learner()
    for t in range(500):
        whole.learn_one(gas.x[t], int(gas.y[t]))
        if t < 200:
            host.learn_one(gas.x[t], int(gas.y[t]))
    device = boot(host, "nrf52840", tmp_path)
    assert device.read_state() == host.state.tobytes()
    device.run_stream(gas.x[200:400], gas.y[200:400])
    host.state = device.read_state()
    for t in range(400, 500):
        host.learn_one(gas.x[t], int(gas.y[t]))
    assert host.state_sha256 == whole.state_sha256


def test_predicting_on_the_device_changes_nothing_and_agrees(tmp_path: Path, gas: Any) -> None:
    host = learner()
    for t in range(100):
        host.learn_one(gas.x[t], int(gas.y[t]))
    device = boot(host, "rp2040", tmp_path)
    before = device.read_state()
    for x in gas.x[100:130]:
        assert device.predict(x) == host.predict_one(x)
    assert device.read_state() == before


def test_bad_samples_leave_the_state(tmp_path: Path, gas: Any) -> None:
    device = boot(learner(), "nrf52840", tmp_path)
    device.run_stream(gas.x[:20], gas.y[:20])
    before = device.read_state()
    x = gas.x[:3].copy()
    x[0, 5], x[1, 127] = np.nan, -np.inf
    result = device.run_stream(x, [0, 1, 6], on_refusal="record")
    assert (result.statuses != 0).all()
    assert device.read_state() == before


def test_float32_on_the_cortex_m4f_agrees_with_the_host(
    tmp_path: Path, gas: Any, host_float32_run: Any
) -> None:
    """Predictions the same; the state to rounding, since another compiler may fuse or reorder."""
    device = boot(learner("float32"), "nrf52840", tmp_path)
    n = 1000
    result = device.run_stream(gas.x[:n], gas.y[:n])
    same = np.mean(result.predictions == host_float32_run.predictions[:n])
    host = learner("float32")
    for x, y in zip(gas.x[:n], gas.y[:n].tolist(), strict=True):
        host.learn_one(x, y)
    on_device = np.frombuffer(device.read_state(), host.state.dtype)
    equal = on_device.tobytes() == host.state.tobytes()
    worst = max(
        np.abs(on_device[field] - host.state[field]).max() / np.abs(host.state[field]).max()
        for field in ("mean", "variance", "mu", "sigma")
    )
    print(f"float32: {same:.2%} of predictions the same, bits equal: {equal}, worst {worst:.1e}")
    assert same >= 0.995
    assert worst < 1e-2
    for field in ("n_samples", "seed", "front_end_count"):
        assert on_device[field][0] == host.state[field][0]


def test_canary_another_seed_gives_another_state(tmp_path: Path, gas: Any) -> None:
    one = boot(learner(seed=1), "nrf52840", tmp_path / "a")
    other = boot(learner(), "nrf52840", tmp_path / "b")
    one.run_stream(gas.x[:20], gas.y[:20])
    other.run_stream(gas.x[:20], gas.y[:20])
    assert one.read_state() != other.read_state()


def test_a_device_says_which_features_it_cannot_see(tmp_path: Path, gas: Any) -> None:
    """A bad row is held on the device as on the host, and HEALTH says so."""
    host = learner()
    device = boot(host, "nrf52840", tmp_path)
    x = gas.x[:60].copy()
    x[59, :100] = 3e38
    for part, blind in ((slice(0, 59), 0), (slice(59, 60), 100)):
        device.run_stream(x[part], gas.y[part])
        for row, label in zip(x[part], gas.y[part].tolist(), strict=True):
            host.test_then_learn_one(row, label)
        health = device.health()
        assert (health.blind, health.step) == (host.levels.blind, host.levels.step)
        assert health.saturations == vars(host.saturations)
        assert health.blind >= blind
