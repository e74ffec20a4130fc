"""``--label-budget``: a run learns the labels that it asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_helpers import LABEL, Cli, read_json

from streamlearn import BimuClassifier
from streamlearn.streams import CsvStream


def test_a_label_budget_learns_a_share_of_the_labels(cli: Cli, toy: Path, tmp_path: Path) -> None:
    given = ("run", "--stream", toy, "--label", LABEL, "--rule", "bimu")
    ended = cli(*given, "--label-budget", "20%", "--out", tmp_path / "run")
    assert ended.code == 0, ended.err
    metrics = read_json(tmp_path / "run" / "metrics.json")
    labels = metrics["labels"]
    assert labels["offered"] == metrics["n_samples"] > labels["asked"] > 0
    assert labels["budget"] == 0.2
    assert BimuClassifier.load(tmp_path / "run" / "state.sls").n_samples == labels["asked"]
    assert f"asked for {labels['asked']} of {labels['offered']} labels" in ended.err


def test_predictions_ask_for_no_other_labels(cli: Cli, toy: Path, tmp_path: Path) -> None:
    given = ("run", "--stream", toy, "--label", LABEL, "--hidden", 8, "--quiet")
    given += ("--label-budget", "20%")
    assert cli(*given, "--out", tmp_path / "a").code == 0
    assert cli(*given, "--out", tmp_path / "b", "--predictions", tmp_path / "p.csv").code == 0
    one, other = (read_json(tmp_path / name / "metrics.json") for name in "ab")
    assert one["labels"] == other["labels"]
    assert one["state_sha256"] == other["state_sha256"]


@pytest.mark.parametrize("kept", [2, 31, 64])
def test_a_run_that_was_cut_asks_for_the_labels_of_one_that_was_not(
    cli: Cli, toy: Path, tmp_path: Path, kept: int
) -> None:
    given = ("run", "--label", LABEL, "--hidden", 8, "--quiet", "--label-budget", "20%")
    assert cli(*given, "--stream", toy, "--out", tmp_path / "whole").code == 0
    lines = toy.read_text("utf-8").splitlines(keepends=True)
    part = tmp_path / "part.csv"
    part.write_text("".join(lines[: 1 + kept]), "utf-8")
    classes = ("--classes", ",".join(CsvStream(toy, LABEL).classes))
    assert cli(*given, *classes, "--stream", part, "--out", tmp_path / "run").code == 0
    part.write_text("".join(lines), "utf-8")
    ended = cli("run", "--resume", tmp_path / "run", "--quiet")
    assert ended.code == 0, ended.err
    one, other = (read_json(tmp_path / name / "metrics.json") for name in ("whole", "run"))
    for same in ("labels", "state_sha256", "n_samples", "predictions_sha256"):
        assert one[same] == other[same], same
    ended = cli("run", "--resume", tmp_path / "run", "--quiet", "--record", tmp_path / "x.slr")
    assert "--label-budget goes without --record" in ended.err
    ended = cli("run", "--resume", tmp_path / "run", "--quiet", "--label-budget", "50%")
    assert read_json(tmp_path / "run" / "metrics.json")["labels"]["budget"] == 0.5


def test_a_regression_that_goes_on_has_no_labels_to_ask_for(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("a,b,y\n" + "".join(f"{i},{-i},{i % 7}.5\n" for i in range(60)), "utf-8")
    given = ("run", "--stream", file, "--label", "y", "--task", "regression", "--quiet")
    assert cli(*given, "--out", tmp_path / "run").code == 0
    ended = cli("run", "--resume", tmp_path / "run", "--label-budget", "5%")
    assert (ended.code, "goes without --task regression" in ended.err) == (1, True)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--label-budget", "0"), "--label-budget 0: expected a share of the labels, such as 5%"),
        (("--label-budget", "x%"), "--label-budget x%: expected a share"),
        (("--label-budget", "5%", "--rule", "metaplastic"), "has no draws that could disagree"),
        (("--label-budget", "5%", "--label-delay", "3"), "leave out --label-delay and --labels"),
        (("--label-budget", "5%", "--task", "regression"), "goes without --task regression"),
    ],
)
def test_a_label_budget_that_makes_no_sense_is_one_line(
    cli: Cli, toy: Path, more: tuple[str, ...], said: str
) -> None:
    ended = cli("run", "--stream", toy, "--label", LABEL, *more)
    assert ended.code == 1
    assert said in ended.err
