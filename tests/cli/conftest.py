from __future__ import annotations

from pathlib import Path

import pytest
from cli_helpers import LABEL, Cli, Ended, toy_csv

from streamlearn import cli as command_line

N_TOY = 150


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command in this process: what a user sees, without the start of an interpreter."""

    def run(*arguments: object) -> Ended:
        capsys.readouterr()
        code = command_line.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stream of three features and labels with blanks, quotes, brackets and umlauts."""
    path = tmp_path_factory.mktemp("toy") / "toy [red] stream.csv"
    path.write_text(toy_csv(N_TOY), "utf-8")
    return path


def made(folder: Path, toy: Path, arithmetic: str) -> Path:
    """Learn the toy stream and export it: ``folder/run`` and ``folder/export``."""
    run = ["run", "--stream", str(toy), "--label", LABEL, "--hidden", "8", "--quiet"]
    run += ["--arithmetic", arithmetic, "--out", str(folder / "run")]
    assert command_line.run(run) == 0
    assert command_line.run(["export", str(folder / "run"), "--to", str(folder / "export")]) == 0
    return folder


@pytest.fixture(scope="session")
def q16(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("q16"), toy, "q16")


@pytest.fixture(scope="session")
def float32(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("float32"), toy, "float32")
