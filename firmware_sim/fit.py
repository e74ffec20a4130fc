"""Whether a firmware has room on its board, and which boards have it otherwise."""

from __future__ import annotations

from .boards import Board, list_boards
from .errors import DeviceTooSmallError
from .image import Firmware
from .storage import plan_ring, plan_storage


def image_bytes(firmware: Firmware) -> int:
    """Return the flash that the state to begin with takes: 0 where it is made from its seed."""
    image = firmware.symbols.get("sl_state_image")
    return image.size if image else 0


def check_fit(firmware: Firmware, log_samples: int = 0, optimize: str = "speed") -> None:
    """Refuse a firmware that exceeds its board's flash or RAM.

    Parameters
    ----------
    firmware : Firmware
    log_samples : int
        Samples that its log was asked to keep.
    optimize : str
        What it was compiled for.

    Raises
    ------
    DeviceTooSmallError
        With what is needed, what there is, the largest part and boards that have room.
    """
    board, ram = firmware.board, firmware.ram_bytes
    flash_parts = {
        "the learner's initial state": image_bytes(firmware),
        "code": firmware.sections["text"],
        "constants": firmware.sections["rodata"] - image_bytes(firmware),
        "the two areas that keep the state": 2 * firmware.storage.area_bytes,
        "the log": 0 if firmware.log is None else firmware.log.bytes,
    }
    ram_parts = {
        "the learner's state": ram.state,
        "the learner's scratch": ram.scratch,
        "the link's frame buffer": ram.frame,
        "the reserved stack": ram.stack_reserved,
        "other variables": ram.other,
    }
    flash_room = board.flash.bytes - board.flash.reserved_bytes
    for memory, needed, room, parts in (
        ("RAM", ram.total, board.ram.bytes, ram_parts),
        ("flash", firmware.flash_bytes + firmware.storage.bytes, flash_room, flash_parts),
    ):
        if needed > room:
            shrinks = memory == "flash" and optimize == "speed"
            largest = max(parts, key=lambda name: parts[name])
            raise DeviceTooSmallError(
                f"{board.name} is too small: the firmware needs {needed} bytes of {memory}, the "
                f"board has {room}, over by {needed - room}; the largest part is {largest} "
                f"({parts[largest]} bytes). {_advice(firmware, log_samples, shrinks)}",
                memory=memory,
                needed_bytes=needed,
                available_bytes=room,
            )


def _advice(firmware: Firmware, log_samples: int, shrinks: bool) -> str:
    """Name boards with room; code for another core differs a little, so ask for 25 % more."""
    fitting = [
        board
        for board in list_boards()
        if board.ram.bytes >= firmware.ram_bytes.total
        and board.flash.bytes - board.flash.reserved_bytes
        >= firmware.flash_bytes
        + firmware.sections["text"] // 4
        + _kept(board, firmware, log_samples)
    ]
    smaller = "a smaller network or a narrower state format"
    if firmware.log is not None:
        smaller = f"{smaller}, or no log"
    if shrinks:
        smaller = f'{smaller}, or a build for size (optimize="size", --optimize size)'
    if not fitting:
        return f"No shipped board has room: use {smaller}."
    names = ", ".join(board.name for board in sorted(fitting, key=lambda b: b.ram.bytes)[:3])
    return f"Try board {names}, {smaller}."


def _kept(board: Board, firmware: Firmware, log_samples: int) -> int:
    """Return the bytes that the state and the log would take of another board's flash."""
    log = firmware.log and plan_ring(board, firmware.log.entry_bytes, log_samples)
    return plan_storage(board, firmware.state_bytes, log).bytes
