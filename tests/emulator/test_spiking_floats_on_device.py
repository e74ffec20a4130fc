"""Spiking layers in float32 on emulated boards: an FPU, or none, comes to what the desk has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firmware_sim as fs
from export.package import write_export
from quant.spiking import CHARGES, TRACES, recurrence
from streamlearn import SpikingClassifier

STEPS, CLASSES = 240, 4
#: One board of each core that has an FPU; the others emulate every operation.
BOARDS = [
    "nrf52840",
    *(pytest.param(b, marks=pytest.mark.slow) for b in ("stm32f746", "stm32u585", "mps2-an386")),
    *(pytest.param(b, marks=pytest.mark.slow) for b in ("rp2040", "mps2-an385", "riscv-virt")),
]


#: With recurrent connections: settings with which both hidden layers fire often.
KINDS: dict[str, dict[str, Any]] = {
    "feedforward": {},
    "recurrent": {"recurrent": True, "sigma_init": 1.5},
    "averaged": {"average_window": 128},
    "BiMU": {"rule": "bimu"},
    "BiMU, recurrent": {"rule": "bimu", "recurrent": True},
    "metaplastic": {"rule": "metaplastic"},
    "metaplastic, recurrent": {"rule": "metaplastic", "recurrent": True, "unit_threshold": 0.2},
}
#: What a rule keeps beside the traces.
KEPT = {"mesu": ("mu", "sigma", *CHARGES), "bimu": ("belief",), "metaplastic": ("hidden_weight",)}
EACH_KIND = pytest.mark.parametrize("kind", KINDS)


def made(kind: str) -> SpikingClassifier:
    return SpikingClassifier(
        (3, 20, 9, CLASSES), classes=range(CLASSES), arithmetic="float32", **KINDS[kind]
    )


def boot(kind: str, board: str, folder: Path, optimize: str = "speed") -> fs.Device:
    write_export(made(kind), folder / "export")
    firmware = fs.build_firmware(
        folder / "export",
        fs.get_board(board),
        folder / optimize,
        warnings_are_errors=True,
        optimize=optimize,
    )
    return fs.Device(firmware)


def signal(n: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(3).normal(size=(n, 3)), axis=0).astype(np.float32)


@EACH_KIND
@pytest.mark.parametrize("board", BOARDS)
def test_a_board_agrees_with_the_desk(board: str, kind: str, tmp_path: Path) -> None:
    """Predictions the same; the state to rounding, for a compiler may fuse or reorder.

    Every third step has no label, a recording ends after 60 steps.
    """
    device, host, same = boot(kind, board, tmp_path), made(kind), 0
    for t, x in enumerate(signal(STEPS)):
        y = t // 60
        if t % 60 == 0:
            device.reset_time()
            host.reset()
        same += device.predict(x) == host.predict_one(x)
        assert device.predict(x, draws=False) in range(CLASSES)
        if t % 3:
            device.learn(x, y)
            host.learn_one(x, y)
        else:
            device.advance(x)
            host.step(x)
    assert same >= 0.995 * STEPS
    found, state = np.frombuffer(device.read_state(), host.state.dtype), host.state
    for field in (*KEPT[host.rule], "delta_reference"):
        assert np.abs(found[field] - state[field]).max() < 1e-2 * np.abs(state[field]).max(), field
    for field in ("n_samples", "time_steps", "seed", "front_end_count"):
        assert found[field][0] == state[field][0]
    # A spike may come a step later: where a membrane stands at the threshold.
    assert np.allclose(found["events"], state["events"], rtol=0.01)
    assert host.activity.events[1] > 0.5, "hidden units fire, or this compares nothing"
    assert host.activity.events[2] > 0.1
    if host.recurrent:
        assert host.state["own_trace"].any()
    device.reset_time()
    found = np.frombuffer(device.read_state(), host.state.dtype)
    kept = {*TRACES, *recurrence.FIELDS} & {*host.state.dtype.names}
    assert not any(found[name].any() for name in kept)


@EACH_KIND
def test_the_build_for_size_has_the_bits_of_that_for_speed(kind: str, tmp_path: Path) -> None:
    states = []
    for optimize in ("speed", "size"):
        device = boot(kind, "nrf52840", tmp_path, optimize)
        for t, x in enumerate(signal(60)):
            device.learn(x, t // 15) if t % 3 else device.advance(x)
        states.append(device.read_state())
    assert states[0] == states[1]
    assert states[0] != made(kind).state.tobytes()


@EACH_KIND
def test_a_state_goes_to_the_board_and_back(kind: str, tmp_path: Path) -> None:
    device, host = boot(kind, "nrf52840", tmp_path), made(kind)
    for t, x in enumerate(signal(60)):
        host.learn_one(x, t // 15)
    device.write_state(host.state.tobytes())
    assert device.read_state() == host.state.tobytes()
    assert device.advance(signal(61)[-1]) == host.step(signal(61)[-1])
