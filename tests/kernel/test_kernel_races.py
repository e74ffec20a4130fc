"""One learner in several threads under ThreadSanitizer: no race with its lock, one without."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from stream_program import FLAGS

from quant.c_config import HOST_SOURCE, config_header, kernel_folders, kernel_sources
from streamlearn import MesuClassifier

LAYERS, N = (32, 32, 3), 60
COMPILER = shutil.which("gcc")
CODE = """
import contextlib, sys, threading
from pathlib import Path
import numpy as np
import quant.library
quant.library.build_shared = lambda *_: Path(sys.argv[1])
from streamlearn import MesuClassifier

n, learner = int(sys.argv[3]), MesuClassifier((32, 32, 3), classes=range(3))
if sys.argv[2] == "unlocked":
    learner._lock = contextlib.nullcontext()
X = np.random.default_rng(0).normal(size=(n, 32)).astype(np.float32)
stop, begin = threading.Event(), threading.Barrier(5)

def over_and_over(job):
    begin.wait()
    while not stop.is_set():
        job()

jobs = [
    lambda: learner.predict_one(X[0]), lambda: learner.predict_many(X[:5]),
    lambda: learner.predict_proba_one(X[1]), lambda: learner.to_bytes(),
]
threads = [threading.Thread(target=over_and_over, args=(job,)) for job in jobs]
for thread in threads:
    thread.start()
begin.wait()
for i, x in enumerate(X):
    learner.learn_one(x, i % 3)
    learner.learn_many(X[:2], [0, 1])
stop.set()
for thread in threads:
    thread.join()
print("done", learner.n_samples)
"""


def _sanitizer() -> str | None:
    """Return the path of gcc's libtsan, if a program with it runs here."""
    if COMPILER is None or sys.platform != "linux":
        return None
    where = subprocess.run(
        [COMPILER, "-print-file-name=libtsan.so"], capture_output=True, text=True, check=False
    ).stdout.strip()
    if not Path(where).is_absolute():
        return None
    hello = [sys.executable, "-c", "print('hello')"]
    environment = {**os.environ, "LD_PRELOAD": where}
    done = subprocess.run(hello, env=environment, capture_output=True, text=True, check=False)
    return where if (done.returncode, done.stdout) == (0, "hello\n") else None


LIBRARY = _sanitizer()
needs_tsan = pytest.mark.skipif(
    LIBRARY is None, reason="no gcc whose ThreadSanitizer runs with this Python"
)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The learner's kernel as the host builds it, and instrumented."""
    made = MesuClassifier(LAYERS, classes=range(3))
    given = made.spec, made.config, made.arithmetic
    folder = tmp_path_factory.mktemp("tsan")
    (folder / "sl_config.h").write_text(config_header(*given))
    sources = [*kernel_sources(*given), HOST_SOURCE]
    include = [f"-I{path}" for path in (folder, *kernel_folders(*given))]
    command = [
        str(COMPILER), *FLAGS, "-DSL_HOST", "-fPIC", "-shared", "-fsanitize=thread", *include,
        *map(str, sources), "-o", str(folder / "kernel.so"), "-lm",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "kernel.so"


def run(kernel: Path, how: str, n: int) -> tuple[int, str]:
    """Return how many data races in the kernel were reported, and what was printed."""
    environment = {
        **os.environ,
        "LD_PRELOAD": str(LIBRARY),
        "TSAN_OPTIONS": "exitcode=0 report_bugs=1 report_signal_unsafe=0",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", CODE, str(kernel), how, str(n)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == f"done {3 * n}\n"
    reports = done.stderr.split("WARNING: ThreadSanitizer: data race")[1:]
    return sum("sl_host_" in report for report in reports), done.stderr


@needs_tsan
def test_no_race_in_the_kernel(kernel: Path) -> None:
    races, printed = run(kernel, "locked", N)
    assert races == 0, printed[:3000]


@needs_tsan
def test_the_canary_without_the_lock_there_are_races(kernel: Path) -> None:
    assert run(kernel, "unlocked", N)[0] > 0
