"""``simulate`` and ``follow`` feed steps of time: recordings begin anew, unlabelled rows pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant.stages import Stages, golden
from streamlearn import SpikingClassifier, cli
from streamlearn.chain import Window
from streamlearn.learners.loading import load

LENGTH, KINDS = 20, ("quick", "slow")
SETTINGS: dict[str, Any] = {"front_end": "none", "leaks": (2, 3)}


def recordings(first: int, n: int) -> list[tuple[str, np.ndarray, list[str]]]:
    t = np.arange(LENGTH)
    found = []
    for which in range(first, first + n):
        x = np.round(2 * np.sin(t * (0.9 - 0.6 * (which % 2)) + which), 3)
        labels = ["" if at % 4 == 3 or which % 5 == 4 else KINDS[which % 2] for at in t.tolist()]
        found.append((f"r{which}", x.astype(np.float32), labels))
    return found


def write(path: Path, first: int, n: int) -> Path:
    lines = ["of,x,kind"]
    for of, x, labels in recordings(first, n):
        lines += [
            f"{of},{value!r},{label}" for value, label in zip(x.tolist(), labels, strict=True)
        ]
    path.write_text("\n".join(lines) + "\n")
    return path


def exported(
    folder: Path, *more: str, stages: bool = False, first: list[str] | None = None
) -> Path:
    data, run, export = write(folder / "a.csv", 0, 4), folder / "run", folder / "export"
    if first is not None:
        data.write_text("\n".join(first) + "\n")
    given = ["run", "--stream", str(data), "--label", "kind", "--segment", "of", "--spiking"]
    given += ["--set", "front_end=none", "--set", "leaks=(2, 3)", "--hidden", "6"]
    end = ["--classes", "quick,slow", "--no-baselines", "--quiet", "--out", str(run), *more]
    assert cli.run([*given, *end]) == 0
    assert cli.run(["export", str(run), "--to", str(export), *["--stages"] * stages]) == 0
    return export


def teach(learner: Any, first: int, n: int, stages: Stages | None = None) -> Any:
    """Teach the same as the command line does; features come with the last sample of a window."""
    for _, x, labels in recordings(first, n):
        learner.reset()
        if stages is None:
            rows, said = x[:, None], labels
        else:
            rows = golden.recording(stages, x[:, None])
            said = labels[stages.first - 1 :: stages.hop]
        for row, label in zip(rows, said, strict=True):
            learner.test_then_learn_one(row, label or None)
    return learner


@pytest.mark.parametrize("command", ["simulate", "follow"])
def test_a_board_takes_the_steps_of_the_desk(command: str, tmp_path: Path) -> None:
    export = exported(tmp_path)
    ours = SpikingClassifier((1, 6, 2), classes=KINDS, features=["x"], **SETTINGS)
    assert load(tmp_path / "run" / "state.sls").state_sha256 == teach(ours, 0, 4).state_sha256
    data, out = write(tmp_path / "b.csv", 7, 6), tmp_path / "out"
    given = ["--stream", str(data), "--board", "rp2040", "--out", str(out), "--quiet"]
    assert cli.run([command, str(export), *given]) == 0
    state = out / {"simulate": "state.sls", "follow": "device.sls"}[command]
    assert load(state).state_sha256 == teach(ours, 7, 6).state_sha256
    figures = out / {"simulate": "metrics.json", "follow": "follow.json"}[command]
    unlabelled = sum(not label for *_, labels in recordings(7, 6) for label in labels)
    assert json.loads(figures.read_text())["unlabelled"] == unlabelled > 2 * LENGTH


def test_a_board_goes_on_in_the_recording_that_the_run_ended_in(tmp_path: Path) -> None:
    rows = write(tmp_path / "all.csv", 0, 6).read_text().splitlines()
    cut = 4 * LENGTH + 7
    export = exported(tmp_path, first=rows[: 1 + cut])
    data, out = tmp_path / "b.csv", tmp_path / "out"
    data.write_text("\n".join([rows[0], *rows[1 + cut :]]) + "\n")
    given = ["--stream", str(data), "--board", "rp2040", "--out", str(out), "--quiet"]
    assert cli.run(["simulate", str(export), *given]) == 0
    ours = SpikingClassifier((1, 6, 2), classes=KINDS, features=["x"], **SETTINGS)
    assert load(out / "state.sls").state_sha256 == teach(ours, 0, 6).state_sha256


def test_behind_stages_too(tmp_path: Path) -> None:
    window = Stages(Window(8, 4), ("x",))
    export = exported(tmp_path, "--stage", "window:n=8,hop=4", stages=True)
    ours = SpikingClassifier((window.n_features, 6, 2), classes=KINDS, **SETTINGS)
    teach(ours, 0, 4, window)
    assert load(tmp_path / "run" / "state.sls").state_sha256 == ours.state_sha256
    data, out = write(tmp_path / "b.csv", 7, 6), tmp_path / "out"
    given = ["--stream", str(data), "--board", "rp2040", "--out", str(out), "--quiet"]
    assert cli.run(["simulate", str(export), *given]) == 0
    assert load(out / "state.sls").state_sha256 == teach(ours, 7, 6, window).state_sha256


def test_a_record_of_a_spiking_device_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export, out = exported(tmp_path), tmp_path / "out"
    given = ["--stream", str(tmp_path / "a.csv"), "--board", "rp2040", "--out", str(out)]
    assert cli.run(["follow", str(export), *given, "--record", str(tmp_path / "r.slr")]) != 0
    assert "leave it out" in capsys.readouterr().err
    assert not out.exists()
