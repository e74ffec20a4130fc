"""What a board adds to a build: its port, the shared drivers, board.h, and boot2 with its sum."""

from __future__ import annotations

import shutil
import tempfile
import zlib
from pathlib import Path
from typing import Literal, TypeAlias

from .boards import Board
from .errors import BoardError, InputError
from .export_folder import ExportFolder
from .storage import LogPlan, Storage, plan_log
from .zig import run_cc

CommitWhen: TypeAlias = Literal["request", "never"] | int
BAUD = 115200
BOOT2_BYTES = 252

_DRIVERS = Path(__file__).with_name("firmware") / "drivers"
_BOOT2_ADDRESS = 0x20041F00  # where the RP2040's boot ROM copies it
_BOOT2_FLAGS = (
    "-target", "thumb-freestanding-eabi", "-mcpu=cortex_m0plus", "-Os", "-std=c11",
    "-ffreestanding", "-fno-sanitize=all", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables",
    "-Wl,-e,boot2", "-Wl,-z,max-page-size=4", "-T", "boot2.ld",
)  # fmt: skip


_BOOT2_SCRIPT = (
    f"SECTIONS {{ . = {_BOOT2_ADDRESS:#x}; .text : {{ *(.boot2.entry) *(.text*) *(.rodata*) }} "
    "/DISCARD/ : { *(.ARM*) *(.comment) } }\n"
)


def copy_port(
    board: Board,
    storage: Storage,
    export: ExportFolder,
    src: Path,
    commit: CommitWhen,
    watchdog: bool,
    locked: bool,
) -> list[str]:
    """Copy and write a board's sources to `src`; return the .c files relative to it.

    Raises
    ------
    BoardError
        If the board's folder lacks one.
    InputError
        If `commit` is none of its values.
    BuildError
        If boot2 cannot be compiled.
    """
    port = src / "port"
    port.mkdir()
    folders = (_DRIVERS, board.folder)
    for path in sorted(path for folder in folders for path in folder.glob("*.[ch]")):
        if path.name != board.boot2:
            shutil.copyfile(path, port / path.name)
    if not (port / "port.c").is_file():
        raise BoardError(f"{board.folder}: no port.c in it: see docs/port-to-your-board.md")
    (port / "board.h").write_text(
        _header(board, storage, export, commit, watchdog, locked), "utf-8"
    )
    sources = [f"port/{path.name}" for path in sorted(port.glob("*.c"))]
    if board.boot2 is None:
        return sources
    image = boot2(board.folder / board.boot2)
    numbers = ",".join(str(byte) for byte in image)
    (port / "boot2_image.c").write_text(
        "/* Compiled from boot2.c; the last four bytes are its CRC-32. */\n"
        f'__attribute__((section(".boot2"), used)) const unsigned char sl_boot2[{len(image)}] = '
        f"{{{numbers}}};\n",
        "utf-8",
    )
    return [*sources, "port/boot2_image.c"]


def boot2(source: Path) -> bytes:
    """Compile an RP2040's second stage; return its 256 bytes, the sum included.

    Raises
    ------
    BuildError
        If it cannot be compiled.
    BoardError
        If it is longer than 252 bytes.
    """
    from elftools.elf.elffile import ELFFile

    with tempfile.TemporaryDirectory() as folder:
        elf = Path(folder) / "boot2.elf"
        shutil.copyfile(source, Path(folder) / "boot2.c")
        (Path(folder) / "boot2.ld").write_text(_BOOT2_SCRIPT, "ascii")
        run_cc([*_BOOT2_FLAGS, "boot2.c", "-o", elf.name], cwd=Path(folder))
        with elf.open("rb") as stream:
            parts = [
                (int(part["p_paddr"]), bytes(part.data()))
                for part in ELFFile(stream).iter_segments()
                if part["p_type"] == "PT_LOAD" and part["p_filesz"]
                and part["p_paddr"] >= _BOOT2_ADDRESS
            ]  # fmt: skip
    code = bytearray()
    for address, data in sorted(parts):
        code += bytes(address - _BOOT2_ADDRESS - len(code)) + data
    if not 0 < len(code) <= BOOT2_BYTES:
        raise BoardError(f"{source}: {len(code)} bytes of code: a second stage has at most 252")
    image = bytes(code).ljust(BOOT2_BYTES, b"\0")
    return image + boot2_sum(image).to_bytes(4, "little")


