"""What the README shows runs, and what it promises exists."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(program.splitlines()) <= 25
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "README.md", "exec"), {})
    (printed,) = re.findall(r"prequential accuracy ([\d.]+)%\n", capsys.readouterr().out)
    (in_the_table,) = re.findall(r"\| MESU, q16 C \| ([\d.]+) % \|", README)
    assert printed == in_the_table
    assert json.loads((tmp_path / "gas-export" / "manifest.json").read_text())["n_samples"] == 6697


def test_the_tests_that_prove_the_promises_exist() -> None:
    named = re.findall(r"`(tests/[\w/.]+)`", README)
    assert len(named) >= 10
    for name in named:
        assert (ROOT / name).exists(), f"the README names {name}"


def test_links_and_pictures_exist() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)]+)\)", README)
    assert len(targets) >= 7
    for target in targets:
        assert (ROOT / target).exists(), f"the README links to {target}"


def test_the_commands_of_the_table_exist() -> None:
    from typer.main import get_command

    from streamlearn.cli.app import app

    known = set(get_command(app).commands)
    named = set(re.findall(r"\| `streamlearn ([\w-]+)", README))
    assert named == known


def test_the_table_is_of_this_version_of_the_learner() -> None:
    """The README's state hash is what the learner ends with today; else run the benchmark again."""
    from streamlearn import MesuClassifier
    from streamlearn.streams import load_gas_drift

    stream = load_gas_drift()
    learner = MesuClassifier((128, 32, 6), classes=stream.classes, features=stream.feature_names)
    for x, y in stream:
        learner.learn_one(x, stream.classes[y])
    assert "| MESU, q16 C | " in README
    assert f"`{learner.state_sha256[:12]}`" in README, (
        "run: python -m experiments demo-table, then figures"
    )
