"""``streamlearn run --window``: raw rows in, a sample per window; resumed, exported, simulated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from quant.window import golden
from streamlearn import MesuClassifier, cli
from streamlearn.windows import Window

N, LENGTH = 9, 60


def recordings() -> list[tuple[np.ndarray, str]]:
    rng = np.random.default_rng(0)
    found = []
    for which in range(N):
        t = np.arange(LENGTH)[:, None] + np.array([0, 3])
        x = 5 + np.sin(t * (0.3 + 0.4 * (which % 3))) + 0.1 * rng.normal(size=(LENGTH, 2))
        found.append((x.astype(np.float32), "abc"[which % 3]))
    return found


def write(path: Path, rows: int | None = None) -> Path:
    lines = [
        f"r{which},{row[0]!r},{row[1]!r},{label}"
        for which, (x, label) in enumerate(recordings())
        for row in x.tolist()
    ]
    path.write_text("\n".join(["recording,u,v,kind", *lines[:rows]]) + "\n")
    return path


def ran(*more: str) -> int:
    window = ["--window", "20", "--hop", "10", "--magnitude", "--segment", "recording"]
    return cli.run(["run", "--label", "kind", "--quiet", "--no-baselines", *window, *more])


def test_a_run_learns_what_a_chain_of_the_library_learns(tmp_path: Path) -> None:
    data, out = write(tmp_path / "a.csv"), tmp_path / "run"
    assert ran("--stream", str(data), "--out", str(out), "--hidden", "8") == 0
    window = Window(20, 10, ("u", "v"), magnitude=True)
    learner = MesuClassifier((window.n_features, 8, 3), classes=list("abc"))
    for x, label in recordings():
        for features in golden.recording(window, x):
            learner.learn_one(features, label)
    ours = MesuClassifier.load(out / "state.sls")
    assert ours.state_sha256 == learner.state_sha256
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["n_samples"] == N * (1 + (LENGTH - 20) // 10)


def test_a_run_that_was_cut_inside_a_window_goes_on(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    assert ran("--stream", str(write(tmp_path / "whole.csv")), "--out", str(whole)) == 0
    data, out = write(tmp_path / "a.csv", 3 * LENGTH + 27), tmp_path / "run"
    given = "--stream", str(data), "--classes", "a,b,c", "--checkpoint-every", "1"
    assert ran(*given, "--out", str(out)) == 0
    write(data)
    assert cli.run(["run", "--resume", str(out), "--quiet"]) == 0
    states = [MesuClassifier.load(at / "state.sls").state_sha256 for at in (whole, out)]
    assert states[0] == states[1]
    assert cli.run(["run", "--resume", str(out), "--window", "9"]) != 0


def test_options_that_mean_nothing_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(write(tmp_path / "a.csv"))
    begin = ["run", "--stream", data, "--label", "kind"]
    for more, says in (
        (["--hop", "5"], "give --window"),
        (["--segment", "recording"], "give --window"),
        (["--window", "2"], "from 4 to 1024"),
        (["--window", "20", "--window-features", "median"], "expected different names"),
        (["--window", "20", "--label-delay", "3"], "goes without labels that come later"),
        (["--window", "20", "--segment", "nobody"], "nobody"),
    ):
        assert cli.run([*begin, *more]) != 0
        assert says in " ".join(capsys.readouterr().err.split()), more


def test_an_export_of_such_a_run_is_fed_with_windows_of_raw_rows(tmp_path: Path) -> None:
    data, out, export = write(tmp_path / "a.csv"), tmp_path / "run", tmp_path / "export"
    assert ran("--stream", str(data), "--out", str(out), "--hidden", "4") == 0
    assert cli.run(["export", str(out), "--to", str(export)]) == 0
    more = ["--stream", str(data), "--board", "nrf52840", "--out", str(tmp_path / "device")]
    assert cli.run(["simulate", str(export), *more, "--quiet"]) == 0
    metrics = json.loads((tmp_path / "device" / "metrics.json").read_text())
    assert metrics["n_samples"] == N * (1 + (LENGTH - 20) // 10)
