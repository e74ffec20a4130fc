"""PyTorch is optional: nothing else imports it, and its absence is said in a sentence."""

from __future__ import annotations

import subprocess
import sys

import pytest


def python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


def test_importing_streamlearn_does_not_import_pytorch() -> None:
    modules = "streamlearn, streamlearn.learners.loading, streamlearn.rules.mesu.equations"
    program = f"import {modules}, sys; assert 'torch' not in sys.modules"
    assert python(program).returncode == 0


@pytest.mark.parametrize("found", ["None", "types.SimpleNamespace(origin=None)"])
def test_without_pytorch_the_import_says_what_to_install(found: str) -> None:
    """Not installed at all, and a folder called `torch` in the way."""
    result = python(
        "import importlib.util, types, streamlearn\n"
        f"importlib.util.find_spec = lambda name: {found}\n"
        "import streamlearn.torch"
    )
    assert result.returncode == 1
    assert "ModuleNotFoundError: streamlearn.torch needs PyTorch" in result.stderr
    assert 'pip install "streamlearn[torch]"' in result.stderr
