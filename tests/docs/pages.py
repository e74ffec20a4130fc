"""Run what a page of the documents shows, and compare what it prints with what the page says.

On a page every block of `python` and of `sh` is run, in its order, in one empty folder; the blocks
of Python share their names. A block of `text` behind one is what it prints, standard error
included; `…` stands for anything, as a time or a speed. A line `<!-- not run: reason -->` in front
excuses a block. An error is shown as the command line or Python shows it, without the traceback.

`python tests/docs/pages.py PAGE…` writes today's output into the blocks.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import firmware_sim
import streamlearn
from streamlearn import cli

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(
    r"(?P<excuse><!-- not run: .+? -->\n+)?^```(?P<kind>python|sh)\n(?P<code>.*?)^```\n"
    r"(?:\n*```text\n(?P<output>.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)
ERRORS = (streamlearn.StreamlearnError, firmware_sim.FirmwareSimError)
#: What differs from run to run or from machine to machine; a page shows … instead: speeds, and the
#: hashes of floats.
VARYING = (
    re.compile(r"\d+ files, [\d,]+(?= bytes)"),
    re.compile(r"(?<=│) *[\d,]+(?= │ [0-9a-f]{8} )"),
    re.compile(r"(?<=float\d\d         │  \d\d\.\d\d % │         … │ )[0-9a-f]{8}"),
)


@dataclass(frozen=True)
class Block:
    """One block that is run, and where its expected output stands in the page."""

    kind: str
    code: str
    output: str | None
    span: tuple[int, int]


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a page that are run."""
    for found in BLOCK.finditer(text):
        if not found["excuse"]:
            span = found.span("output")
            yield Block(found["kind"], found["code"], found["output"], span)


def run_page(text: str) -> list[tuple[Block, str]]:
    """Run a page's blocks in an empty folder; return each with what it printed."""
    names: dict[str, Any] = {"__name__": "__page__"}
    with tempfile.TemporaryDirectory() as folder, _inside(folder):
        return [(block, _run(block, names)) for block in blocks(text)]


def fits(expected: str, printed: str) -> bool:
    """Tell whether an output is the expected one; ``…`` is anything within a line, blanks too."""
    pattern = "[^\n]*".join(re.escape(part) for part in re.split(" *… *", _trimmed(expected)))
    return re.fullmatch(pattern, _trimmed(printed)) is not None


def _run(block: Block, names: dict[str, Any]) -> str:
    if block.kind == "python":
        return _python(block.code, names)
    if re.fullmatch(r"(streamlearn [^|<>&]*\n)+", block.code.replace("\\\n", " ")):
        return "".join(
            _command(line) for line in block.code.replace("\\\n", " ").splitlines() if line
        )
    done = subprocess.run(
        ["bash", "-c", block.code],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    return done.stdout


def _python(code: str, names: dict[str, Any]) -> str:
    with _caught() as printed, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        try:
            exec(compile(code, "<page>", "exec"), names)
        except ERRORS as error:
            print(f"{type(error).__name__}: {error}")
    said = "".join(f"{w.category.__name__}: {w.message}\n" for w in warned)
    return said + printed.getvalue()


def _command(line: str) -> str:
    with _caught() as printed:
        cli.run(shlex.split(line)[1:])
    return printed.getvalue()


@contextlib.contextmanager
def _caught() -> Iterator[io.StringIO]:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        yield printed


@contextlib.contextmanager
def _inside(folder: str) -> Iterator[None]:
    """Work in a folder, on a terminal of 80 columns."""
    before, columns = Path.cwd(), os.environ.get("COLUMNS")
    os.chdir(folder)
    os.environ["COLUMNS"] = "80"
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.pop("COLUMNS") if columns is None else os.environ.update(COLUMNS=columns)


def _trimmed(text: str) -> str:
    """Without blanks at the ends of lines and empty lines around."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def _open_kept(shown: str, printed: str) -> str:
    """Return what was printed, each line with the … of the line of the page that it fits."""
    left_open = [line for line in shown.splitlines() if "…" in line]
    return "\n".join(
        next((old for old in left_open if fits(old, line)), line) for line in printed.splitlines()
    )


def rewrite(path: Path) -> None:
    """Write what the blocks print today, where the page says something else."""
    text = path.read_text("utf-8")
    for block, printed in reversed(run_page(text)):
        if block.output is not None and not fits(block.output, printed):
            for pattern in VARYING:
                printed = pattern.sub(lambda m: "…".rjust(len(m[0])), printed)
            start, end = block.span
            text = text[:start] + _open_kept(block.output, _trimmed(printed)) + "\n" + text[end:]
    path.write_text(text, "utf-8")


if __name__ == "__main__":
    for page in sys.argv[1:]:
        rewrite(Path(page))
