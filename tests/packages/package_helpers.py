"""What the tests of packages share: a learner, its golden hash, running a tool."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from streamlearn import MesuClassifier
from streamlearn.streams import load_gas_drift

GOLDEN = Path(__file__).parents[1] / "golden"
N = 200
C99 = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror")


def learner(**given: Any) -> MesuClassifier:
    return MesuClassifier((128, 32, 6), classes=load_gas_drift(limit=N).classes, **given)


def golden(rule: str, name: str) -> str:
    return str(json.loads((GOLDEN / f"gas_{rule}.json").read_text())[name]["state_sha256"])


def run(command: list[Any], folder: Path, stdin: bytes = b"") -> bytes:
    done = subprocess.run(command, cwd=folder, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
    return done.stdout
