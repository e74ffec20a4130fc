"""learn.onnx in C and C++, with the library that the wheel of ONNX Runtime brings."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
from runtime_folder import EXAMPLES, golden, load

N = 200
#: A folder with ONNX Runtime's own headers, where there is one; else the part of them that the
#: program uses.
HEADERS = Path(os.environ.get("ONNXRUNTIME_INCLUDE", Path(__file__).parent / "ort_subset"))
LIBRARY = next(iter(sorted((Path(onnxruntime.__file__).parent / "capi").glob("*runtime.so.*"))), 0)
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-O1")
COMPILERS = {
    "C": [sys.executable, "-m", "ziglang", "cc", "-std=c11", "-x", "c"],
    "C++": ["g++", "-std=c++17", "-x", "c++"],
}

pytestmark = pytest.mark.skipif(not LIBRARY, reason="this wheel of ONNX Runtime has no library")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("c")
    load().write_folder(path, N)
    return path


def built(language: str, into: Path) -> Path:
    compiler: list[Any] = COMPILERS[language]
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"no {compiler[0]}")
    library = into / "libonnxruntime.so.1"
    library.symlink_to(LIBRARY)
    source = [EXAMPLES / "learn.c", "-x", "none", library, f"-Wl,-rpath,{into}"]
    command = [*compiler, *WARNINGS, "-I", HEADERS, *source, "-o", into / "learn"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return into / "learn"


def run(program: Path, *given: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *given], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("language", COMPILERS)
def test_c_learns_the_stream_to_the_golden_state(
    language: str, folder: Path, tmp_path: Path
) -> None:
    program = built(language, tmp_path)
    done = run(program, folder / "export", folder / "samples.bin", tmp_path / "state")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{N} samples, ")
    assert hashlib.sha256((tmp_path / "state").read_bytes()).hexdigest() == golden(folder, N)
    if language == "C":
        lost = run(program, folder / "nowhere", folder / "samples.bin", tmp_path / "state")
        assert (lost.returncode, lost.stderr.split("/")[-1]) == (1, "learn.onnx cannot be read\n")
        wrong = tmp_path / "learn.onnx"
        wrong.write_bytes(b"no model")
        shutil.copy(folder / "export" / "state.sls", tmp_path)
        lost = run(program, tmp_path, folder / "samples.bin", tmp_path / "state")
        assert lost.returncode == 1
        assert "protobuf" in lost.stderr, "the runtime's own words"
