"""Steps without a label on a chip, which draws no noise for units that cannot fire."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import firmware_sim as fs
from export.package import write_export
from streamlearn import SpikingClassifier


@pytest.mark.parametrize(
    ("board", "n_draws"), [("rp2040", 3), ("rp2040", 4), ("rp2040", 8), ("riscv-virt", 4)]
)
def test_a_chip_lets_time_pass_as_the_golden_model_does(
    board: str, n_draws: int, tmp_path: Path
) -> None:
    """From quiet to most units alive, more than are added up in one go; then of full charges."""
    golden = SpikingClassifier(
        (3, 40, 12, 5), classes=range(5), n_draws=n_draws, front_end="none", backend="numpy"
    )
    write_export(golden, tmp_path / "export")
    device = fs.Device(
        fs.build_firmware(tmp_path / "export", fs.get_board(board), tmp_path / "run")
    )
    signal = np.cumsum(np.random.default_rng(3).normal(size=(60, 3)), axis=0).astype(np.float32)
    for x in 2 * signal:
        assert device.predict(x) == golden.predict_one(x)
        assert device.advance(x) == golden.step(x)
    assert device.read_state() == golden.state.tobytes()
    fired = golden.state["output_trace"][0, : 40 * n_draws].reshape(40, n_draws).any(axis=1)
    assert 32 < fired.sum() < 40
    state = golden.state
    state["charge_variance"], state["charge_mean"] = (1 << 31) - 1, 1 << 30
    golden.state = state
    device.write_state(state.tobytes())
    host = SpikingClassifier.from_bytes(golden.to_bytes(), "c")
    for x in signal[:3]:
        assert device.advance(x) == golden.step(x) == host.step(x)
    assert device.read_state() == golden.state.tobytes() == host.state.tobytes()
