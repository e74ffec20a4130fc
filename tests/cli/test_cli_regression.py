"""``--task regression``: a number is learned, resumed, exported and simulated as a class is."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_helpers import Cli, call, check_manifest, one_line, read_json, start

from streamlearn import MesuFactoredRegressor, MesuRegressor
from streamlearn.baselines.online_targets import OnlineTargets
from streamlearn.cli import run as run_command
from streamlearn.cli.checkpoints import newest
from streamlearn.cli.whole_samples import STOPS
from streamlearn.evaluation import RegressionMetrics, hash_of_predictions
from streamlearn.streams import TargetStream, load_gas_concentration

TARGET = "log10 ppmv"
N, HALF = 240, 150
#: What neither an interruption nor another place of learning may change.
SAME = (
    "n_samples", "baselines", "mae_prequential", "rmse_prequential", "r2", "bias", "skill_mean",
    "skill_no_change", "coverage", "log_likelihood", "latest", "n_drifts", "drifts", "advice",
    "state_sha256", "predictions_sha256", "skipped",
)  # fmt: skip
GIVEN = ("--label", TARGET, "--task", "regression", "--hidden", 8, "--quiet")


def csv_of(stream: TargetStream, rows: slice, change: Any = float) -> str:
    lines = [",".join([*stream.feature_names[:16], TARGET])]
    for x, y in zip(stream.x[rows, :16].tolist(), stream.y[rows].tolist(), strict=True):
        lines.append(",".join(map(repr, [*x, change(y)])))
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def gas() -> TargetStream:
    """The bundled stream; its files have the first sensor's 16 features only."""
    return load_gas_concentration(limit=N)


