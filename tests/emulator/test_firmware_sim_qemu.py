"""A second opinion: the same ELF on QEMU sends the same bytes, and its faults are seen."""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path

import firmware_sim_helpers as helpers
import numpy as np
import pytest

import firmware_sim as fs
from firmware_sim.link import Request, Status, decode_frames, encode_frame

QEMU = shutil.which("qemu-system-arm")
pytestmark = pytest.mark.skipif(QEMU is None, reason="qemu-system-arm is not on PATH")

TIMEOUT_S = 20


def run_qemu(elf: Path, sent: bytes, expected_bytes: int) -> bytes:
    """Feed bytes to the firmware's UART and read as many as are expected, or what came in time."""
    assert QEMU is not None
    command = [QEMU, "-M", "mps2-an386", "-kernel", str(elf), "-display", "none"]
    command += ["-monitor", "none", "-serial", "stdio"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        timer = threading.Timer(TIMEOUT_S, process.kill)
        timer.start()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(sent)
            process.stdin.flush()
            return process.stdout.read(expected_bytes)
        finally:
            timer.cancel()
            process.kill()


def requests() -> bytes:
    xs, ys = helpers.make_stream(40)
    parts = [encode_frame(Request.HELLO, 0)]
    for index, (x, y) in enumerate(zip(xs, ys, strict=True)):
        parts.append(encode_frame(Request.LEARN, index, x.tobytes() + y.astype("<u2").tobytes()))
    broken = bytearray(parts[3])
    broken[15] ^= 1
    nan = np.full(8, np.nan, np.float32)
    size = helpers.state_bytes(8, 3)
    parts += [
        b"garbage",
        bytes(broken),
        encode_frame(Request.PREDICT, 1, nan.tobytes()),
        encode_frame(Request.PREDICT, 2, xs[0].tobytes()),
        encode_frame(Request.READ_STATE, 3, bytes(4) + size.to_bytes(2, "little")),
    ]
    return b"".join(parts)


def test_qemu_sends_the_same_bytes(tmp_path: Path) -> None:
    export = helpers.make_export(tmp_path / "export")
    firmware = fs.build_firmware(export, fs.get_board("mps2-an386"), tmp_path / "out")
    ours = fs.Device(firmware).send_bytes(requests())
    statuses = [frame.status for frame in decode_frames(ours)]
    assert statuses == [0] * 41 + [Status.BAD_CRC, Status.NOT_FINITE, 0, 0]
    assert run_qemu(firmware.elf_path, requests(), len(ours)) == ours


def test_a_fault_on_real_exception_hardware_is_reported(tmp_path: Path) -> None:
    """Unicorn has no exceptions; here the fault handler itself runs and says where it was."""
    export = helpers.make_export(tmp_path / "export", defines={"SL_TEST_UNMAPPED": 1})
    firmware = fs.build_firmware(export, fs.get_board("mps2-an386"), tmp_path / "out")
    x = np.ones(8, np.float32).tobytes()
    sent = run_qemu(firmware.elf_path, encode_frame(Request.LEARN, 9, x + b"\0\0"), 28)
    (frame,) = decode_frames(sent)
    assert (frame.type, frame.status) == (Request.FAULT | 0x80, Status.FAULT)
    pc = int.from_bytes(frame.payload[:4], "little")
    assert firmware.symbol_at(pc).startswith("sl_learner_learn+")
