"""``run``, ``export`` and ``simulate``: one learner, from a file or a pipe, on and on a device."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_helpers import (
    FEATURES,
    HEADER,
    LABEL,
    LABELS,
    Cli,
    call,
    check_manifest,
    csv_line,
    read_json,
    start,
    toy_csv,
    toy_rows,
)

import firmware_sim
from streamlearn import MesuClassifier, MesuRegressor, __version__
from streamlearn.by_index import ByIndex
from streamlearn.cli.rules import rule_names
from streamlearn.evaluation import evaluate
from streamlearn.streams.csv_stream import CsvStream

KEYS = {
    "task",
    "n_samples",
    "accuracy_prequential",
    "accuracy_no_change",
    "accuracy_majority",
    "levels",
    "balanced_accuracy",
    "kappa",
    "kappa_m",
    "kappa_t",
    "latest",
    "classes",
    "n_drifts",
    "drifts",
    "advice",
    "samples_per_s",
    "state_sha256",
    "predictions_sha256",
    "arithmetic",
    "spec",
    "seed",
    "versions",
}
DEVICE_KEYS = {
    "blind",
    "step",
    "saturations",
    "board",
    "core",
    "flash_bytes",
    "ram_bytes",
    "instructions_per_sample",
    "state_sha256",
    "predictions_sha256",
    "model",
}


def learned(rows: CsvStream, arithmetic: Any, seed: int = 0) -> tuple[MesuClassifier, Any]:
    """The library's own way to what ``run --hidden 8`` does."""
    learner = MesuClassifier(
        (rows.n_features, 8, rows.n_classes),
        classes=rows.classes,
        features=rows.feature_names,
        arithmetic=arithmetic,
        seed=seed,
    )
    return learner, evaluate(ByIndex(learner), rows)


@pytest.mark.parametrize("arithmetic", ["float64", "float32", "q16"])
def test_run_is_the_library(cli: Cli, toy: Path, tmp_path: Path, arithmetic: str) -> None:
    figures, out = tmp_path / "deep" / "x.json", tmp_path / "a" / "run"
    ended = cli(
        "run", "--stream", toy, "--label", LABEL, "--hidden", 8, "--arithmetic", arithmetic,
        "--seed", 7, "--rule", "mesu", "--json", figures, "--out", out,
    )  # fmt: skip
    assert ended.code == 0
    values = read_json(figures)
    looked = {"baselines", "uncertainty", "saturations", "dropped", "memory", "predictions_file"}
    assert set(values) == KEYS | looked | {"skipped", "missing", "source"}
    learner, result = learned(CsvStream(toy, LABEL), arithmetic, seed=7)
    assert values["n_samples"] == 150
    assert values["accuracy_prequential"] == result.accuracy > 0.8
    assert 0.2 < values["accuracy_no_change"] < 0.5
    assert 0.2 < values["accuracy_majority"] < 0.5
    assert values["samples_per_s"] > 0
    assert values["state_sha256"] == learner.state_sha256
    assert values["predictions_sha256"] == result.predictions_sha256
    assert (values["arithmetic"], values["seed"]) == (arithmetic, 7)
    assert values["spec"]["network"]["layers"] == [3, 8, 3]
    assert values["versions"]["streamlearn"] == __version__
    assert set(values["versions"]) == {"streamlearn", "python", "numpy", "onnx", "zig"}

    check_manifest(out)
    names = {"state.sls", "metrics.json", "manifest.json", "report.html", "checkpoints", "run.log"}
    assert {file.name for file in out.iterdir()} == names
    assert read_json(out / "metrics.json") == values
    loaded = MesuClassifier.load(out / "state.sls")
    assert loaded.to_bytes() == learner.to_bytes()
    assert set(loaded.labels) == set(LABELS)
    x, _ = toy_rows(1)[0]
    assert set(loaded.predict_proba_one(dict(zip(FEATURES, x, strict=True)))) == set(LABELS)


