"""A spiking learner with averaged weights on emulated boards: golden's bits, label or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from in_time import learn_in_time

import firmware_sim as fs
from export.package import write_export
from streamlearn import SpikingClassifier

STEPS = 160
BUILDS: dict[str, Any] = {
    "rp2040": {},
    "nrf52840": {},
    "riscv-virt": {},
    "rp2040, small": {"optimize": "size"},
}


def made(**given: Any) -> SpikingClassifier:
    """Less than 64 rows: each is visited within the run, and some twice."""
    settings = {"classes": range(4), "average_window": 128, "sigma_init": 1.5, "leaks": (3, 4, 4)}
    return SpikingClassifier((3, 20, 9, 4), **settings, **given)


@pytest.mark.parametrize("build", BUILDS)
def test_a_chip_averages_as_the_golden_model_does(build: str, tmp_path: Path) -> None:
    """On M0+, M4F and RV32IMC: every second step has a label, a recording every 40 steps."""
    write_export(made(), tmp_path / "export")
    board = fs.get_board(build.partition(",")[0])
    firmware = fs.build_firmware(
        tmp_path / "export", board, tmp_path / "run", warnings_are_errors=True, **BUILDS[build]
    )
    device, golden = fs.Device(firmware), made(backend="numpy")
    learn_in_time(device, golden, STEPS, recording=40)
    now = golden.state
    assert (now["average"] != now["mu"]).mean() > 0.2, "the two differ, or this compares less"
