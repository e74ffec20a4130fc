"""Finding the blocks of a record: all headers in a row, and what the end of the file is."""

from __future__ import annotations

import mmap
from dataclasses import dataclass, field
from pathlib import Path

from streamlearn.recorder import layout
from streamlearn.recorder.layout import BlockHeader


@dataclass(frozen=True)
class Boundary:
    """A place between two blocks: its offset, the samples before it, and their checksum."""

    at: int
    samples: int
    learned: int
    crc32: int


@dataclass
class Scan:
    """The whole blocks of a record, and what lies behind them.

    Parameters
    ----------
    boundaries
        The ends of the file's header and of every block.
    blocks
        Their headers.
    torn_bytes
        Behind the last of them.
    damage
        What is wrong there, if whole blocks follow.
    """

    boundaries: list[Boundary]
    blocks: list[BlockHeader] = field(default_factory=list)
    torn_bytes: int = 0
    damage: str | None = None


def scan(path: Path, size: int, begin: Boundary) -> Scan:
    """Read the header of every block of a file of ``size`` bytes, from a place on."""
    found = Scan([begin])
    if size <= begin.at:
        return found
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        while (end := found.boundaries[-1]).at < len(data):
            head = data[end.at : end.at + layout.BLOCK.size]
            block = layout.decode_block_header(head, len(found.blocks) + 1, end.at, end.crc32)
            if block is None or block.first != end.samples or block.end > len(data):
                _end_at(path, data, found)
                break
            if block.end == len(data) and not layout.whole(block, data):
                _end_at(path, data, found)
                break
            found.blocks.append(block)
            found.boundaries.append(
                Boundary(
                    block.end,
                    end.samples + block.samples,
                    end.learned + block.learned,
                    block.crc32,
                )
            )
    return found


def _end_at(path: Path, data: mmap.mmap, found: Scan) -> None:
    """Note what is no whole block: a torn tail, or damage if whole blocks follow."""
    end = found.boundaries[-1]
    found.torn_bytes = len(data) - end.at
    for kind in (layout.SAMPLES, layout.SNAPSHOT):
        later = data.find(kind, end.at + 1)
        while later >= 0:
            head = data[later : later + layout.BLOCK.size]
            block = layout.decode_block_header(head, 0, later, 0)
            if block is not None and block.first >= end.samples:
                found.damage = (
                    f"{path}: block {len(found.blocks) + 1} (from sample {end.samples + 1} on) is "
                    f"damaged, and whole blocks follow. The {end.samples} samples before it are "
                    f"whole: `streamlearn replay {path} --to {end.samples}` learns them"
                )
                return
            later = data.find(kind, later + 1)
