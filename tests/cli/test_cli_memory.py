"""``--memory``: run, export and simulate are one learner, with what it remembers."""

from __future__ import annotations

from pathlib import Path

from cli_helpers import LABEL, Cli, read_json

from streamlearn import MesuClassifier, load
from streamlearn.by_index import ByIndex
from streamlearn.evaluation import evaluate
from streamlearn.streams.csv_stream import CsvStream


def test_run_export_simulate_is_one_learner(cli: Cli, toy: Path, tmp_path: Path) -> None:
    given = ("--hidden", 8, "--memory", "lda", "--memory-bytes", 2000)
    ended = cli("run", "--stream", toy, "--label", LABEL, *given, "--out", tmp_path / "run")
    assert ended.code == 0, ended.err
    assert cli("export", tmp_path / "run", "--to", tmp_path / "export").code == 0
    more = ("--board", "rp2040", "--out", tmp_path / "sim", "-q")
    ended = cli("simulate", tmp_path / "export", "--stream", toy, "--label", LABEL, *more)
    assert ended.code == 0, ended.err

    rows = CsvStream(toy, LABEL)
    learner = MesuClassifier(
        (3, 8, 3),
        classes=rows.classes,
        features=rows.feature_names,
        memory="lda",
        memory_bytes=2000,
    )
    evaluate(ByIndex(learner), rows)
    metrics = read_json(tmp_path / "run" / "metrics.json")
    assert metrics["state_sha256"] == learner.state_sha256
    network = metrics["spec"]["network"]
    assert (network["memory"], network["memory_features"]) == ("lda", learner.memory_features)
    evaluate(ByIndex(learner), CsvStream(toy, LABEL))
    again = load(tmp_path / "sim" / "state.sls")
    assert isinstance(again, MesuClassifier)
    assert again.state_sha256 == learner.state_sha256
    x = next(iter(CsvStream(toy, LABEL)))[0]
    assert again.recall_proba_one(x) == learner.recall_proba_one(x)


def test_what_is_no_memory_is_refused(cli: Cli, toy: Path) -> None:
    for given, message in (
        (("--memory", "knn"), "memory='knn': expected None or 'lda' or 'mean'"),
        (("--memory-bytes", 5000), "memory_bytes=5000 without a memory"),
        (("--memory", "lda", "--memory-bytes", 9), "takes at least"),
    ):
        ended = cli("run", "--stream", toy, "--label", LABEL, *given)
        assert ended.code != 0
        assert message in " ".join(ended.err.split()), ended.err
