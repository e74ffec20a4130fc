"""What the documents name exists: files, commands, targets of the Makefile, experiments."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOP = "quant|streamlearn|export|firmware_sim|tests|docs|experiments|benchmarks"
FILE = re.compile(rf"(?<![\w/.])(?:{TOP})/[\w./*-]*[\w*/]")
NAME = re.compile(
    r"(?<![\w/.])(?:quant|streamlearn|export|firmware_sim)(?:\.[A-Za-z_]\w*)+(?![\w/])"
)
EXPERIMENT = re.compile(r"python\s+-m\s+experiments\s+([a-z-]+)")
TARGET = re.compile(r"`make ([a-z]+)`")
COMMAND = re.compile(
    r"`streamlearn ([a-z][a-z-]*)|^    streamlearn ([a-z][a-z-]*)|^streamlearn ([a-z][a-z-]*) .*-",
    re.MULTILINE,
)


def documents() -> Iterator[tuple[str, str]]:
    """Yield name and text of every document."""
    for path in [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "quant").rglob("*.md"),
    ]:
        yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


def missing_files(text: str) -> list[str]:
    """Files that a text names in code and that the repository does not have."""
    named = {name for code in re.findall(r"`([^`\n]+)`", text) for name in FILE.findall(code)}
    return sorted(name for name in named if "rules/" not in name and not any(ROOT.glob(name)))


def missing_names(text: str) -> list[str]:
    """Dotted names of our packages that a text has in code and nobody can import."""
    named = {name for code in re.findall(r"`([^`\n]+)`", text) for name in NAME.findall(code)}
    return sorted(name for name in named if not is_name(name))


def is_name(name: str) -> bool:
    """Tell whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:n]))
        except ModuleNotFoundError as error:
            if error.name in ("torch", "pyflink"):
                return True  # the extra is not installed
            continue
        try:
            for attribute in parts[n:]:
                found = getattr(found, attribute)
        except AttributeError:
            return False
        return True
    return False


def test_names_exist() -> None:
    wrong = {where: missing for where, text in documents() if (missing := missing_names(text))}
    assert not wrong


def test_files_exist() -> None:
    wrong = {where: missing for where, text in documents() if (missing := missing_files(text))}
    assert not wrong


def test_commands_exist() -> None:
    from typer.main import get_command

    from streamlearn.cli.app import app

    known = set(get_command(app).commands)
    named = {
        name for _, text in documents() for found in COMMAND.findall(text) for name in found if name
    }
    assert named == known


def test_targets_of_the_makefile_exist() -> None:
    known = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for _, text in documents() for name in TARGET.findall(text)}
    assert named
    assert named <= known


def test_experiments_exist() -> None:
    named = {name for _, text in documents() for name in EXPERIMENT.findall(text)}
    assert named
    if importlib.util.find_spec("experiments") is None:
        return  # an installed package without the repository's experiments
    from experiments.catalogue import CATALOGUE

    assert named <= {*CATALOGUE, "list"}


def test_canary_a_file_that_is_not_there_is_seen() -> None:
    text = "`quant/noise.py`, `quant/kernel/*.h`, `tests/kernel` and `quant/kernel/sl_nowhere.c`"
    assert missing_files(text) == ["quant/kernel/sl_nowhere.c"]
    assert missing_names("`quant.state.layout_of` and `quant.nowhere()`") == ["quant.nowhere"]
