"""``demo``: what it finds, what it writes, and that nothing of it is made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_helpers import Cli, Ended, call, check_manifest, one_line, read_json
from test_cli_run import DEVICE_KEYS, KEYS

import streamlearn.cli.demo_crew as crew_module
import streamlearn.cli.demo_parts as parts_module
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
        "start", "firmware", "state.sls", "predict.onnx", "metrics.json", "manifest.json",
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
    honest = parts_module.learn_on_device

    def dishonest(*arguments: Any) -> DeviceRun:
        run = honest(*arguments)
        run.state = run.state[:-1] + bytes([run.state[-1] ^ 1])
        return run

    monkeypatch.setattr(parts_module, "learn_on_device", dishonest)
    ended = cli("demo", "--limit", 2, "--out", tmp_path / "d", "--quiet")
    assert ended.code == 1
    assert "the engines disagree, which they never should: see fidelity in" in one_line(ended.err)
    assert read_json(tmp_path / "d" / "metrics.json")["fidelity"]["bit_exact"] is False


def test_helpers_find_the_same(folder: tuple[Path, Ended], tmp_path: Path) -> None:
    """Whatever ends first: the same table, and the same figures but for the speed."""
    given = ("--limit", N, "--out", tmp_path / "d", "--seed", 3, "--processes", 3, "--timings")
    ended = call("demo", *given)
    assert ended.code == 0, ended.err
    alone, helped = (read_json(run / "metrics.json") for run in (folder[0] / "run", tmp_path / "d"))
    for values in (alone, helped):
        for part in (values, *values["engines"].values()):
            assert part.pop("samples_per_s") > 0
    assert list(helped["engines"]) == ENGINES
    assert helped == alone
    table = [line.split("│")[1:3] for line in ended.out.split("seconds")[1].splitlines()[3:-1]]
    rows = [(cells[0].strip(), cells[1].strip()) for cells in table if len(cells) == 2]
    names = [name for name, _ in rows]
    assert sorted(names[1:-2]) == sorted(parts_module.in_turn())
    assert (names[0], *names[-2:]) == ("firmware", "report, files", "everything")
    assert {process for _, process in rows[1:-2]} == {"main", "helper 1", "helper 2"}
    assert max(map(len, ended.out.splitlines())) <= 80


def test_a_board_that_is_too_small_is_refused_before_anything_is_learned(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew_module.Crew, "run", lambda _: pytest.fail("something was learned"))
    ended = cli("demo", "--board", "stm32l072", "--out", tmp_path / "d", "--quiet")
    assert ended.code == 1
    assert "stm32l072 is too small: the firmware needs " in one_line(ended.err)


def test_a_long_stream_has_helpers_and_a_short_one_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for cores, expected in ((1, 1), (2, 2), (64, crew_module.MOST)):
        monkeypatch.setattr(crew_module.os, "cpu_count", lambda n=cores: n)
        monkeypatch.setattr(
            crew_module.os, "sched_getaffinity", lambda _, n=cores: set(range(n)), raising=False
        )
        assert crew_module.processes_for(6697) == expected
        assert crew_module.processes_for(300) == 1


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("raises", "device: its process ended with exit code 1; --processes 1 does all parts"),
        ("refuses", "device: it is raining"),
    ],
)
def test_a_helper_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli, how: str, message: str
) -> None:
    monkeypatch.setattr(crew_module, "help_out", {"raises": dying, "refuses": refusing}[how])
    ended = cli("demo", "--limit", 20, "--out", tmp_path / "d", "--processes", 2, "--quiet")
    assert ended.code == 1
    assert message in one_line(ended.err)


def dying(*_: Any) -> None:
    raise SystemExit(1)


def refusing(connection: Any, *_: Any) -> None:
    connection.recv()
    connection.send("it is raining")


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
