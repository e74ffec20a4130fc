"""What the tests of the command line share: a toy stream, running commands, checking folders."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

LABELS = ("größe 3", "two words", 'a "q" */ \\ [red]?')
LABEL = "what it is"
FEATURES = ("temp", "x y", "größe")
COMMAND = (sys.executable, "-m", "streamlearn.cli")
CONTROL_C_LIMIT_S = 15


@dataclass
class Ended:
    code: int
    out: str
    err: str


Cli = Callable[..., Ended]


def toy_rows(n: int, seed: int = 0) -> list[tuple[list[float], str]]:
    """Three classes around three points; values as a decimal text holds them."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        k = int(rng.integers(3))
        rows.append((np.round(rng.normal(size=3) + 4 * np.eye(3)[k], 4).tolist(), LABELS[k]))
    return rows


def csv_line(x: list[float], label: str) -> str:
    quoted = '"' + label.replace('"', '""') + '"'
    return f"{x[0]!r},{quoted},{x[1]!r},{x[2]!r}\n"


HEADER = f"{FEATURES[0]},{LABEL},{FEATURES[1]},{FEATURES[2]}\n"


def toy_csv(n: int, seed: int = 0) -> str:
    return HEADER + "".join(csv_line(x, label) for x, label in toy_rows(n, seed))


def default_ctrl_c() -> None:
    """Let Ctrl-C interrupt this process, whatever the tests' own parent made of it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ignored_ctrl_c() -> None:
    """Ignore Ctrl-C, as a shell does in what it starts in the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def start(
    *arguments: object, ctrl_c: Callable[[], None] = default_ctrl_c, **more: Any
) -> subprocess.Popen[str]:
    """Start a command as a user does in the foreground, its output captured."""
    if sys.platform != "win32":
        more["preexec_fn"] = ctrl_c
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "80"},
        **more,
    )


def call(*arguments: object, stdin: str | None = None) -> Ended:
    """Run a command to its end in a process of its own."""
    process = start(*arguments, stdin=subprocess.PIPE)
    out, err = process.communicate(stdin, timeout=120)
    return Ended(process.returncode, out, err)


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def check_manifest(folder: Path, wanted: str = "streamlearn-run") -> None:
    """Every file of the folder but its log is in its manifest, with its size and hash."""
    manifest = read_json(folder / "manifest.json")
    assert manifest["format"] == wanted
    assert manifest["format_version"] == (2 if manifest["format"] == "streamlearn-export" else 1)
    on_disk = {
        file.relative_to(folder).as_posix(): {
            "bytes": file.stat().st_size,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        }
        for file in folder.rglob("*")
        if file.is_file() and file not in (folder / "manifest.json", folder / "run.log")
    }
    files = manifest["files"]
    assert files == on_disk, [
        name for name in {*files, *on_disk} if files.get(name) != on_disk.get(name)
    ]


def one_line(err: str) -> str:
    """The message of a failed command: one line, named, without a traceback."""
    assert err.startswith("streamlearn: "), err
    assert err.endswith("\n")
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    assert "a bug" not in err
    return err


#: A command that is killed in its n-th sample: ``python -c CUT N ARGUMENTS``.
CUT = """
import os, sys, signal
from streamlearn import cli
from streamlearn.cli.whole_samples import WholeSamples
n = [int(sys.argv[1])]
def cut_in(name, learn):
    def cut(self, x, y, *begins):
        n[0] -= len(y)
        if n[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return learn(self, x, y, *begins)
    setattr(WholeSamples, name, cut)
for name in ("test_then_learn_block", "test_then_learn_shares"):
    cut_in(name, getattr(WholeSamples, name))
sys.exit(cli.run(sys.argv[2:]))
"""
