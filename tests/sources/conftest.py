"""A broker and commands that no test outlives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest
from brokers import MOSQUITTO, Mosquitto


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    (tmp_path / "broker").mkdir()
    found = Mosquitto(tmp_path / "broker")
    yield found
    found.stop()


@pytest.fixture
def starts() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start commands, with a pipe as input and more of an environment where they are given."""
    all_of_them: list[subprocess.Popen[str]] = []

    def start(
        *arguments: object, stdin: int | IO[str] | None = None, **environment: str
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlearn.cli", *map(str, arguments)],
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        all_of_them.append(process)
        return process

    yield start
    for process in all_of_them:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stderr):
            if pipe is not None:
                pipe.close()
