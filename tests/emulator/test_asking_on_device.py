"""ASK: a device asks for the labels that its learner on the host asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import firmware_sim
from export.package import write_export
from quant.rule import RULES
from streamlearn.learners.loading import learner_class
from streamlearn.streams import load_gas_drift

CASES = [
    pytest.param(name, marks=() if name == "bimu" else pytest.mark.slow)
    for name, rule in RULES.items()
    if rule.draws
]


def device_of(learner: Any, folder: Path) -> firmware_sim.Device:
    write_export(learner, folder / "export")
    board = firmware_sim.get_board("nrf52840")
    return firmware_sim.Device(
        firmware_sim.build_firmware(folder / "export", board, folder / "build")
    )


def _unsure(learner: Any, x: Any) -> float:
    return float(learner.predict_uncertainty_one(x).predictive)


@pytest.mark.parametrize("rule", CASES)
def test_the_device_asks_for_the_labels_that_the_host_asks_for(rule: str, tmp_path: Path) -> None:
    learner: Any = learner_class(rule, "categorical")((128, 8, 6), classes=range(6))
    device, wanted = device_of(learner, tmp_path), []
    for x, y in load_gas_drift(limit=120):
        predicted, asks = device.ask(x, 0.3)
        assert predicted == learner.predict_one(x)
        assert asks == learner.wants_label(x, 0.3)
        wanted.append(asks)
        if asks:
            assert device.learn(x, y) == predicted
            learner.learn_one(x, y)
    assert 0 < sum(wanted) < len(wanted)
    rows = sorted(load_gas_drift(limit=200).x, key=lambda x: _unsure(learner, x))
    rows = [rows[-1]] * 40 + [rows[0]] * 30
    again = [device.ask(x, 0.3)[1] for x in rows]
    assert again == [learner.wants_label(x, 0.3) for x in rows]
    assert any(again[40:])  # nothing was asked for a while
    assert device.read_state() == learner.state.tobytes()
    assert device.ask(x, 1.0)[1]
    with pytest.raises(firmware_sim.InputError, match="budget is 2: expected a share"):
        device.ask(x, 2)


def test_a_device_whose_learner_does_not_draw_refuses(tmp_path: Path) -> None:
    learner: Any = learner_class("metaplastic", "categorical")((128, 8, 6), classes=range(6))
    with pytest.raises(firmware_sim.RefusedError, match="does not know this request"):
        device_of(learner, tmp_path).ask(load_gas_drift(limit=1).x[0])
