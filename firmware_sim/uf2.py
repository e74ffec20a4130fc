"""The files that are flashed: UF2, which is dragged onto a board's drive, and plain bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

PAYLOAD_BYTES = 256
_HEAD = struct.Struct("<8I")
_MAGIC = (0x0A324655, 0x9E5D5157)
_END = 0x0AB16F30
_FAMILY_PRESENT = 0x2000


def write_uf2(path: Path, segments: Iterable[tuple[int, bytes]], family: int) -> None:
    """Write an image as UF2 blocks of 512 bytes, 256 of the image in each.

    Parameters
    ----------
    path : Path
    segments : iterable of (int, bytes)
        Address in flash and contents.
    family : int
        Which chips it is for.
    """
    pages: dict[int, bytearray] = {}
    for address, data in segments:
        for at, byte in enumerate(data, address):
            page = at - at % PAYLOAD_BYTES
            pages.setdefault(page, bytearray(PAYLOAD_BYTES))[at - page] = byte
    blocks = []
    for number, page in enumerate(sorted(pages)):
        head = _HEAD.pack(*_MAGIC, _FAMILY_PRESENT, page, PAYLOAD_BYTES, number, len(pages), family)
        blocks.append((head + bytes(pages[page])).ljust(508, b"\0") + struct.pack("<I", _END))
    path.write_bytes(b"".join(blocks))


def read_uf2(path: Path) -> tuple[tuple[int, bytes], ...]:
    """Return address and contents of every block.

    Raises
    ------
    ValueError
        If the file is no sequence of whole UF2 blocks.
    """
    content = path.read_bytes()
    found = []
    for at in range(0, len(content), 512):
        block = content[at : at + 512]
        if len(block) != 512 or block[-4:] != struct.pack("<I", _END):
            raise ValueError(f"{path}: byte {at}: no whole UF2 block")
        first, second, _, address, size, number, count, _ = _HEAD.unpack_from(block)
        if (first, second) != _MAGIC or (number, count) != (at // 512, len(content) // 512):
            raise ValueError(f"{path}: byte {at}: no UF2 block, or out of its order")
        found.append((address, block[32 : 32 + size]))
    return tuple(found)


def write_bin(path: Path, segments: Iterable[tuple[int, bytes]], origin: int) -> None:
    """Write an image as the bytes of the flash from `origin` on; gaps are as erased."""
    content = bytearray()
    for address, data in sorted(segments):
        content = content.ljust(address - origin, b"\xff") + data
    path.write_bytes(content)
