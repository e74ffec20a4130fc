"""The linker script: one template, the board's numbers filled in."""

from __future__ import annotations

from pathlib import Path

from .boards import Board
from .errors import BuildError
from .storage import Storage

_TEMPLATE = Path(__file__).with_name("firmware") / "board.ld.in"

# Large enough to link anything and measure it, small enough that no two memories overlap.
ROOMY_BYTES = 0x08000000


def vector_bytes(board: Board) -> int:
    """Return the size of a board's vector table; of RISC-V with the jump that it boots by."""
    if board.core.isa == "riscv":
        return 256 + 4 * 32
    return 4 * (16 + board.interrupts)


def render_linker_script(
    board: Board, storage: Storage, stack_bytes: int, *, roomy: bool = False
) -> str:
    """Return the linker script of a board.

    Parameters
    ----------
    board : Board
    storage : Storage
        What is kept at the end of the flash; code ends before it.
    stack_bytes : int
        Stack to reserve, in bytes: at least 256, a multiple of 8.
    roomy : bool
        Pretend that flash and RAM are 128 MiB each, so that a firmware that does not fit is
        linked all the same and its exact size can be told.

    Raises
    ------
    BuildError
        If `stack_bytes` is out of range.
    """
    if stack_bytes < 256 or stack_bytes % 8:
        raise BuildError(f"stack_bytes is {stack_bytes}: expected at least 256, a multiple of 8")
    flash, ram = board.flash, board.ram
    reserved, boot = flash.reserved_bytes, board.has_boot_section
    room = ROOMY_BYTES if roomy else max(0, storage.start - flash.origin - reserved)
    code = f"    CODE (rx) : ORIGIN = {flash.code + reserved:#x}, LENGTH = {room}\n"
    values = {
        "FLASH_ORIGIN": hex(flash.origin + reserved),
        "FLASH_BYTES": room,
        "CODE_MEMORY": code * (flash.code_origin is not None),
        "FOR_CODE": "FLASH" if flash.code_origin is None else "CODE AT> FLASH",
        "BOOT_MEMORY": f"    BOOT (rx) : ORIGIN = {flash.origin:#x}, LENGTH = {reserved}\n" * boot,
        "BOOT_SECTION": "    .boot2 : { KEEP(*(.boot2)) } > BOOT\n" * boot,
        "VECTOR_BYTES": vector_bytes(board),
        "RAM_ORIGIN": hex(ram.origin),
        "RAM_BYTES": ROOMY_BYTES if roomy else ram.bytes,
        "STACK_BYTES": stack_bytes,
    }
    text = _TEMPLATE.read_text("utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text
