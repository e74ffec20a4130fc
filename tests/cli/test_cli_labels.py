"""``--label-budget``: a run learns the labels that it asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_helpers import LABEL, Cli, read_json

from streamlearn import BimuClassifier


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
