"""cppcheck reads what is compiled for a board: kernel, link, storage, port (`make prove`)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import firmware_sim as fs
from export import write_export
from streamlearn import (
    BimuClassifier,
    MesuClassifier,
    MesuFactoredClassifier,
    MetaplasticClassifier,
)

CPPCHECK = shutil.which("cppcheck")
pytestmark = pytest.mark.skipif(CPPCHECK is None, reason="cppcheck is not on PATH")

#: What is meant as it stands, and why.
SUPPRESSED = {
    "shiftNegativeLHS": "the static assertion that right shifts are arithmetic",
    "shiftTooManyBitsSigned": "a sign is taken by a shift of 31 bits; that assertion covers it",
    "comparePointers": "the ends of .data and .bss are two symbols of the linker",
}
DEFINES = {
    "cortex-m0plus": {"__ARM_ARCH": 6},
    "cortex-m3": {"__ARM_ARCH": 7},
    "cortex-m4f": {"__ARM_ARCH": 7, "__ARM_FEATURE_DSP": 1, "__ARM_FP": 4},
}


def found(src: Path, core: str) -> list[str]:
    """Return what cppcheck says of the sources of a build."""
    defines = {
        **{"__arm__": 1, "__GNUC__": 12, "__BYTE_ORDER__": 1234, "__ORDER_LITTLE_ENDIAN__": 1234},
        **DEFINES[core],
    }
    command = [
        str(CPPCHECK), "--quiet", "--enable=warning,portability,performance", "--std=c11",
        "--platform=arm32-wchar_t4", "--template={id} {file}:{line} {message}",
        *(f"--suppress={name}" for name in SUPPRESSED),
        *(f"-D{name}={value}" for name, value in defines.items()),
        "-Ifirmware", "-Iport", "-Ilearner", "firmware", "learner", "port/port.c",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=src, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    return [line for line in lines if line.strip()]


def built(kind: Any, board: str, folder: Path) -> Path:
    write_export(kind((12, 16, 3), classes=["a", "b", "c"]), folder / "export")
    fs.build_firmware(folder / "export", fs.get_board(board), folder / "run")
    return folder / "run" / "src"


def test_the_default_learners_firmware_has_no_finding(tmp_path: Path) -> None:
    src = built(MesuClassifier, "stm32f103", tmp_path)
    assert found(src, "cortex-m3") == []
    # A canary: one word too far is seen.
    storage = src / "firmware" / "storage.c"
    line = "    uint32_t unit[UNIT_WORDS];\n"
    text = storage.read_text()
    indent = next(row for row in text.splitlines(keepends=True) if row.strip() == line.strip())
    storage.write_text(text.replace(indent, indent + "        unit[UNIT_WORDS] = 1u;\n", 1))
    assert [row.split()[0] for row in found(src, "cortex-m3")] == ["arrayIndexOutOfBounds"]


@pytest.mark.slow
@pytest.mark.parametrize("board", ["rp2040", "nrf52840"])
@pytest.mark.parametrize(
    "kind", [MesuClassifier, MesuFactoredClassifier, MetaplasticClassifier, BimuClassifier]
)
def test_no_rules_firmware_has_a_finding(kind: Any, board: str, tmp_path: Path) -> None:
    assert found(built(kind, board, tmp_path), fs.get_board(board).core.name) == []
