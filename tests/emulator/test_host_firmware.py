"""The firmware compiled for this machine, under the sanitizers: power cuts and hostile states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import firmware_sim as fs
from experiments.device import hostile, power_cuts
from experiments.device.host import build
from experiments.errors import ExperimentError
from streamlearn import MesuClassifier

pytestmark = pytest.mark.skipif(build.GCC is None, reason="gcc is not on PATH")
CLASSES = ["low", "high"]


def storage_of(board: str, folder: Path) -> Path:
    return build.sources(MesuClassifier((3, 2, 2), classes=CLASSES), fs.get_board(board), folder)


def test_no_cut_of_the_power_loses_a_state(tmp_path: Path) -> None:
    """At every flash operation, with every tear; drawn ones; pairs. Erased cells of 0 here."""
    src = storage_of("stm32l072", tmp_path)
    program = build.built(src, fs.get_board("stm32l072"), "cuts.c", "firmware/frame.c")
    linear = build.said(program, power_cuts.LINEAR)
    assert linear["worlds"] == 3 * linear["operations"] > 500
    assert build.said(program, power_cuts.DRAWN, 400, 7)["worlds"] == 400
    assert build.said(program, power_cuts.PAIRS, 20)["cuts"] > 300


def test_canary_storage_that_trusts_its_head_loses_states(tmp_path: Path) -> None:
    src = storage_of("stm32u585", tmp_path)
    storage = src / "firmware" / "storage.c"
    text = storage.read_text()
    start = text.index("return is_ours(address) && tail[3] == WHOLE")
    storage.write_text(
        text[:start] + "return is_ours(address) && tail != data" + text[text.index(";", start) :]
    )
    program = build.built(src, fs.get_board("stm32u585"), "cuts.c", "firmware/frame.c")
    with pytest.raises(ExperimentError, match=r"(never was|too old).*: cuts \d"):
        build.said(program, power_cuts.LINEAR)


@pytest.mark.parametrize(
    "name",
    ["MESU, q16", *(pytest.param(one, marks=pytest.mark.slow) for one in hostile.learners())],
)
def test_hostile_states_are_refused_or_harmless(name: str, tmp_path: Path) -> None:
    found = build.said(hostile.program(hostile.learners()[name], tmp_path), 300, 3)
    assert found["states"] == 300 == found["taken"] + found["refused"]
    assert min(found["taken"], found["refused"]) > 30


def test_a_part_that_fills_the_frame_stays_inside_of_it(tmp_path: Path) -> None:
    """With 129 features the last unit of such a part is padded beyond the receive buffer."""
    learner: Any = MesuClassifier((129, 2, 2), classes=CLASSES)
    assert build.said(hostile.program(learner, tmp_path), 60)["states"] == 60


def test_canary_a_board_that_takes_every_state_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = build.sources

    def trusting(*given: Any) -> Path:
        src = kept(*given)
        check = src / "learner" / "sl_state_check.c"
        text = check.read_text()
        assert "return 0;" in text
        check.write_text(text.replace("return 0;", ";"))
        return src

    monkeypatch.setattr(hostile, "sources", trusting)
    program = hostile.program(hostile.learners()["MESU, q16"], tmp_path)
    with pytest.raises(ExperimentError, match=r"runtime error|AddressSanitizer"):
        build.said(program, 300, 3)
