"""The live view of ``simulate``: on a terminal it shows how the board is, elsewhere nothing."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import firmware_sim as fs
from export import write_export
from streamlearn import MesuClassifier
from streamlearn.cli.device import learn_on_device
from streamlearn.cli.live import Figures, live


def shown(terminal: bool, figures: Figures) -> str:
    file = StringIO()
    to = Console(file=file, force_terminal=terminal, width=100, highlight=False)
    with live(to, "device rp2040") as view:
        assert view.shown is terminal
        view.learned(7, 9)
        view.figures(figures)
    return file.getvalue()


def test_a_board_is_shown_while_it_learns(tmp_path: Path) -> None:
    write_export(MesuClassifier((4, 4, 2), classes=["a", "b"]), tmp_path / "export")
    firmware = fs.build_firmware(
        tmp_path / "export", fs.get_board("rp2040"), tmp_path / "run", commit=10
    )
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 4)).astype(np.float32), rng.integers(0, 2, 60)
    rows = [(x[i : i + 1], y[i : i + 1]) for i in range(60)]
    heard: list[Figures] = []
    run = learn_on_device(firmware, lambda: rows, lambda _: None, heard.append)
    (figures,) = heard
    assert figures.commits == 5
    assert figures.erasures >= 1
    assert figures.instructions == pytest.approx(np.median(run.learn_instructions[:50]), rel=0.1)
    text = shown(True, figures)
    for expected in ("7/9", "of the last 50 right", "5 commits", "samples/s", "step"):
        assert expected in text
    assert shown(False, figures) == ""
    silent = learn_on_device(firmware, lambda: rows, lambda _: None)
    assert silent.state == run.state, "looking changes nothing"
