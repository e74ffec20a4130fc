"""``streamlearn run --stage``: raw rows in, a sample per row of features; resumed, exported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from quant.stages import Stages, golden
from streamlearn import MesuClassifier, cli
from streamlearn.chain import Chain, Delta, Traces, Window

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
    given = [] if "--stage" in more else ["--stage", "window:n=20,hop=10,magnitude"]
    given += ["--segment", "recording", "--quiet", "--no-baselines"]
    return cli.run(["run", "--label", "kind", *given, *more])


def test_a_run_learns_what_a_chain_of_the_library_learns(tmp_path: Path) -> None:
    data, out = write(tmp_path / "a.csv"), tmp_path / "run"
    assert ran("--stream", str(data), "--out", str(out), "--hidden", "8") == 0
    window = Stages(Window(20, 10, magnitude=True), ("u", "v"))
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
    assert cli.run(["run", "--resume", str(out), "--learn-every", "9"]) != 0


def test_a_run_goes_on_with_columns_in_another_order_and_refuses_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = write(tmp_path / "a.csv"), tmp_path / "run"
    stages = "--stage", "delta:threshold=0.1+0.3", "--stage", "traces:leaks=2+4,hop=10"
    assert ran("--stream", str(data), "--out", str(out), *stages) == 0
    lines = [line.split(",") for line in data.read_text().splitlines()]
    other = tmp_path / "b.csv"
    other.write_text("".join(f"{b},{a},{y},{r}\n" for r, a, b, y in lines))
    assert cli.run(["run", "--resume", str(out), "--stream", str(other), "--quiet"]) == 0
    desk = Chain(
        MesuClassifier((8, 32, 3), classes=list("abc")),
        Stages((Delta((0.1, 0.3)), Traces((2, 4), 10)), ("u", "v")),
    )
    for x, label in 2 * recordings():
        desk.learn_recording(x, label)
    assert MesuClassifier.load(out / "state.sls").state_sha256 == desk.learner.state_sha256
    other.write_text(other.read_text().replace("v,u,", "w,u,"))
    assert cli.run(["run", "--resume", str(out), "--stream", str(other)]) != 0
    assert "the run's stages take ['u', 'v']" in " ".join(capsys.readouterr().err.split())


def test_options_that_mean_nothing_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(write(tmp_path / "a.csv"))
    begin = ["run", "--stream", data, "--label", "kind"]
    for more, says in (
        (["--segment", "recording"], "give --stage"),
        (["--stage", "window:n=2,hop=1"], "from 4 to 1024"),
        (["--stage", "window:n=20"], "window needs hop"),
        (["--stage", "median:n=20"], "none of bank, delta, standardise, traces, window"),
        (["--stage", "window:n=20,hop=2,m=3"], "no setting of window"),
        (["--stage", "window:n=20,n=2"], "there twice"),
        (["--stage", "traces:leaks=1+x"], "whole number from 0 to 10"),
        (["--stage", "traces:leaks=1", "--stage", "traces:leaks=2"], "each stage once"),
        (["--stage", "window:n=20,hop=2,features=median"], "expected different names"),
        (["--stage", "window:n=20,hop=2", "--label-delay", "3"], "labels that come later"),
        (["--learn-every", "2", "--label-delay", "3"], "labels that come later"),
        (["--learn-every", "2", "--record", str(tmp_path / "r")], "leave out --learn-every"),
        (["--stage", "window:n=20,hop=2", "--segment", "nobody"], "nobody"),
    ):
        assert cli.run([*begin, *more]) != 0
        assert says in " ".join(capsys.readouterr().err.split()), more


def test_a_run_says_what_its_stages_see_and_which_recordings_are_too_short(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "a.csv"
    lengths = (60, 1, 19, 60, 20)
    lines = [
        f"r{which},{t % 7},{t % 3},{'ab'[which % 2]}"
        for which, n in enumerate(lengths)
        for t in range(n)
    ]
    data.write_text("\n".join(["recording,u,v,kind", *lines]) + "\n")
    begin = ["run", "--stream", str(data), "--label", "kind", "--no-baselines"]
    by = ["--segment", "recording"]
    for more, code, says in (
        (["--stage", "window:n=20,hop=30", *by], 0, "window of u, v: 28 features, a row each 30"),
        (["--stage", "window:n=20,hop=30", *by], 0, "hop=30 is more than n=20, so of each 30 "),
        (
            ["--stage", "window:n=20,hop=30", *by],
            0,
            "2 of 5 recordings gave no row of features: they have 1 to 19 samples, and the first "
            "row comes with sample 20",
        ),
        (["--stage", "window:n=61,hop=30", *by], 1, "sample 61, and the longest recording has 60"),
        (
            ["--stage", "traces:leaks=2,hop=10", "--stage", "window:n=7,hop=1", *by],
            1,
            "sample 70, and the longest recording has 60",
        ),
        (["--stage", "window:n=200,hop=30"], 1, "sample 200, and the stream has 160; take"),
        (["--stage", "window"], 1, "window needs n and hop: --stage window:SETTING=VALUE"),
    ):
        assert cli.run([*begin, *more]) == code
        found = capsys.readouterr()
        assert says in " ".join((found.out + found.err).split()), more


def test_an_export_of_such_a_run_is_fed_with_windows_of_raw_rows(tmp_path: Path) -> None:
    data, out, export = write(tmp_path / "a.csv"), tmp_path / "run", tmp_path / "export"
    assert ran("--stream", str(data), "--out", str(out), "--hidden", "4") == 0
    assert cli.run(["export", str(out), "--to", str(export)]) == 0
    more = ["--stream", str(data), "--board", "nrf52840", "--out", str(tmp_path / "device")]
    assert cli.run(["simulate", str(export), *more, "--quiet"]) == 0
    metrics = json.loads((tmp_path / "device" / "metrics.json").read_text())
    assert metrics["n_samples"] == N * (1 + (LENGTH - 20) // 10)


def test_a_board_takes_the_raw_rows_of_such_a_run(tmp_path: Path) -> None:
    data, out, export = write(tmp_path / "a.csv"), tmp_path / "run", tmp_path / "export"
    stages = "--stage", "delta:threshold=0.2,leak=5,rest=5", "--stage", "traces:leaks=2+4,hop=6"
    assert ran("--stream", str(data), "--out", str(out), "--hidden", "4", *stages) == 0
    assert cli.run(["export", str(out), "--stages", "--to", str(export)]) == 0
    more = ["--stream", str(data), "--board", "nrf52840", "--out", str(tmp_path / "device")]
    assert cli.run(["simulate", str(export), *more, "--quiet"]) == 0
    desk = Chain(
        MesuClassifier.load(out / "state.sls"),
        Stages((Delta(0.2, 5, 5.0), Traces((2, 4), 6)), ("u", "v")),
    )
    for x, label in recordings():
        desk.learn_recording(x, label)
    found = MesuClassifier.load(tmp_path / "device" / "state.sls")
    assert found.state_sha256 == desk.learner.state_sha256
    metrics = json.loads((tmp_path / "device" / "metrics.json").read_text())
    assert metrics["n_samples"] == N * (LENGTH // 6)
    plain = tmp_path / "plain"
    assert cli.run(["run", "--label", "kind", "--quiet", "--ignore", "recording", "--stream",
                    str(data), "--out", str(plain)]) == 0  # fmt: skip
    assert cli.run(["export", str(plain), "--stages", "--to", str(tmp_path / "e")]) != 0
    assert cli.run(["follow", str(export), "--stream", str(data), "--out", "f"]) != 0


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_only_each_third_row_is_learned_and_all_are_predicted(task: str, tmp_path: Path) -> None:
    data, out = write(tmp_path / "a.csv"), tmp_path / "run"
    if task == "regression":
        lines = data.read_text().splitlines()
        changed = [line[:-1] + str("abc".index(line[-1])) for line in lines[1:]]
        data.write_text("\n".join([lines[0], *changed]) + "\n")
    given = "--stream", str(data), "--learn-every", "3", "--hidden", "4", "--task", task
    assert ran(*given, "--out", str(out)) == 0
    n = N * (1 + (LENGTH - 20) // 10)
    assert json.loads((out / "metrics.json").read_text())["n_samples"] == n
    image = (out / "state.sls").read_bytes()
    whole, cut = tmp_path / "a.csv", tmp_path / "b.csv"
    lines = whole.read_text().splitlines(keepends=True)
    cut.write_text("".join(lines[: 5 * LENGTH + 13]))
    again = tmp_path / "again"
    classes = ["--classes", "a,b,c"] if task == "classification" else []
    assert ran("--stream", str(cut), *given[2:], *classes, "--out", str(again)) == 0
    cut.write_text("".join(lines))
    assert cli.run(["run", "--resume", str(again), "--quiet"]) == 0
    assert (again / "state.sls").read_bytes() == image
    if task == "classification":
        assert MesuClassifier.load(out / "state.sls").n_samples == n // 3
