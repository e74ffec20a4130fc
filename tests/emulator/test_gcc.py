"""A second compiler: GCC's build of the same sources learns the same bits as zig's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import firmware_sim as fs
from export import write_export
from streamlearn import MesuClassifier

GCC = shutil.which("arm-none-eabi-gcc")
pytestmark = pytest.mark.skipif(GCC is None, reason="arm-none-eabi-gcc is not on PATH")

HARD = ("-mfloat-abi=hard", "-DSL_CORE_HAS_FPU=1")
BOARDS = {
    "stm32l072": ("-mcpu=cortex-m0plus", "-mfloat-abi=soft"),
    "nrf52840": ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", *HARD),
    "stm32u585": ("-mcpu=cortex-m33", "-mfpu=fpv5-sp-d16", *HARD),
}
FLAGS = [
    *("-mthumb", "-Os", "-std=c11", "-ffreestanding", "-g", "-Wall", "-Wextra", "-Werror"),
    *("-ffunction-sections", "-fdata-sections", "-fno-common", "-nostdlib"),
    *("-Ifirmware", "-Iport", "-Ilearner", "-Wl,--gc-sections", "-Wl,-e,Reset_Handler"),
    *("-Wl,-n", "-T", "../board.ld"),
]

#: Built with a key: GCC then links the object that zig made of its library's HMAC.
KEYS = {"stm32l072": bytes(range(32)), "nrf52840": bytes(range(32))}

#: What zig brings along and GCC leaves to a C library, which is not needed for anything else. The
#: last ones are what zig's object asks for.
MEMORY_C = """\
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);

__attribute__((optimize("no-tree-loop-distribute-patterns"))) void *
memcpy(void *to, const void *from, size_t size) {
    for (size_t i = 0; i < size; i++) {
        ((unsigned char *)to)[i] = ((const unsigned char *)from)[i];
    }
    return to;
}

__attribute__((optimize("no-tree-loop-distribute-patterns"))) void *
memset(void *to, int value, size_t size) {
    for (size_t i = 0; i < size; i++) {
        ((unsigned char *)to)[i] = (unsigned char)value;
    }
    return to;
}

void __aeabi_memcpy(void *to, const void *from, size_t size) {
    memcpy(to, from, size);
}

void __aeabi_memcpy8(void *to, const void *from, size_t size) {
    memcpy(to, from, size);
}

void __aeabi_memclr(void *to, size_t size) {
    memset(to, 0, size);
}

void __aeabi_memclr4(void *to, size_t size) __attribute__((alias("__aeabi_memclr")));
void __aeabi_memclr8(void *to, size_t size) __attribute__((alias("__aeabi_memclr")));
"""


def built_by_gcc(run: Path, board: fs.Board) -> fs.Firmware:
    """Compile what lies in ``src/`` of a run folder; the same check of the instructions."""
    src, elf = run / "src", run / "gcc.elf"
    (src / "memory.c").write_text(MEMORY_C)
    sources = sorted(str(path.relative_to(src)) for path in src.rglob("*.[co]"))
    command = [str(GCC), *BOARDS[board.name], *FLAGS, *sources, "-lgcc", "-o", str(elf)]
    done = subprocess.run(command, cwd=src, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return fs.load_firmware(elf, board)


@pytest.mark.parametrize("name", BOARDS)
def test_gcc_and_zig_learn_the_same_bits(name: str, tmp_path: Path) -> None:
    """And commit them: the state that is there after a reset is the same, too."""
    board = fs.get_board(name)
    learner = MesuClassifier((12, 16, 3), classes=["a", "b", "c"])
    write_export(learner, tmp_path / "export")
    draw = np.random.default_rng(1)
    xs, ys = draw.normal(size=(60, 12)).astype(np.float32), draw.integers(0, 3, 60)
    key = KEYS.get(name)
    # GCC's frames are others than those that the bound was read from.
    ours = fs.build_firmware(
        tmp_path / "export", board, tmp_path / "run", key=key, stack_bytes=2048
    )
    states, predictions = [], []
    for firmware in (ours, built_by_gcc(tmp_path / "run", board)):
        device = fs.Device(firmware, key=key)
        predictions.append(device.run_stream(xs, ys).predictions.tolist())
        device.commit()
        device.power_on()
        assert device.stored().source == "newest"
        states.append(device.read_state())
    assert predictions[0] == predictions[1]
    assert states[0] == states[1]
