"""The stack that is reserved follows from the machine code, and no run goes deeper."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import firmware_sim_helpers as helpers
import numpy as np
import pytest
from test_gcc import MEMORY_C

import firmware_sim as fs
from export import write_export
from firmware_sim.stack import stack_use
from firmware_sim.toolchain import LEAST_STACK_BYTES
from streamlearn import BimuClassifier, MesuClassifier, MesuFactoredClassifier

GCC = shutil.which("arm-none-eabi-gcc")
CLASSES = ["a", "b"]


def painted(firmware: fs.Firmware, n_features: int) -> int:
    """Return the deepest the stack was after every kind of request that a learner has."""
    device = fs.Device(firmware)
    draw = np.random.default_rng(0)
    xs = draw.normal(size=(30, n_features)).astype(np.float32)
    xs[20:] *= 1e6  # held values take other ways
    device.run_stream(xs, draw.integers(0, 2, 30))
    device.predict(xs[0], draws=False)
    device.health()
    device.commit()
    device.power_on()
    device.learn(xs[0], 1)
    return device.stack_peak_bytes()


def test_many_draws_get_the_stack_that_they_take(tmp_path: Path) -> None:
    """64 draws on a Cortex-M0+ take more than the least that is reserved."""
    learner = MesuClassifier((3, 4, 2), classes=CLASSES, n_draws=64)
    write_export(learner, tmp_path / "export")
    board = fs.get_board("rp2040")
    firmware = fs.build_firmware(tmp_path / "export", board, tmp_path / "run")
    use = stack_use(firmware.elf_path)
    reserved = firmware.ram_bytes.stack_reserved
    assert LEAST_STACK_BYTES < painted(firmware, 3) <= use.bound <= reserved < use.bound + 8
    assert use.path[0] == "Reset_Handler"
    assert sum(use.frames[name] for name in use.path) == use.bound
    with pytest.raises(fs.BuildError, match=f"stack_bytes is 1024: rp2040 can take {use.bound}"):
        fs.build_firmware(tmp_path / "export", board, tmp_path / "small", stack_bytes=1024)


@pytest.mark.parametrize(
    ("kind", "board"),
    [(MesuClassifier, "nrf52840"), (BimuClassifier, "stm32l072"), (MesuClassifier, "riscv-virt"),
     pytest.param(MesuFactoredClassifier, "stm32u585", marks=pytest.mark.slow),
     pytest.param(MesuFactoredClassifier, "rp2040", marks=pytest.mark.slow),
     pytest.param(BimuClassifier, "stm32f746", marks=pytest.mark.slow)],
)  # fmt: skip
def test_no_run_goes_deeper_than_the_bound(kind: type, board: str, tmp_path: Path) -> None:
    write_export(kind((3, 4, 2), classes=CLASSES), tmp_path / "export")
    firmware = fs.build_firmware(tmp_path / "export", fs.get_board(board), tmp_path / "run")
    use, seen = stack_use(firmware.elf_path), painted(firmware, 3)
    # Not far beyond it either: a bound of twice the truth would say little.
    assert use.bound / 2 < seen <= use.bound


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("int f(int n) { return n ? n * f(n - 1) + f(n / 2) : 1; }", "f calls f"),
        ("int f(int n) { volatile char a[n + 8]; a[n] = 1; return a[n / 2]; }", "f (sets|takes)"),
    ],
)
def test_what_has_no_bound_is_refused(code: str, why: str, tmp_path: Path) -> None:
    export = helpers.make_export(tmp_path / "export")
    source = export / "c" / "sl_learner.c"
    text = source.read_text()
    call = "    state->samples += (uint32_t)f((int)label);\n"
    place = text.index("{\n", text.index("int32_t sl_learner_learn(")) + 2
    code = f"__attribute__((noinline)) {code}\n"
    at = text.index("int32_t sl_learner_learn(")
    source.write_text(text[:at] + code + text[at:place] + call + text[place:])
    helpers.write_manifest(export, 8, 3)
    with pytest.raises(fs.BuildError, match=f"the stack has no bound: .*{why}"):
        fs.build_firmware(export, fs.get_board("nrf52840"), tmp_path / "out")


@pytest.mark.skipif(GCC is None, reason="arm-none-eabi-gcc is not on PATH")
def test_the_frames_are_those_that_gcc_says(tmp_path: Path) -> None:
    """-fstack-usage, function by function: a second opinion of what is read out of the code."""
    write_export(MesuClassifier((3, 4, 2), classes=CLASSES, n_draws=64), tmp_path / "export")
    c = tmp_path / "export" / "c"
    arch = ["-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"]
    (c / "memory.c").write_text(MEMORY_C)
    said: dict[str, int] = {}
    objects = []
    for source in sorted(c.glob("*.c")):
        objects.append(source.with_suffix(".o").name)
        command = [
            str(GCC), *arch, "-mthumb", "-Os", "-std=c11", "-ffreestanding", "-fstack-usage",
            "-ffunction-sections", "-c", source.name, "-o", objects[-1],
        ]  # fmt: skip
        subprocess.run(command, cwd=c, check=True, capture_output=True)
        for line in source.with_suffix(".su").read_text().splitlines():
            place, size, kind = line.split("\t")
            assert kind == "static", line
            said[re.split(r":\d+:\d+:", place)[-1]] = int(size)
    link = [
        str(GCC), *arch, "-mthumb", "-nostdlib", *objects,
        "-Wl,-e,sl_learner_learn", "-Wl,-Ttext=0x08000000", "-lgcc", "-o", "all.elf",
    ]  # fmt: skip
    subprocess.run(link, cwd=c, check=True, capture_output=True)
    use = stack_use(c / "all.elf", ("sl_learner_learn",))
    common = said.keys() & use.frames.keys()
    assert len(common) > 20
    # Of a function in assembler lines GCC says 0, and does not look.
    looked = {name for name in common if said[name]}
    assert {name: use.frames[name] for name in looked} == {name: said[name] for name in looked}