@pytest.fixture(scope="module")
def files(gas: TargetStream, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gas")
    for name, rows in (
        ("all", slice(N)),
        ("first", slice(HALF)),
        ("rest", slice(HALF, N)),
    ):
        (folder / f"{name}.csv").write_text(csv_of(gas, rows), "utf-8")
    return folder


@pytest.fixture(scope="module")
def whole(files: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run of the whole file finds."""
    out = tmp_path_factory.mktemp("whole") / "run"
    command = ("run", "--stream", files / "all.csv", *GIVEN, "--out", out)
    assert run_command([str(a) for a in command]) == 0
    return same(out)


def same(folder: Path) -> dict[str, Any]:
    check_manifest(folder)
    values = read_json(folder / "metrics.json")
    assert values["task"] == "regression"
    learner = MesuRegressor.load(folder / "state.sls")
    assert (learner.n_samples, learner.state_sha256) == (
        values["n_samples"],
        values["state_sha256"],
    )
    return {key: values[key] for key in SAME}


def test_it_is_the_library_s_regressor(gas: TargetStream, whole: dict[str, Any]) -> None:
    learner = MesuRegressor((16, 8, 1), features=gas.feature_names[:16])
    found = np.array([learner.test_then_learn_one(x[:16], y) for x, y in gas], np.float64)
    assert whole["n_samples"] == N
    assert whole["state_sha256"] == learner.state_sha256
    assert whole["predictions_sha256"] == hash_of_predictions(found)
    metrics = RegressionMetrics().update_many(gas.y, found)
    assert whole["mae_prequential"] == metrics.mae
    assert whole["coverage"]["95"] == metrics.coverage(0.95)
    assert whole["skill_mean"] > 0.05, "it learns"


def test_a_folder_and_what_is_printed(cli: Cli, files: Path, tmp_path: Path) -> None:
    out, figures = tmp_path / "run", tmp_path / "figures.json"
    given = [word for word in GIVEN if word != "--quiet"]
    ended = cli("run", "--stream", files / "all.csv", *given, "--out", out, "--json", figures)
    assert ended.code == 0, ended.err
    for word in ("mean absolute error", "no change", "mean so far", "R²", "predicted interval"):
        assert word in ended.out
    assert "accuracy" not in ended.out
    assert read_json(figures) == read_json(out / "metrics.json")
    report = (out / "report.html").read_text("utf-8")
    assert "Predicted against true" in report
    assert f"{N} samples, a number to predict, rule mesu, seed 0" in report


@pytest.mark.parametrize("cut", [1, 2, 31, 32, 33, 200, N - 1])
def test_a_run_that_was_cut_goes_on_with_the_same_bits(
    cli: Cli, files: Path, tmp_path: Path, whole: dict[str, Any], cut: int
) -> None:
    """A bad row stops it, with a checkpoint; mended, the file goes on behind the last good row."""
    stream, out = tmp_path / "x.csv", tmp_path / "run"
    lines = (files / "all.csv").read_text("utf-8").splitlines(keepends=True)
    stream.write_text("".join([*lines[: cut + 1], "oops\n", *lines[cut + 1 :]]), "utf-8")
    ended = cli("run", "--stream", stream, *GIVEN, "--out", out)
    assert ended.code == 3
    assert f"line {cut + 2}" in ended.err
    kept = newest(out)
    assert kept is not None
    assert kept.n_samples == cut
    stream.write_text("".join(lines), "utf-8")
    assert cli("run", "--resume", out, "--quiet").code == 0
    assert same(out) == whole


def test_next_month_s_file_with_other_columns_first(
    cli: Cli, files: Path, tmp_path: Path, whole: dict[str, Any]
) -> None:
    out, june = tmp_path / "run", tmp_path / "june.csv"
    rows = [line.split(",") for line in (files / "rest.csv").read_text("utf-8").splitlines()]
    june.write_text("".join(",".join(row[::-1]) + "\n" for row in rows), "utf-8")
    assert cli("run", "--stream", files / "first.csv", *GIVEN, "--out", out).code == 0
    assert cli("run", "--resume", out, "--stream", june, "--quiet").code == 0
    assert same(out) == whole


def test_a_signal_keeps_what_was_learned(files: Path, tmp_path: Path, whole: Any) -> None:
    out = tmp_path / "run"
    lines = (files / "all.csv").read_text("utf-8").splitlines(keepends=True)
    every = ("--checkpoint-every", 10, "--out", out)
    process = start("run", "--stream", "-", *GIVEN, *every, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write("".join(lines[:51]))
    process.stdin.flush()
    while (kept := newest(out) if out.is_dir() else None) is None or kept.n_samples < 10:
        assert process.poll() is None
        time.sleep(0.05)
    number = max(STOPS)  # SIGTERM: the terminal's own are tried elsewhere
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    for pipe in (process.stdin, process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()
    kept = newest(out)
    assert kept is not None
    rest = "".join([lines[0], *lines[kept.n_samples + 1 :]])
    ended = call("run", "--resume", out, "--stream", "-", "--quiet", stdin=rest)
    assert ended.code == 0, ended.err
    assert same(out) == whole


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_file_of_predicted_numbers_is_one_with_the_run(
    cli: Cli, files: Path, tmp_path: Path, gas: TargetStream, suffix: str
) -> None:
    out, file = tmp_path / "run", tmp_path / f"p{suffix}"
    more = ("--out", out, "--predictions", file)
    assert cli("run", "--stream", files / "first.csv", *GIVEN, *more).code == 0
    again = ("run", "--resume", out, "--stream", files / "rest.csv", "--quiet")
    assert cli(*again).code == 0
    text = file.read_text("utf-8").splitlines()
    rows: list[Any] = [*csv.DictReader(text)] if suffix == ".csv" else [*map(json.loads, text)]
    assert [int(row["sample"]) for row in rows] == [*range(1, N + 1)]
    assert [int(row["line"]) for row in rows] == [*range(2, HALF + 2), *range(2, N - HALF + 2)]
    learner = MesuRegressor((16, 8, 1))
    found = [learner.test_then_learn_one(x[:16], y) for x, y in gas]
    for row, prediction, y in zip(rows, found, gas.y, strict=True):
        assert np.float32(row["prediction"]) == np.float32(prediction.mean)
        assert np.float32(row["target"]) == y
    assert not rows[0]["aleatoric"], "nothing is known of it yet"
    assert np.float32(rows[-1]["epistemic"]) == np.float32(found[-1].epistemic)


def test_desk_and_device_end_with_the_same_state(
    cli: Cli, files: Path, tmp_path: Path, whole: dict[str, Any], gas: TargetStream
) -> None:
    out = tmp_path / "run"
    assert cli("run", "--stream", files / "first.csv", *GIVEN, "--out", out).code == 0
    assert cli("export", out, "--to", tmp_path / "export").code == 0
    given = ("--stream", files / "rest.csv", "--label", TARGET, "--out", tmp_path / "sim")
    ended = cli("simulate", tmp_path / "export", *given)
    assert ended.code == 0, ended.err
    values = read_json(tmp_path / "sim" / "metrics.json")
    assert values["state_sha256"] == values["device"]["state_sha256"] == whole["state_sha256"]
    desk = MesuRegressor.load(out / "state.sls")
    found = [desk.test_then_learn_one(x[:16], y) for x, y in [*gas][HALF:]]
    metrics = RegressionMetrics().update_many(gas.y[HALF:], np.array(found))
    assert values["predictions_sha256"] == hash_of_predictions(np.array(found))
    assert values["mae_prequential"] == metrics.mae
    assert values["coverage"]["90"] == metrics.coverage(0.9)
    assert values["log_likelihood"] == metrics.log_likelihood
    assert "predicted interval" in ended.out


@pytest.mark.parametrize("unit", [1e4, 1e-3])
def test_the_unit_of_the_target_does_not_matter(
    cli: Cli, gas: TargetStream, tmp_path: Path, whole: dict[str, Any], unit: float
) -> None:
    stream, figures = tmp_path / "x.csv", tmp_path / "f.json"
    stream.write_text(csv_of(gas, slice(N), lambda y: unit * y + 3 * unit), "utf-8")
    assert cli("run", "--stream", stream, *GIVEN, "--json", figures).code == 0
    values = read_json(figures)
    assert values["skill_mean"] == pytest.approx(whole["skill_mean"], abs=0.1)
    assert values["mae_prequential"] == pytest.approx(unit * whole["mae_prequential"], rel=0.2)


def test_options_of_the_learner_reach_it(cli: Cli, files: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    more = ("--rule", "mesu_factored", "--set", "target_window=77", "--memory-window", 5000)
    ended = cli("run", "--stream", files / "first.csv", *GIVEN, *more, "--out", out)
    assert ended.code == 0, ended.err
    learner = MesuFactoredRegressor.load(out / "state.sls")
    assert (learner.config.target_window, learner.config.memory_window) == (77, 5000)
    assert learner.config.step == "fixed", "an adaptive one may break down"
    adaptive = ("--set", "step=adaptive", "--out", tmp_path / "adaptive")
    assert cli("run", "--stream", files / "first.csv", *GIVEN, *adaptive).code == 0
    assert MesuRegressor.load(tmp_path / "adaptive" / "state.sls").config.step == "adaptive"
    floats = ("--arithmetic", "float64", "--out", tmp_path / "floats")
    assert cli("run", "--stream", files / "first.csv", *GIVEN, *floats).code == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--rule", "metaplastic"), "metaplastic does not predict a number; these do: mesu, "),
        (("--classes", "a,b"), "a regression has no classes"),
        (("--replay-bytes", 100), "--replay-bytes is no setting of the rule mesu for a number"),
        (("--memory", "lda"), "--memory is no setting of the rule mesu for a number"),
        (("--set", "target_windw=5"), "Did you mean 'target_window'?"),
        (("--task", "regresion"), "Did you mean 'regression'?"),
    ],
)
def test_what_does_not_go_together_is_said(
    cli: Cli, files: Path, more: tuple[object, ...], said: str
) -> None:
    ended = cli("run", "--stream", files / "first.csv", *GIVEN, *more)
    assert ended.code in (1, 2)
    assert said in " ".join(ended.err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("nan", "expected a finite number, got 'nan'"),
        ("-inf", "expected a finite number, got '-inf'"),
        ("warm", "expected a number, got 'warm'"),
        ("1e39", "'1e39' is outside the range of float32"),
    ],
)
def test_a_bad_target_is_named_by_its_line(cli: Cli, tmp_path: Path, cell: str, said: str) -> None:
    stream, out = tmp_path / "x.csv", tmp_path / "run"
    stream.write_text(f"t,load\n1,2.5\n2,3.5\n3,{cell}\n4,1.5\n", "utf-8")
    given = ("--label", "load", "--task", "regression", "--quiet", "--out", out)
    ended = cli("run", "--stream", stream, *given)
    assert ended.code == 3
    message = one_line(ended.err)
    assert f"{stream} line 4, column 'load': {said}" in message
    assert f"what was learned until then is in {out}" in message
    given = (*given, "--on-bad", "skip", "--force")
    assert cli("run", "--stream", stream, *given).code == 0
    values = read_json(out / "metrics.json")
    assert (values["n_samples"], values["skipped"]["count"]) == (3, 1)
    assert said in values["skipped"]["messages"][0]


def test_class_numbers_as_targets_give_a_hint(cli: Cli, tmp_path: Path) -> None:
    stream = tmp_path / "x.csv"
    rows = "".join(f"{i % 3 + i / 1000},{i % 3}\n" for i in range(300))
    stream.write_text("t,state\n" + rows, "utf-8")
    ended = cli("run", "--stream", stream, "--label", "state", "--task", "regression", "--quiet")
    assert ended.code == 0
    assert "the target has only the 3 values 0, 1, 2" in " ".join(ended.err.split())
    ended = cli("run", "--stream", stream, "--label", "state", "--task", "classification")
    assert ended.code == 0, ended.err
    assert "prequential accuracy" in ended.out


def test_a_run_keeps_its_task(cli: Cli, files: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert cli("run", "--stream", files / "first.csv", *GIVEN, "--out", out).code == 0
    ended = cli("run", "--resume", out, "--task", "regression")
    assert ended.code == 1
    assert "--task: --resume goes on with what the run has" in ended.err


def test_runs_are_compared_and_have_baselines_beside_them(
    cli: Cli, gas: TargetStream, files: Path, tmp_path: Path
) -> None:
    given = ("run", "--stream", files / "all.csv", *GIVEN[:4], "--quiet")
    runs = []
    for hidden, name in ((2, "small.csv"), (16, "large.jsonl")):
        runs.append(tmp_path / name.split(".")[0])
        more = ("--hidden", hidden, "--out", runs[-1], "--predictions", tmp_path / name)
        assert cli(*given, *more).code == 0
    small, large = (read_json(run / "metrics.json") for run in runs)
    beside = OnlineTargets((16, 2, 1), small["memory"]["state_bytes"])
    y = gas.y.astype(np.float32)
    found = beside.see(gas.x[:, :16], y)
    for name, predicted in (("SGD", found.sgd), ("nearest neighbour", found.nearest)):
        errors = (predicted - y.astype(np.float64))[1:]
        assert small["baselines"][name]["mae"] == pytest.approx(np.abs(errors).mean())
        assert small["baselines"][name]["rmse"] == pytest.approx(np.sqrt((errors**2).mean()))
    page = (runs[0] / "report.html").read_text("utf-8")
    assert "nearest neighbour</t" in page
    assert "SGD has the learner&#x27;s shape" in page

    ended = cli("compare", *runs, "--html", tmp_path / "c.html")
    assert ended.code == 0, ended.err
    text = " ".join(ended.out.split())
    difference = large["mae_prequential"] - small["mae_prequential"]
    said = re.search(r"large against small: mean absolute error ([+-][\d.e-]+) \(", text)
    assert said, text
    assert float(said[1]) == pytest.approx(difference, rel=0.01)
    assert "Diebold and Mariano" in text
    assert "MAE of SGD" in text
    assert "Diebold" in (tmp_path / "c.html").read_text("utf-8")


def test_a_guess_knows_no_target_sooner_than_the_learner(
    cli: Cli, gas: TargetStream, files: Path, tmp_path: Path
) -> None:
    out = tmp_path / "x.json"
    ended = cli("run", "--stream", files / "all.csv", *GIVEN, "--label-delay", 7, "--json", out)
    assert ended.code == 0, ended.err
    found, y = read_json(out), gas.y.astype(np.float32).astype(np.float64)[: N - 7]
    assert found["n_samples"] == N - 7
    assert found["mae_no_change"] == pytest.approx(np.abs(y[8:] - y[:-8]).mean())