def boot2_sum(image: bytes) -> int:
    """Return the CRC-32 that the RP2040's boot ROM expects: most significant bit first."""
    crc = 0xFFFFFFFF
    for byte in image:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x04C11DB7 if crc >> 31 else 0)
            crc &= 0xFFFFFFFF
    return crc


def _header(
    board: Board,
    storage: Storage,
    export: ExportFolder,
    commit: CommitWhen,
    watchdog: bool,
    locked: bool,
) -> str:
    if commit not in ("request", "never") and (not isinstance(commit, int) or commit < 1):
        raise InputError(f"commit is {commit!r}: expected 'request', 'never' or a number above 0")
    values = {
        "SL_CLOCK_HZ": f"{board.clock_hz}u",
        "SL_BAUD": f"{BAUD}u",
        "SL_INTERRUPTS": f"{board.interrupts}u",
        "SL_ERASED": f"{board.flash.erased:#x}u",
        "SL_STORAGE_ORIGIN": f"{storage.origin:#x}u",
        "SL_PAGE_BYTES": f"{board.flash.page_bytes}u",
        "SL_AREA_BYTES": f"{storage.area_bytes}u",
        "SL_RAW_INPUTS": _raw_inputs(export),
        "SL_LEARNER_ID": f"{learner_id(export):#x}u",
        "SL_COMMIT_EVERY": f"{commit if isinstance(commit, int) else 0}u",
        "SL_COMMIT_NEVER": int(commit == "never"),
        "SL_WATCHDOG": f"{int(watchdog)}u",
        "SL_LOCKED": f"{int(locked)}",
        "SL_LOG_BLOCKS": f"{storage.log.blocks if storage.log else 0}",
    }
    if "c/sl_state_check.c" in export.c_files:
        values["SL_HAS_CHECK"] = 1
    if storage.log is not None:
        values["SL_LOG_ORIGIN"] = f"{storage.start:#x}u"
        values["SL_LOG_BLOCK_BYTES"] = f"{storage.log.block_bytes}u"
    if export.has_start:
        values["SL_HAS_START"] = 1
    lines = [f"#define {name} {value}" for name, value in values.items()]
    if export.has_stages:
        lines = ['#include "sl_stages_config.h"', *lines, "#define SL_HAS_STAGES 1"]
    if export.has_backbone:
        lines.insert(0, '#include "sl_backbone_config.h"')
    head = f"/* {board.name}, for this export: written by the build. */"
    return "\n".join([head, "#ifndef SL_BOARD_H", "#define SL_BOARD_H", *lines, "#endif", ""])


def _raw_inputs(export: ExportFolder) -> str:
    if export.has_stages:
        return "SL_STAGES_CHANNELS"
    return "SL_BACKBONE_INPUTS" if export.has_backbone else "SL_N_FEATURES"


def log_plan(
    board: Board, export: ExportFolder, samples: int, commit: CommitWhen
) -> LogPlan | None:
    """Return the ring of the log of events, None without one.

    Raises
    ------
    InputError
        If there can be none: the learner spikes or stands behind stages, or nothing is ever
        committed.
    """
    if not samples:
        return None
    if samples < 0 or commit == "never" or export.is_spiking or export.has_stages:
        raise InputError(
            f"a log of {samples} samples, commit={commit!r}: expected a number above 0, a firmware "
            "that commits (a log begins with a stored state), a network that does not spike and no "
            "stages in front of it"
        )
    return plan_log(board, 4 * export.n_features + (2 if export.n_classes else 4), samples)


def learner_id(export: ExportFolder) -> int:
    """Return a number of the exported learner: of its settings and of the state it starts from.

    A record in flash carries it. So what another learner left there is not taken for this one's,
    and a new export begins with its own state.
    """
    of_learner = ("sl_config.h", "sl_state_image.c", "sl_state_start.c")
    tells = (*of_learner, "sl_backbone_data.c", "sl_stages_config.h", "sl_stages_list.h")
    told = [name for name in export.c_files if name.endswith(tells)]
    crc = 0
    for name in told or export.c_files:
        crc = zlib.crc32((export.path / name).read_bytes(), crc)
    return crc
