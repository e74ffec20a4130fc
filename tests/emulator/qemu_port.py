"""A board in QEMU: the same ELF, and its serial port as `RemoteDevice` takes one."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

QEMU = shutil.which("qemu-system-arm")
WHY_NOT = "qemu-system-arm is not on PATH"
#: The program of each instruction set.
PROGRAMS = {
    isa: shutil.which(f"qemu-system-{isa}32" if isa == "riscv" else f"qemu-system-{isa}")
    for isa in ("arm", "riscv")
}


class QemuPort:
    """Bytes to and from the first serial port of a running QEMU."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout

    def write(self, data: bytes) -> int:
        self._in.write(data)
        self._in.flush()
        return len(data)

    def read(self, size: int) -> bytes:
        ready, _, _ = select.select([self._out], [], [], 0.05)
        return os.read(self._out.fileno(), size) if ready else b""


@contextmanager
def qemu(machine: str, elf: Path, isa: str = "arm") -> Iterator[QemuPort]:
    """Run an ELF; end QEMU with the block."""
    program = PROGRAMS[isa]
    assert program is not None
    command = [program, "-M", machine, "-kernel", str(elf), "-display", "none"]
    command += ["-bios", "none"] if isa == "riscv" else []
    command += ["-monitor", "none", "-serial", "stdio"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
    ) as process:
        try:
            yield QemuPort(process)
        finally:
            process.kill()
