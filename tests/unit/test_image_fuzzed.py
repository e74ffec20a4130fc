"""State images damaged by a coverage-guided fuzzer: refused with StateFormatError, or learners."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

FUZZER = Path(__file__).with_name("fuzz_image.py")
GOLDEN = Path(__file__).parents[1] / "golden" / "images"
RUNS = 200_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("atheris") is None,
        reason="atheris, a fuzzer, is not installed; it has no build for this Python or system",
    ),
]


def fuzzed(folder: Path, runs: int, program: Path = FUZZER) -> subprocess.CompletedProcess[str]:
    command = [
        *(sys.executable, str(program), "corpus", f"-runs={runs}", "-seed=1"),
        *("-max_len=16384", "-rss_limit_mb=0"),
    ]
    corpus = folder / "corpus"
    corpus.mkdir()
    for file in GOLDEN.glob("*/*.sls"):
        (corpus / file.name).write_bytes(file.read_bytes())
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_200_000_guided_images_are_refused_or_learners(tmp_path: Path) -> None:
    done = fuzzed(tmp_path, RUNS)
    assert done.returncode == 0, f"{done.stdout[-300:]}\n{done.stderr[-3000:]}"
    last = [line for line in done.stdout.splitlines() if line.startswith("seen")][-1]
    n, whole, accepted = map(int, last.split()[1:])
    assert n >= RUNS - 1000
    assert 0.3 * n < whole, "canary: about half of them have a good CRC"
    assert 0.01 * n < accepted < 0.5 * n, "canary: some damage is harmless, most of it is not"


def test_an_error_of_another_kind_is_found(tmp_path: Path) -> None:
    """Canary: images are refused with an error that the fuzzer was not told of."""
    planted = tmp_path / "fuzz_planted.py"
    planted.write_text(FUZZER.read_text().replace("except StateFormatError", "except OSError"))
    done = fuzzed(tmp_path, 1000, planted)
    assert done.returncode != 0
    assert "StateFormatError" in done.stderr + done.stdout
