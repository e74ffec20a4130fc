"""A regressor on emulated boards: exported, built, booted; equal to golden, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firmware_sim as fs
from export.package import write_export
from quant.state import state_to_bytes
from streamlearn import MesuRegressor
from streamlearn.engines import make_engine
from streamlearn.streams import TargetStream, load_gas_concentration

LAYERS = (128, 32, 1)
N = 1200


@pytest.fixture(scope="module")
def stream() -> TargetStream:
    return load_gas_concentration(limit=N + 100)


@pytest.fixture(scope="module")
def golden(stream: TargetStream) -> tuple[np.ndarray, bytes]:
    """Predictions float32[N, 3] and the state's bytes of the golden model."""
    learner = MesuRegressor(LAYERS)
    engine, state = make_engine(learner.spec, learner.config, "q16", "numpy"), learner.state
    found = [
        engine.learn(state, x.astype(np.float64), y)
        for x, y in zip(stream.x[:N], stream.y[:N].tolist(), strict=True)
    ]
    return np.array(found, np.float32), state_to_bytes(state)


def boot(learner: MesuRegressor, board: str, folder: Path) -> fs.Device:
    write_export(learner, folder / "export")
    firmware = fs.build_firmware(
        folder / "export", fs.get_board(board), folder / "run", warnings_are_errors=True
    )
    return fs.Device(firmware)


@pytest.mark.parametrize("board", ["rp2040", "nrf52840"])
def test_the_stream_equals_golden_zero_tolerance(
    board: str, tmp_path: Path, stream: TargetStream, golden: Any
) -> None:
    """Predictions, spreads and state on a Cortex-M0+ and a Cortex-M4F, every bit."""
    device = boot(MesuRegressor(LAYERS), board, tmp_path)
    assert device.hello().n_classes == 0
    result = device.run_stream(stream.x[:N], stream.y[:N])
    predictions, state = golden
    assert np.array_equal(result.predictions.view(np.uint32), predictions.view(np.uint32))
    assert device.read_state() == state
    used = device.stack_peak_bytes()
    assert used <= device.firmware.ram_bytes.stack_reserved, f"{used} bytes of stack used"
    assert len(np.unique(result.predictions[2:], axis=0)) > N / 2


def test_device_goes_on_where_the_host_stopped(tmp_path: Path, stream: TargetStream) -> None:
    whole, host = MesuRegressor(LAYERS), MesuRegressor(LAYERS)
    for t in range(300):
        whole.learn_one(stream.x[t], stream.y[t])
        if t < 100:
            host.learn_one(stream.x[t], stream.y[t])
    device = boot(host, "nrf52840", tmp_path)
    device.run_stream(stream.x[100:200], stream.y[100:200])
    host.state = device.read_state()
    for t in range(200, 300):
        host.learn_one(stream.x[t], stream.y[t])
    assert host.state_sha256 == whole.state_sha256


def test_single_requests_agree_and_predicting_changes_nothing(
    tmp_path: Path, stream: TargetStream
) -> None:
    host = MesuRegressor(LAYERS)
    for x, y in zip(stream.x[:50], stream.y[:50], strict=True):
        host.learn_one(x, y)
    device = boot(host, "rp2040", tmp_path)
    before = device.read_state()
    for x in stream.x[50:60]:
        assert device.predict_target(x) == host.predict_distribution_one(x)
    assert device.read_state() == before
    expected = host.test_then_learn_one(stream.x[60], stream.y[60])
    assert device.learn_target(stream.x[60], stream.y[60]) == expected
    assert device.read_state() == host.state.tobytes()


def test_bad_samples_leave_the_state(tmp_path: Path, stream: TargetStream) -> None:
    device = boot(MesuRegressor(LAYERS), "nrf52840", tmp_path)
    device.run_stream(stream.x[:20], stream.y[:20])
    before = device.read_state()
    x, y = stream.x[:3].copy(), stream.y[:3].copy()
    x[0, 5], y[1], y[2] = np.nan, np.inf, np.nan
    result = device.run_stream(x, y, on_refusal="record")
    assert (result.statuses == fs.link.Status.NOT_FINITE).all()
    assert np.isnan(result.predictions).all()
    assert device.read_state() == before
    with pytest.raises(fs.RefusedError, match="NaN or infinite"):
        device.learn_target(stream.x[0], np.nan)


def test_verbs_of_the_other_kind_are_refused(tmp_path: Path, stream: TargetStream) -> None:
    device = boot(MesuRegressor(LAYERS), "nrf52840", tmp_path)
    with pytest.raises(fs.InputError, match="predicts a number"):
        device.predict(stream.x[0])
    with pytest.raises(fs.InputError, match="predicts a number"):
        device.learn(stream.x[0], 1)
    with pytest.raises(fs.InputError, match=r"expected float\[2\]"):
        device.run_stream(stream.x[:2], ["a", "b"])


def test_float32_on_the_cortex_m4f_agrees_with_the_host(
    tmp_path: Path, stream: TargetStream
) -> None:
    """To rounding, since another compiler may fuse or reorder."""
    device = boot(MesuRegressor(LAYERS, arithmetic="float32"), "nrf52840", tmp_path)
    n = 300
    result = device.run_stream(stream.x[:n], stream.y[:n])
    host = MesuRegressor(LAYERS, arithmetic="float32")
    expected = [
        host.test_then_learn_one(x, y) for x, y in zip(stream.x[:n], stream.y[:n], strict=True)
    ]
    np.testing.assert_allclose(result.predictions, np.array(expected, np.float32), rtol=1e-2)


def test_canary_another_target_gives_another_state(tmp_path: Path, stream: TargetStream) -> None:
    device = boot(MesuRegressor(LAYERS), "nrf52840", tmp_path)
    states = []
    for shift in (0, 0.01):
        device.power_on()
        device.run_stream(stream.x[:10], stream.y[:10] + np.float32(shift) * np.arange(10) % 2)
        states.append(device.read_state())
    assert states[0] != states[1]