@pytest.mark.parametrize("rule", rule_names())
def test_every_rule_runs_and_writes_its_report(
    cli: Cli, toy: Path, tmp_path: Path, rule: str
) -> None:
    """What one learner gives: accuracy, mistakes, its weights, saturations."""
    out = tmp_path / "run"
    given = ("--rule", rule, "--hidden", 8, "--out", out)
    assert cli("run", "--stream", toy, "--label", LABEL, *given).code == 0
    page = (out / "report.html").read_text("utf-8")
    assert page.count('<svg class="wide"') == page.count('<svg class="narrow"') == 5
    for text in (f"rule {rule}", "Median", "The most frequent mistake", "Saturations"):
        assert text in page
    assert "toy [red] stream.csv" in page
    assert str(toy.parent) not in page, "a page may be shown to others"
    assert hashlib.sha256(page.encode()).hexdigest() in (out / "manifest.json").read_text()


def test_a_run_without_a_sample_in_floating_point_has_no_saturations(
    cli: Cli, toy: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    given = ("--arithmetic", "float64", "--hidden", 8, "--out", out, "-q")
    assert cli("run", "--stream", toy, "--label", LABEL, *given).code == 0
    assert "<h2>Saturations" not in (out / "report.html").read_text("utf-8")


def test_settings_are_those_of_the_library(cli: Cli, toy: Path, tmp_path: Path) -> None:
    """``--set`` reaches every setting: numbers, inf, None, tuples, truth values and text."""
    figures = tmp_path / "x.json"
    given = (
        "memory_window=inf", "n-draws=3", "sigma_prior=0.5", "mu_frac_bits=11,12", "bias=False",
        "front_end=none",
    )  # fmt: skip
    options = [part for setting in given for part in ("--set", setting)]
    run = ("run", "--stream", toy, "--label", LABEL, "--hidden", 6, *options)
    assert cli(*run, "--json", figures, "-q").code == 0
    spec = read_json(figures)["spec"]
    assert spec["config"]["memory_window"] == "inf"
    assert spec["config"]["n_draws"] == 3
    assert spec["config"]["sigma_prior"] == 0.5
    assert (spec["network"]["bias"], spec["network"]["front_end"]) == (False, "none")
    learner = MesuClassifier(
        (3, 6, 3), classes=sorted(LABELS), memory_window=float("inf"), n_draws=3,
        sigma_prior=0.5, mu_frac_bits=(11, 12), bias=False, front_end="none",
    )  # fmt: skip
    evaluate(ByIndex(learner), CsvStream(toy, LABEL))
    assert read_json(figures)["state_sha256"] == learner.state_sha256


def test_several_hidden_layers_and_a_window(cli: Cli, toy: Path, tmp_path: Path) -> None:
    figures = tmp_path / "x.json"
    more = ("--hidden", "6, 5", "--memory-window", "inf", "--json", figures, "-q")
    assert cli("run", "--stream", toy, "--label", LABEL, *more).code == 0
    spec = read_json(figures)["spec"]
    assert spec["network"]["layers"] == [3, 6, 5, 3]
    assert spec["config"]["memory_window"] == "inf"


def test_a_run_folder_can_be_written_again_with_its_figures_inside(
    cli: Cli, toy: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    for seed in (1, 2):
        given = ("--seed", seed, "--out", out, "--json", out / "metrics.json", "-q")
        assert cli("run", "--stream", toy, "--label", LABEL, *given).code == 0
        check_manifest(out)
        assert read_json(out / "metrics.json")["seed"] == seed


def test_a_pipe_gives_the_same_as_the_file(toy: Path, tmp_path: Path) -> None:
    names = ",".join(sorted(LABELS))
    common = ("--label", LABEL, "--hidden", 8, "--quiet", "--json")
    piped, filed = tmp_path / "pipe.json", tmp_path / "file.json"
    text = toy.read_text("utf-8")
    assert call("run", "--stream", "-", *common, piped, "--classes", names, stdin=text).code == 0
    assert call("run", "--stream", toy, *common, filed).code == 0
    a, b = read_json(piped), read_json(filed)
    for key in KEYS - {"samples_per_s"}:
        assert a[key] == b[key], key


def test_a_pipe_is_read_line_by_line(tmp_path: Path) -> None:
    """A bad third row is reported while the pipe is still open: nobody waits for its end."""
    out = tmp_path / "run"
    given = ("--label", LABEL, "--classes", ",".join(LABELS), "--out", out, "--quiet")
    process = start("run", "--stream", "-", *given, stdin=subprocess.PIPE)
    assert process.stdin is not None
    lines = [HEADER, *(csv_line(*row) for row in toy_rows(2)), "hot,two words,1,1\n"]
    for line in lines:
        process.stdin.write(line)
        process.stdin.flush()
    assert process.wait(timeout=30) == 3
    _, err = process.communicate()
    assert "standard input line 4, column 'temp': expected a number" in err
    assert read_json(out / "metrics.json")["n_samples"] == 2


def test_a_board_of_ones_own_is_a_folder(cli: Cli, q16: Path, tmp_path: Path) -> None:
    port = tmp_path / "port"
    shutil.copytree(firmware_sim.get_board("nrf52840").folder, port)
    entry = json.loads((port / "board.json").read_text("utf-8"))
    (port / "board.json").write_text(json.dumps({**entry, "name": "mine"}), "utf-8")
    given = ("--stream", tmp_path / "more.csv", "--label", LABEL, "--out", tmp_path / "sim")
    (tmp_path / "more.csv").write_text(toy_csv(9, seed=5), "utf-8")
    ended = cli("simulate", q16 / "export", *given, "--port", port)
    assert ended.code == 0, ended.err
    assert read_json(tmp_path / "sim" / "metrics.json")["device"]["board"] == "mine"
    (port / "port.c").unlink()
    ended = cli("simulate", q16 / "export", *given, "--port", port)
    assert ended.code != 0
    assert "no port.c in it" in ended.err


@pytest.mark.parametrize("arithmetic", ["q16", "float32"])
def test_the_device_goes_on_where_the_host_stopped(
    cli: Cli, tmp_path: Path, request: pytest.FixtureRequest, arithmetic: str
) -> None:
    folder: Path = request.getfixturevalue(arithmetic)
    check_manifest(folder / "run")
    check_manifest(folder / "export", "streamlearn-export")
    more = tmp_path / "more.csv"
    more.write_text(toy_csv(90, seed=5), "utf-8")
    out, figures = tmp_path / "sim", tmp_path / "sim.json"
    ended = cli(
        "simulate", folder / "export", "--stream", more, "--label", LABEL, "--out", out,
        "--json", figures, "--board", "stm32f411",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    values = read_json(figures)
    assert set(values) == KEYS | {"skipped", "device", "unlabelled", "missing"}
    host = MesuClassifier.load(folder / "run" / "state.sls")
    assert host.n_samples == 150
    result = evaluate(ByIndex(host), CsvStream(more, LABEL, host.labels))
    assert host.n_samples == 240
    device = values["device"]
    assert device["predictions_sha256"] == values["predictions_sha256"]
    assert values["predictions_sha256"] == result.predictions_sha256
    assert device["state_sha256"] == values["state_sha256"]
    learned = MesuClassifier.load(out / "state.sls")
    if arithmetic == "float32":  # the host rounds a product and its sum once, where it can
        np.testing.assert_allclose(learned.state["mu"], host.state["mu"], rtol=1e-3, atol=1e-4)
    else:
        assert learned.to_bytes() == host.to_bytes()
        assert values["state_sha256"] == host.state_sha256
    assert values["accuracy_prequential"] == result.accuracy
    assert (values["n_samples"], values["arithmetic"]) == (90, arithmetic)
    check_manifest(out)
    assert (out / "firmware" / "firmware.elf").is_file()

    assert set(device) == DEVICE_KEYS
    assert (device["board"], device["core"]) == ("stm32f411", "cortex-m4f")
    ram = device["ram_bytes"]
    assert set(ram) == {"state", "scratch", "stack_peak", "total"}
    assert ram["state"] == host.state.nbytes
    assert ram["total"] > ram["state"] + ram["scratch"] + ram["stack_peak"]
    count = device["instructions_per_sample"]
    assert set(count) == {"learn_median", "learn_max", "predict_median"}
    assert 0 < count["predict_median"] < count["learn_median"] <= count["learn_max"]
    assert device["model"]["ms_per_sample"] > 0


def test_a_regressor_goes_on_on_the_device(cli: Cli, tmp_path: Path) -> None:
    """A learner of numbers out of the library: the same command, the same bits as on the host."""
    rng = np.random.default_rng(0)
    x = np.round(rng.normal(size=(120, 2)), 4)
    y = np.round(20 + 3 * x[:, 0] - x[:, 1], 4)
    learner = MesuRegressor((2, 8, 1), features=("a", "b"))
    for row, target in zip(x[:60], y[:60], strict=True):
        learner.learn_one(row.astype(np.float32), target)
    (tmp_path / "run").mkdir()
    learner.save(tmp_path / "run" / "state.sls")
    assert cli("export", tmp_path / "run", "--to", tmp_path / "e").code == 0
    stream, out = tmp_path / "more.csv", tmp_path / "sim"
    lines = [f"{a!r},{t!r},{b!r}" for (a, b), t in zip(x[60:].tolist(), y[60:].tolist())]  # noqa: B905
    stream.write_text("\n".join(["a,level,b", *lines, "1,hot,2", "1,,2", "1,1e39,2"]) + "\n")
    given = ("--stream", stream, "--label", "level", "--on-bad", "skip", "--out", out)
    ended = cli("simulate", tmp_path / "e", *given)
    assert ended.code == 0, ended.err
    predicted = [
        learner.test_then_learn_one(row.astype(np.float32), target)
        for row, target in zip(x[60:], y[60:], strict=True)
    ]
    values = read_json(out / "metrics.json")
    assert (values["n_samples"], values["skipped"]["count"]) == (60, 2)
    assert values["unlabelled"] == 1
    messages = " ".join(values["skipped"]["messages"])
    for message in ("expected a number, got 'hot'", "outside the range of float32"):
        assert message in messages
    assert values["device"]["state_sha256"] == values["state_sha256"] == learner.state_sha256
    hashed = hashlib.sha256(np.array(predicted, np.float32).tobytes()).hexdigest()
    assert values["device"]["predictions_sha256"] == values["predictions_sha256"] == hashed
    errors = (np.array([p.mean for p in predicted]) - y[60:])[1:]  # no guess knows the first
    assert values["rmse_prequential"] == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-5)
    assert values["mae_prequential"] == pytest.approx(np.mean(np.abs(errors)), rel=1e-5)
    assert values["rmse_prequential"] < values["rmse_no_change"]
    assert "60 samples learned on the device: prequential mean absolute error" in ended.out
    assert values["device"]["instructions_per_sample"]["predict_median"] > 0
    assert MesuRegressor.load(out / "state.sls").to_bytes() == learner.to_bytes()
    check_manifest(out)


def test_simulate_skips_bad_rows_and_reads_a_pipe(q16: Path, tmp_path: Path) -> None:
    out = tmp_path / "sim"
    given = ("--label", LABEL, "--on-bad", "skip", "--out", out)
    text = toy_csv(4) + "1,two words,nan,1\n" + "".join(csv_line(*r) for r in toy_rows(2, 9))
    ended = call("simulate", q16 / "export", "--stream", "-", *given, stdin=text)
    assert ended.code == 0, ended.err
    values = read_json(out / "metrics.json")
    assert values["n_samples"] == 6
    assert values["skipped"]["count"] == 1
    assert "1 rows skipped, first: standard input line 6, column 'x y'" in ended.err
    assert "6 samples learned on the device" in ended.out


def test_a_new_export_replaces_the_old(cli: Cli, q16: Path, float32: Path, tmp_path: Path) -> None:
    to = tmp_path / "e"
    assert cli("export", q16 / "run", "--to", to).out.startswith(f"{to}: ")
    assert cli("export", float32 / "run", "--to", to).code == 0
    check_manifest(to, "streamlearn-export")
    assert read_json(to / "manifest.json")["arithmetic"] == "float32"
    assert read_json(to / "manifest.json")["classes"] == sorted(LABELS)


# -- what the accuracy alone hides ---------------------------------------------------------------


def noise_csv(file: Path, share: float, n: int = 600) -> Path:
    """Write a stream whose features say nothing of the label."""
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{int(c < share)}" for a, b, c in rng.random((n, 3))]
    file.write_text("a,b,y\n" + "\n".join(rows) + "\n")
    return file


def test_worse_than_the_majority_is_said_also_quietly(cli: Cli, tmp_path: Path) -> None:
    file, out = noise_csv(tmp_path / "x.csv", 0.4), tmp_path / "run"
    given = ("--label", "y", "--hidden", 8, "--set", "lr_mu=4", "--out", out)
    ended = cli("run", "--stream", file, *given, "--quiet")
    assert (ended.code, ended.out) == (0, "")
    values = read_json(out / "metrics.json")
    assert values["accuracy_prequential"] < values["accuracy_majority"]
    assert values["kappa_m"] < 0
    assert ended.err == "".join(f"streamlearn: {one}\n" for one in values["advice"])
    assert ended.err.startswith("streamlearn: worse than the majority: ")
    page = (out / "report.html").read_text("utf-8")
    assert "Before you use it" in page
    assert "Worse than the majority: " in page


def test_a_rare_class_is_named_with_its_recall(cli: Cli, tmp_path: Path) -> None:
    file = noise_csv(tmp_path / "x.csv", 0.05)
    run = ("run", "--stream", file, "--label", "y", "--json", tmp_path / "x.json")
    ended = cli(*run, "--hidden", 8)
    assert ended.code == 0
    values = read_json(tmp_path / "x.json")
    rare = {one["class"]: one for one in values["classes"]}["1"]
    assert rare["n_samples"] >= 20
    assert rare["recall"] < 0.5 * values["accuracy_prequential"]
    assert f"the class '1' is hidden by the accuracy: of its {rare['n_samples']} " in ended.err
    assert f"│ 1     │      {rare['n_samples']} │" in ended.out


def test_a_drift_is_named(cli: Cli, tmp_path: Path) -> None:
    """The labels lose their law, so no learner comes back."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 2))
    y = (x[:, 0] > 0) ^ (np.arange(3000) >= 2000) * rng.integers(2, size=3000)
    lines = [f"{a:.3f},{b:.3f},{int(c)}" for (a, b), c in zip(x, y, strict=True)]
    (tmp_path / "x.csv").write_text("a,b,y\n" + "\n".join(lines) + "\n")
    run = ("run", "--stream", tmp_path / "x.csv", "--label", "y", "--hidden", 8)
    ended = cli(*run, "--json", tmp_path / "x.json")
    (drift,) = read_json(tmp_path / "x.json")["drifts"]
    assert drift["at"] == pytest.approx(2000, abs=40)
    assert drift["accuracy_after"] < 0.6 < 0.9 < drift["accuracy_before"]
    assert f"drift: the accuracy fell once: about sample {drift['at']:,} from " in ended.out
