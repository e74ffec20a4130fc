"""``demo``: what it finds, what it writes, and that nothing of it is made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_helpers import Cli, Ended, call, check_manifest, one_line, read_json
from test_cli_run import DEVICE_KEYS, KEYS

import streamlearn.cli.demo as demo_module
from streamlearn import MesuClassifier
from streamlearn.cli.device import DeviceRun

ENGINES = ["float64", "float32", "q16 golden", "q16 C"]
N = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    root = tmp_path_factory.mktemp("demo")
    given = ("--limit", N, "--out", root / "run", "--json", root / "x.json", "--seed", 3)
    return root, call("demo", *given)


def test_demo_ends_well(folder: tuple[Path, Ended]) -> None:
    root, ended = folder
    assert ended.code == 0, ended.err
    run = root / "run"
    assert ended.err == f"run folder: {run}  (open {run / 'report.html'})\n"
    check_manifest(run)
    names = {file.name for file in run.iterdir()}
    assert names == {
        "start", "firmware", "state.sls", "model.onnx", "metrics.json", "manifest.json",
        "report.html",
    }  # fmt: skip
    assert (run / "firmware" / "firmware.elf").is_file()
    assert "<html" in (run / "report.html").read_text("utf-8")[:500]
    assert not any("roomy" in file.name for file in run.rglob("*"))


def test_demo_says_it_in_80_columns(folder: tuple[Path, Ended]) -> None:
    lines = folder[1].out.splitlines()
    assert max(map(len, lines)) <= 80
    rows = [line.split("│")[1].strip() for line in lines if line.startswith("│")]
    assert rows[:5] == [*(f"MESU {name}" for name in ENGINES), "MESU q16 on nrf52840"]
    assert rows[5:8] == ["no change", "majority", "SGD MLP"]
    assert "golden = host C = device, state and predictions, every bit: yes" in lines
    assert "ONNX Runtime predicts the same from the exported state: yes" in lines
    assert "…" not in folder[1].out


def test_demo_figures(folder: tuple[Path, Ended]) -> None:
    root, _ = folder
    values = read_json(root / "x.json")
    assert values == read_json(root / "run" / "metrics.json")
    assert values.keys() >= KEYS | {"engines", "baselines", "fidelity", "device"}
    assert list(values["engines"]) == ENGINES
    for name, engine in values["engines"].items():
        assert set(engine) == KEYS
        assert (engine["n_samples"], engine["seed"]) == (N, 3)
        assert engine["arithmetic"] == name.split()[0]
        assert engine["spec"]["network"]["layers"] == [128, 32, 6]
        assert engine["accuracy_prequential"] > values["baselines"]["majority"]
    fidelity, device = values["fidelity"], values["device"]
    assert fidelity["bit_exact"] is True
    assert fidelity["onnx_exact"] is True
    assert fidelity["agreement_q16_float64"] > 0.9
    engines = values["engines"]
    assert fidelity["accuracy_difference"] == pytest.approx(
        engines["q16 C"]["accuracy_prequential"] - engines["float64"]["accuracy_prequential"]
    )
    for key in ("state_sha256", "predictions_sha256"):
        assert engines["q16 golden"][key] == engines["q16 C"][key] == device[key] == values[key]
    assert set(device) == DEVICE_KEYS
    learner = MesuClassifier.load(root / "run" / "state.sls")
    assert device["ram_bytes"]["state"] == learner.state.nbytes
    assert device["model"]["ms_per_sample"] > 0
    assert (learner.n_samples, learner.state_sha256) == (N, values["state_sha256"])


def test_the_demo_folder_is_a_run_folder(
    cli: Cli, folder: tuple[Path, Ended], tmp_path: Path
) -> None:
    assert cli("export", folder[0] / "run", "--to", tmp_path / "e").code == 0
    check_manifest(tmp_path / "e", "streamlearn-export")
    assert read_json(tmp_path / "e" / "manifest.json")["n_samples"] == N


def test_a_device_that_differs_is_a_failure(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The canary of "bit exact": one bit of the device's state is turned."""
    honest = demo_module.learn_on_device

    def dishonest(*arguments: Any) -> DeviceRun:
        run = honest(*arguments)
        run.state = run.state[:-1] + bytes([run.state[-1] ^ 1])
        return run

    monkeypatch.setattr(demo_module, "learn_on_device", dishonest)
    ended = cli("demo", "--limit", 2, "--out", tmp_path / "d", "--quiet")
    assert ended.code == 1
    assert "the engines disagree, which they never should: see fidelity in" in one_line(ended.err)
    assert read_json(tmp_path / "d" / "metrics.json")["fidelity"]["bit_exact"] is False


@pytest.mark.slow
def test_the_whole_stream(tmp_path: Path) -> None:
    ended = call("demo", "--out", tmp_path / "d")
    assert ended.code == 0, ended.err
    values = read_json(tmp_path / "d" / "metrics.json")
    assert values["n_samples"] == 6697
    assert values["fidelity"]["bit_exact"] is True
    assert values["fidelity"]["onnx_exact"] is True
    assert values["accuracy_prequential"] >= values["baselines"]["SGD MLP"]
    check_manifest(tmp_path / "d")
