"""A linked firmware: what is in the ELF, how much memory it takes, where things are."""

from __future__ import annotations

import hashlib
import struct
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from .boards import Board
from .errors import BuildError
from .isa import InstructionReport, check_elf
from .storage import LogPlan, Storage, plan_storage

_FACTS, _PLAN = struct.Struct("<6I"), struct.Struct("<3I")
_PT_LOAD = "PT_LOAD"


@dataclass(frozen=True)
class Symbol:
    """A function or object: address (Thumb bit cleared) and size in bytes."""

    address: int
    size: int
    is_function: bool


@dataclass(frozen=True)
class RamBytes:
    """Who takes how much RAM, in bytes.

    Attributes
    ----------
    state, scratch : int
        The learner's state and working memory.
    frame : int
        The link's receive buffer.
    stack_reserved : int
        What the linker set aside for the stack.
    other : int
        Everything else (and alignment).
    total : int
        The sum.
    """

    state: int
    scratch: int
    frame: int
    stack_reserved: int
    other: int
    total: int


@dataclass(frozen=True)
class Firmware:
    """A firmware that was linked and checked for one board.

    Attributes
    ----------
    elf_path : Path
    board : Board
    sections : dict of str to int
        Bytes of ``vectors``, ``text``, ``rodata``, ``data``, ``bss``, ``stack``.
    flash_bytes : int
        Bytes of flash the image takes, the board's reserved bytes not included.
    ram_bytes : RamBytes
    n_features, n_classes, state_bytes, scratch_bytes, max_payload_bytes : int
        What the ELF itself says of its learner and link; 0 classes: it predicts a number.
    symbols : dict of str to Symbol
    sha256 : str
        Of the ELF file.
    instructions : InstructionReport
        The outcome of the static check.
    segments : tuple of (int, bytes)
        Flash contents: load address and bytes.
    log : LogPlan or None
        The log of events, if it keeps one.
    """

    elf_path: Path
    board: Board
    sections: dict[str, int]
    flash_bytes: int
    ram_bytes: RamBytes
    n_features: int
    n_classes: int
    state_bytes: int
    scratch_bytes: int
    max_payload_bytes: int
    symbols: dict[str, Symbol]
    sha256: str
    instructions: InstructionReport
    segments: tuple[tuple[int, bytes], ...] = field(repr=False)
    log: LogPlan | None = None

    @property
    def storage(self) -> Storage:
        """Where the board keeps the state."""
        return plan_storage(self.board, self.state_bytes, self.log)

    def with_stack(self, stack_bytes: int) -> Firmware:
        """Return the same firmware as it is if so many bytes are reserved for the stack."""
        ram = self.ram_bytes
        total = ram.total - ram.stack_reserved + stack_bytes
        return replace(
            self,
            sections={**self.sections, "stack": stack_bytes},
            ram_bytes=replace(ram, stack_reserved=stack_bytes, total=total),
        )

    @property
    def vector_address(self) -> int:
        """Address of the vector table."""
        return self.board.flash.origin + self.board.flash.reserved_bytes

    def address_of(self, name: str) -> int:
        """Return the address of a symbol.

        Raises
        ------
        BuildError
            If the ELF has no such symbol.
        """
        try:
            return self.symbols[name].address
        except KeyError:
            raise BuildError(
                f"{self.elf_path}: no symbol {name!r}: not a firmware of this package"
            ) from None

    def symbol_at(self, address: int) -> str:
        """Return ``function+offset`` for a code address, or the bare number where none fits."""
        address &= ~1
        ram = self.board.ram
        if ram.code <= address < ram.code + ram.bytes:
            address += ram.origin - ram.code
        functions = sorted(
            (symbol.address, name) for name, symbol in self.symbols.items() if symbol.is_function
        )
        index = bisect_right(functions, (address, "\uffff")) - 1
        if index < 0 or address - functions[index][0] >= 0x10000:
            return f"{address:#010x}"
        start, name = functions[index]
        return f"{name}+{address - start:#x}"


def load_firmware(elf_path: str | Path, board: Board) -> Firmware:
    """Read a linked firmware, and check its instructions against the board's core.

    Sizes are reported, not judged: `firmware_sim.fit.check_fit` does that.

    Raises
    ------
    BuildError
        If the file is no ELF of this package, or holds what the core cannot execute.
    """
    path = Path(elf_path)
    report = check_elf(path, board.core)
    with path.open("rb") as stream:
        elf: Any = ELFFile(stream)
        sections = {
            section.name.lstrip("."): int(section["sh_size"])
            for section in elf.iter_sections()
            if section.name in {".vectors", ".text", ".rodata", ".data", ".bss", ".stack"}
        }
        symbols = {
            symbol.name: Symbol(
                int(symbol["st_value"]) & ~int(symbol["st_info"]["type"] == "STT_FUNC"),
                int(symbol["st_size"]),
                symbol["st_info"]["type"] == "STT_FUNC",
            )
            for symbol in elf.get_section_by_name(".symtab").iter_symbols()
            if symbol.name and not symbol.name.startswith("$")
        }
        segments = tuple(
            (int(segment["p_paddr"]), bytes(segment.data()))
            for segment in elf.iter_segments()
            if segment["p_type"] == _PT_LOAD and segment["p_filesz"]
        )
    facts = _read_facts(path, symbols, segments)
    sizes = {name: sections.get(name, 0) for name in _SECTIONS}
    start = board.flash.origin + board.flash.reserved_bytes
    return Firmware(
        elf_path=path,
        board=board,
        sections=sizes,
        flash_bytes=max(address + len(data) for address, data in segments) - start,
        ram_bytes=_ram_bytes(sizes, symbols, symbols["sl_bss_end"].address - board.ram.origin),
        n_features=facts[1],
        n_classes=facts[2],
        state_bytes=facts[3],
        scratch_bytes=facts[4],
        max_payload_bytes=facts[5],
        symbols=symbols,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        instructions=report,
        segments=segments,
        log=_read_log(symbols, segments),
    )


_SECTIONS = ("vectors", "text", "rodata", "data", "bss", "stack")


def _ram_bytes(sections: dict[str, int], symbols: dict[str, Symbol], total: int) -> RamBytes:
    state, scratch, frame = (
        symbols[name].size for name in ("sl_state", "sl_scratch", "sl_frame_words")
    )
    named = state + scratch + frame + sections["stack"]
    return RamBytes(state, scratch, frame, sections["stack"], total - named, total)


def _read_log(
    symbols: dict[str, Symbol], segments: tuple[tuple[int, bytes], ...]
) -> LogPlan | None:
    if "sl_log_plan" not in symbols:
        return None
    words = _bytes_at(symbols["sl_log_plan"].address, _PLAN.size, segments)
    return None if words is None else LogPlan(*_PLAN.unpack(words))


def _bytes_at(address: int, size: int, segments: tuple[tuple[int, bytes], ...]) -> bytes | None:
    for start, data in segments:
        if start <= address and address + size <= start + len(data):
            return data[address - start : address - start + size]
    return None


def _read_facts(
    path: Path, symbols: dict[str, Symbol], segments: tuple[tuple[int, bytes], ...]
) -> tuple[int, ...]:
    needed = ("sl_link_facts", "sl_state", "sl_scratch", "sl_frame_words", "sl_bss_end")
    missing = [name for name in needed if name not in symbols]
    if not missing:
        words = _bytes_at(symbols["sl_link_facts"].address, _FACTS.size, segments)
        if words is not None:
            return _FACTS.unpack(words)
    raise BuildError(
        f"{path}: not a firmware of this package (missing: {', '.join(missing) or 'flash data'})"
    )
