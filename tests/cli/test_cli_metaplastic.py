"""``--rule metaplastic``: the same commands, one byte per synapse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from cli_helpers import LABEL, Cli, read_json

from streamlearn import MetaplasticClassifier, load
from streamlearn.by_index import ByIndex
from streamlearn.evaluation import evaluate
from streamlearn.streams.csv_stream import CsvStream


def test_run_export_simulate_is_one_learner(cli: Cli, toy: Path, tmp_path: Path) -> None:
    """150 rows on the host, the same 150 again on a device: as the library does in one go."""
    rule = ("--rule", "metaplastic", "--hidden", 16, "--metaplasticity", 2, "--seed", 3)
    ended = cli("run", "--stream", toy, "--label", LABEL, *rule, "--out", tmp_path / "run")
    assert ended.code == 0, ended.err
    assert cli("export", tmp_path / "run", "--to", tmp_path / "export").code == 0
    more = ("--board", "rp2040", "--out", tmp_path / "sim", "-q")
    ended = cli("simulate", tmp_path / "export", "--stream", toy, "--label", LABEL, *more)
    assert ended.code == 0, ended.err

    rows = CsvStream(toy, LABEL)
    learner = MetaplasticClassifier(
        (3, 16, 3), classes=rows.classes, features=rows.feature_names, metaplasticity=2.0, seed=3
    )
    first = evaluate(ByIndex(learner), rows)
    metrics = read_json(tmp_path / "run" / "metrics.json")
    assert metrics["arithmetic"] == "q8"
    assert metrics["spec"]["rule"] == "metaplastic"
    assert metrics["state_sha256"] == learner.state_sha256
    assert metrics["accuracy_prequential"] == first.accuracy > 0.8
    second = evaluate(ByIndex(learner), CsvStream(toy, LABEL))
    again = load(tmp_path / "sim" / "state.sls")
    assert isinstance(again, MetaplasticClassifier)
    assert again.state_sha256 == learner.state_sha256
    device = read_json(tmp_path / "sim" / "metrics.json")["device"]
    assert device["state_sha256"] == learner.state_sha256
    assert device["predictions_sha256"] == second.predictions_sha256
    assert np.mean(second.predictions == second.labels) > 0.9


def test_float64_runs_too(cli: Cli, toy: Path, tmp_path: Path) -> None:
    figures = tmp_path / "x.json"
    given = ("--rule", "metaplastic", "--arithmetic", "float64", "--json", figures, "-q")
    assert cli("run", "--stream", toy, "--label", LABEL, *given).code == 0
    assert read_json(figures)["arithmetic"] == "float64"


def test_what_the_rule_does_not_have_is_refused(cli: Cli, toy: Path) -> None:
    for given, message in (
        (("--rule", "metaplastic", "--memory-window", 1000), "--memory-window is no setting of"),
        (("--metaplasticity", 2), "--metaplasticity is no setting of the rule mesu; leave it out"),
        (("--rule", "metaplastic", "--arithmetic", "q16"), "expected one of q8, float32"),
        (("--arithmetic", "q8"), "expected one of q16, float32, float64"),
        (("--rule", "metaplastic", "--metaplasticity", 17), "metaplasticity=17.0: expected 0 to"),
    ):
        ended = cli("run", "--stream", toy, "--label", LABEL, *given)
        assert ended.code != 0
        assert message in " ".join(ended.err.split()), ended.err
