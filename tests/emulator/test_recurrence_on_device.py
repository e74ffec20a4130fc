"""A recurrent spiking learner on emulated boards: golden's bits, with labels and without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from in_time import learn_in_time

import firmware_sim as fs
from export.package import write_export
from quant.rule import RULES
from streamlearn import SpikingClassifier

STEPS = 60
BUILDS: dict[str, Any] = {
    "rp2040": {},
    "nrf52840": {},
    "riscv-virt": {},
    "rp2040, small": {"optimize": "size"},
}


#: With which both hidden layers fire often, where a rule's defaults do not.
SETTINGS: dict[str, Any] = {"mesu": {"sigma_init": 1.5}}
RECURRENT = [rule.name for rule in RULES.values() if rule.recurrent]


def made(rule: str, **given: Any) -> SpikingClassifier:
    settings = {"rule": rule, "classes": range(4), "recurrent": True, **SETTINGS.get(rule, {})}
    return SpikingClassifier((3, 20, 9, 4), **settings, **given)


@pytest.mark.parametrize("rule", RECURRENT)
@pytest.mark.parametrize("build", BUILDS)
def test_a_chip_learns_its_connections_as_the_golden_model_does(
    build: str, rule: str, tmp_path: Path
) -> None:
    """On M0+, M4F and RV32IMC: every second step has a label, a recording every 20 steps."""
    write_export(made(rule), tmp_path / "export")
    board = fs.get_board(build.partition(",")[0])
    firmware = fs.build_firmware(
        tmp_path / "export", board, tmp_path / "run", warnings_are_errors=True, **BUILDS[build]
    )
    device, golden = fs.Device(firmware), made(rule, backend="numpy")
    learn_in_time(device, golden, STEPS, recording=20)
    assert golden.state["own_trace"].any()
    assert golden.activity.events[2] > 0.5, "both hidden layers fire, or this compares less"
