"""Help, version, boards, silence: what the command line says when nothing is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import get_args

import pytest
import typer
from cli_helpers import LABEL, Cli, call

import firmware_sim
from streamlearn import __version__, sources
from streamlearn import cli as command_line
from streamlearn.cli import exit_codes, options
from streamlearn.cli.app import app
from streamlearn.cli.rules import rule_names, settings_of
from streamlearn.cli.whole_samples import STOPS
from streamlearn.streams import csv_options

#: Every command, and the options that it declares.
OPTIONS = {
    name: {
        option
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--") and not getattr(parameter, "hidden", False)
    }
    for name, command in typer.main.get_command(app).commands.items()  # type: ignore[attr-defined]
}


@pytest.mark.parametrize("command", OPTIONS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_every_option(cli: Cli, command: str, flag: str) -> None:
    ended = cli(command, flag)
    assert (ended.code, ended.err) == (0, "")
    assert f"Usage: streamlearn {command}" in ended.out
    named = set(re.findall(r"(?<![\w-])--[a-z-]+", ended.out))
    assert OPTIONS[command] <= named


def test_help_names_every_rule_and_setting(cli: Cli) -> None:
    words = cli("run", "--help").out.split()
    for rule in rule_names():
        assert f"{rule}:" in words, "a paragraph with its settings"
        for name, default in settings_of(rule).items():
            assert {f"{name}={default}", f"{name}={default},"} & set(words)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["--debug"]])
def test_help_of_the_program_names_every_command(cli: Cli, arguments: list[str]) -> None:
    ended = cli(*arguments)
    assert (ended.code, ended.err) == (0, "")
    assert "Usage: streamlearn [OPTIONS] COMMAND" in ended.out
    for command in OPTIONS:
        assert re.search(rf"\b{command}  ", ended.out)
    assert "--debug" in ended.out
    assert "--version" in ended.out


#: What only some commands need, and takes long to import.
HEAVY = ("onnx", "onnxruntime", "unicorn", "capstone", "elftools", "matplotlib", "serial", "ssl")


def test_help_waits_for_nothing_that_only_a_command_needs() -> None:
    program = f"""
import sys
from streamlearn import cli
cli.run(["--help"])
print(*[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
cli.run(["run", "--help"])
print(*[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
import firmware_sim
firmware_sim.Device
print(*[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    first, second, canary = ended.stderr.splitlines()
    assert (first, second) == ("", "")
    assert "unicorn" in canary


def test_names_that_are_not_imported_for_help_are_the_real_ones() -> None:
    assert options.FORMATS == sources.FORMATS
    command = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]
    (missing,) = (p.metavar for p in command.params if "--missing" in p.opts)
    assert tuple(missing.split("|")) == get_args(csv_options.Missing)


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"streamlearn {__version__}\n"
    assert call("--version").out == f"streamlearn {__version__}\n"


def test_boards_are_listed_by_their_whole_names(cli: Cli) -> None:
    ended = cli("boards")
    assert ended.code == 0
    for board in firmware_sim.list_boards():
        line = next(line for line in ended.out.splitlines() if line.split()[:1] == [board.name])
        assert line.split()[1] == board.core.name
        assert str(board.ram.bytes // 1024) in line.split()
    assert ended.out.count("(default)") == 1
    assert max(map(len, ended.out.splitlines())) <= 80


def test_main_exits_with_the_code() -> None:
    with pytest.raises(SystemExit) as ending:
        command_line.main(["sing"])
    assert ending.value.code == 2


def test_every_exit_code_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "running.md").read_text("utf-8")
    table = page.partition("## Exit codes")[2].partition("\n## ")[0]
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    codes = {value for name, value in vars(exit_codes).items() if name.startswith("EXIT_")}
    assert documented == (codes - {exit_codes.EXIT_SIGNAL}) | {
        exit_codes.EXIT_SIGNAL + number for number in STOPS
    }


def test_quiet_is_silent(cli: Cli, toy: Path, q16: Path, tmp_path: Path) -> None:
    stream = ("--stream", toy, "--label", LABEL, "--quiet")
    for arguments in (
        ("run", *stream, "--out", tmp_path / "r", "--json", tmp_path / "r.json"),
        ("simulate", q16 / "export", *stream, "--out", tmp_path / "s"),
        ("demo", "--limit", 2, "--out", tmp_path / "d", "-q"),
    ):
        ended = cli(*arguments)
        assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_results_go_to_standard_output_and_the_rest_to_standard_error(
    cli: Cli, toy: Path, tmp_path: Path
) -> None:
    ended = cli("run", "--stream", toy, "--label", LABEL, "--out", tmp_path / "r")
    assert "150 samples, 3-32-3, q16" in " ".join(ended.out.split())
    assert "toy [red] stream.csv" in " ".join(ended.out.split()), "brackets are no markup"
    assert ended.err == f"run folder: {tmp_path / 'r'}  (open {tmp_path / 'r' / 'report.html'})\n"
    nothing = "nothing was kept; --out DIR writes the learner, its figures and a report\n"
    assert cli("run", "--stream", toy, "--label", LABEL).err == nothing


@pytest.mark.filterwarnings("default::streamlearn.NoiseWarning")
def test_a_warning_is_one_line_and_no_failure(cli: Cli, toy: Path) -> None:
    shown = warnings.showwarning
    ended = cli("run", "--stream", toy, "--label", LABEL, "--memory-window", 600, "--quiet")
    assert ended.code == 0
    assert ended.err.startswith("streamlearn: NoiseWarning: memory_window=600 ")
    assert ended.err.count("\n") == 1
    assert warnings.showwarning is shown, "the process gets its own way of warning back"


def test_a_terminal_without_the_letters_is_no_failure(tmp_path: Path) -> None:
    import os

    ended = subprocess.run(
        [sys.executable, "-m", "streamlearn.cli", "demo", "--limit", "1", "--out", tmp_path / "d"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    assert b"?J" in ended.stdout
