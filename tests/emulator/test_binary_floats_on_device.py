"""Binary weights in float32 on an emulated board with an FPU: it agrees with the desk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firmware_sim as fs
from export.package import write_export
from streamlearn import BimuClassifier, MetaplasticClassifier

#: Learners, what they are told, and the field of their weights.
LEARNERS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "BiMU": (BimuClassifier, {}, "belief"),
    "BiMU, relaxed": (BimuClassifier, {"relaxed": 1}, "belief"),
    "metaplastic": (MetaplasticClassifier, {}, "hidden_weight"),
    "metaplastic, gated, adaptive": (
        MetaplasticClassifier,
        {"n_blocks": 6, "n_active": 4, "step": "adaptive"},
        "hidden_weight",
    ),
}
EACH = pytest.mark.parametrize("name", LEARNERS)


def boot(name: str, folder: Path, optimize: str = "speed") -> tuple[Any, fs.Device]:
    """A learner on the desk, and the same on a board."""
    cls, given, _ = LEARNERS[name]
    learner = cls((128, 12, 6), classes=range(6), arithmetic="float32", **given)
    write_export(learner, folder / "export")
    firmware = fs.build_firmware(
        folder / "export",
        fs.get_board("nrf52840"),
        folder / "run",
        warnings_are_errors=True,
        optimize=optimize,
    )
    return learner, fs.Device(firmware)


@EACH
def test_the_cortex_m4f_agrees_with_the_desk(name: str, tmp_path: Path, gas: Any) -> None:
    """To rounding: a product and its sum are rounded once on the desk, twice on the chip.

    A desk keeps what BiMU's weights are for the update, a chip computes it again.
    """
    learner, device = boot(name, tmp_path)
    result = device.run_stream(gas.x[:100], gas.y[:100])
    expected, field = [], LEARNERS[name][2]
    start = learner.state[field].copy()
    for x, y in zip(gas.x[:100], gas.y[:100].tolist(), strict=True):
        expected.append(learner.predict_one(x))
        learner.learn_one(x, y)
    on_device = np.frombuffer(device.read_state(), learner.state.dtype)
    apart = np.abs(on_device[field] - learner.state[field])
    assert np.mean(result.predictions == expected) >= 0.97
    assert np.quantile(apart, 0.9) < 1e-3
    assert np.abs(learner.state[field] - start).max() > 0.05, "weights move"


@EACH
def test_the_build_for_size_has_the_bits_of_that_for_speed(
    name: str, tmp_path: Path, gas: Any
) -> None:
    """All files are compiled as one: a name of one file must not mean another thing in the next."""
    states = []
    for optimize in ("speed", "size"):
        _, device = boot(name, tmp_path / optimize, optimize)
        device.run_stream(gas.x[:60], gas.y[:60])
        states.append(device.read_state())
    assert states[0] == states[1]
