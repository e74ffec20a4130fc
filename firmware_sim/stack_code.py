"""What each function of a program takes from the stack, and what it calls."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import capstone  # type: ignore[import-untyped]

from .errors import BuildError
from .stack_pointer import Moves, saved_bytes
from .stack_pointers import Pointers

#: They set the stack pointer themselves, as the first thing they do.
_STARTS = ("Reset_Handler", "Fault_Handler")

_NUMBER = re.compile(r"#?(-?(?:0x)?[0-9a-fA-F]+)$")
_BRANCH = re.compile(r"(bl?(eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?|cbn?z)$")


@dataclass(frozen=True)
class _Function:
    name: str
    start: int
    end: int


class Reader:
    """The functions of an ELF, one by one: what is common to both sets of instructions."""

    def __init__(self, elf: Any, path: Path) -> None:
        self.path = path
        table = elf.get_section_by_name(".symtab")
        if table is None:
            raise BuildError(f"{path}: no symbol table: functions cannot be told apart")
        self.code = {
            section.name: (int(section["sh_addr"]), bytes(section.data()))
            for section in elf.iter_sections()
            if section["sh_type"] == "SHT_PROGBITS" and section["sh_flags"] & 2
        }
        sizes: dict[int, tuple[int, str]] = {}
        marks = []
        for symbol in table.iter_symbols():
            if symbol.name[:2] in ("$t", "$d", "$a"):
                marks.append((int(symbol["st_value"]), symbol.name[:2]))
            elif symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_size"]:
                start = int(symbol["st_value"]) & ~self.thumb_bit
                sizes[start] = max(sizes.get(start, (0, "")), (int(symbol["st_size"]), symbol.name))
        self.marks = sorted(marks)
        self.functions = [
            _Function(name, start, start + size) for start, (size, name) in sorted(sizes.items())
        ]
        self.starts = [function.start for function in self.functions]

    thumb_bit = 0

    def read(self) -> tuple[dict[str, int], dict[str, frozenset[str]]]:
        """Return the frame and the callees of every function; names that occur twice are told."""
        names = self._names()
        frames: dict[str, int] = {}
        calls: dict[str, frozenset[str]] = {}
        for function in self.functions:
            frame, targets = self.one(function)
            name = names[function.start]
            frames[name] = frame
            if None in targets:
                targets = targets - {None} | self._pointed_at()
            calls[name] = frozenset(
                names[self.at(target, function)] for target in targets if target is not None
            )
        return frames, calls

    def _pointed_at(self) -> set[int | None]:
        """Return the functions whose address is a word of the program: not of its vectors."""
        words = {
            int.from_bytes(data[at : at + 4], "little")
            for name, (_, data) in self.code.items()
            if name != ".vectors"
            for at in range(-self.code[name][0] % 4, len(data) - 3, 4)
        }
        return {start for start in self.starts if start | self.thumb_bit in words}

    def _names(self) -> dict[int, str]:
        names: dict[int, str] = {}
        for function in self.functions:
            name, twice = function.name, function.name in names.values()
            names[function.start] = f"{name}@{function.start:#x}" if twice else name
        return names

    def at(self, address: int, caller: _Function) -> int:
        """Return the start of the function that lies at an address."""
        index = bisect_right(self.starts, address) - 1
        if index < 0 or address >= self.functions[index].end:
            raise self.unbounded(caller, f"goes to {address:#x}, where no function is")
        return self.functions[index].start

    def unbounded(self, function: _Function, why: str) -> BuildError:
        """Return the error of a function whose frame or calls cannot be told."""
        return BuildError(f"{self.path}: the stack has no bound: {function.name} {why}")

    def bytes_at(self, start: int, end: int) -> bytes:
        """Return what the program has at some addresses."""
        for address, data in self.code.values():
            if address <= start < address + len(data):
                return data[start - address : end - address]
        raise BuildError(f"{self.path}: nothing lies at {start:#x}")

    def one(self, function: _Function) -> tuple[int, set[int | None]]:
        """Return the frame, and where it goes by calls and by branches; None: to a pointer."""
        raise NotImplementedError


class Arm(Reader):
    """The functions of a Cortex-M's program."""

    thumb_bit = 1
    _decoder = capstone.Cs(
        capstone.CS_ARCH_ARM,
        capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS | capstone.CS_MODE_V8,
    )

    def _instructions(self, function: _Function) -> Iterator[tuple[int, int, str, str]]:
        """Yield what is code between the marks, which tell it from data."""
        at = bisect_right(self.marks, (function.start, "~")) - 1
        while at < len(self.marks) and self.marks[at][0] < function.end:
            after = self.marks[at + 1][0] if at + 1 < len(self.marks) else function.end
            start, end = max(self.marks[at][0], function.start), min(after, function.end)
            if self.marks[at][1] == "$t" and start < end:
                yield from self._decoder.disasm_lite(self.bytes_at(start, end), start)
            at += 1

    def one(self, function: _Function) -> tuple[int, set[int | None]]:
        """Return the frame and the targets: what leaves a function by a branch is a call, too."""
        frame, targets = 0, set[int | None]()
        loaded: dict[str, int] = {}  # registers with a word of the pool
        moves, pointers = Moves(), Pointers(self._entered(function))
        for address, _, mnemonic, operands in self._instructions(function):
            name = mnemonic.split(".")[0]
            first = operands.split(",")[0].strip()
            called = pointers.before(address, name, operands)
            taken = moves.to_sp(name, operands)
            moves.note(name, operands)
            if name in ("push", "vpush", "stmdb", "vstmdb"):
                if name.endswith("push") or first == "sp!":
                    frame += saved_bytes(operands)
            elif name in ("sub", "subw") and first == "sp":
                frame += self._amount(function, operands)
            elif name == "add" and operands.startswith("sp, r"):
                register = operands.split(", ")[-1]
                if register not in loaded:
                    raise self.unbounded(function, f"adds {register} to it at {address:#x}")
                frame += max(0, -loaded[register])
            elif name in ("str", "strd", "strb") and "[sp, #-" in operands and operands[-1] == "!":
                frame += int(operands[operands.index("#-") + 2 : -2], 0)
            elif name in ("mov", "movs", "lsl", "lsls") and "#" in operands and first != "sp":
                number = _value(operands.split("#")[-1])
                loaded[first] = number if name[0] == "m" else loaded.get(first, 0) << number
            elif name == "ldr" and "[pc" in operands:
                loaded[first] = self._pool(address, operands)
                pointers.load(first, loaded[first])
            elif first == "sp" and name in ("mov", "mvn", "bic", "and", "rsb", "ldr"):
                if taken is None and function.name not in _STARTS:
                    raise self.unbounded(function, f"sets it by {mnemonic} {operands}")
                frame += taken or 0
            elif name == "pop" and "pc" in operands and "Thunk_" in function.name:
                targets.update(word & 0xFFFFFFFE for word in loaded.values())  # lld's far call
            elif name == "blx" or (name == "bx" and first != "lr"):
                if function.name not in _STARTS:
                    targets.add(called)
            elif _BRANCH.match(name):
                target = _value(operands.split("#")[-1])
                # Inside the function bl is ARMv6-M's far jump, unless it goes to the start.
                calls = name == "bl" and target == function.start
                if calls or not function.start <= target < function.end:
                    targets.add(target)
        return frame, targets

    def _entered(self, function: _Function) -> set[int]:
        """Return where the function's own branches go to."""
        return {
            _value(operands.split("#")[-1])
            for _, _, mnemonic, operands in self._instructions(function)
            if _BRANCH.match(mnemonic.split(".")[0]) and "#" in operands
        }

    def _amount(self, function: _Function, operands: str) -> int:
        if (found := _NUMBER.match(operands.split(",")[-1].strip())) is not None:
            return int(found[1], 0)
        raise self.unbounded(function, f"takes a varying size of it: sub {operands}")

    def _pool(self, address: int, operands: str) -> int:
        place = (address + 4 & ~3) + _value(operands[operands.index("#") : operands.index("]")])
        return int.from_bytes(self.bytes_at(place, place + 4), "little", signed=True)


class Riscv(Reader):
    """The functions of a RISC-V core's program."""

    _decoder = capstone.Cs(
        capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV32 | capstone.CS_MODE_RISCVC
    )

    def one(self, function: _Function) -> tuple[int, set[int | None]]:
        """Return the frame and the targets."""
        frame, targets = 0, set[int | None]()
        data = self.bytes_at(function.start, function.end)
        upper: tuple[str, int] | None = None  # the latest: a register with an address's upper part
        for address, _, name, operands in self._decoder.disasm_lite(data, function.start):
            parts = [part.strip() for part in operands.split(",")]
            name = name.removeprefix("c.")
            before, upper = upper, None
            if name in ("auipc", "lui"):
                base = address if name == "auipc" else 0
                upper = parts[0], base + (_value(parts[1]) << 12)
            elif parts[0] == "sp" and function.name in _STARTS:
                continue
            elif parts[0] == "sp" and name in ("addi", "addi16sp"):
                frame += max(0, -_value(parts[-1]))
            elif parts[0] == "sp" and name in ("sub", "add", "mv"):
                raise self.unbounded(function, f"sets it by {name} {operands}")
            elif name in ("jal", "j") or (name[0] == "b" and len(parts) > 1):
                target = address + _value(parts[-1])
                if name == "jal" or not function.start <= target < function.end:
                    targets.add(target)
            elif name == "jalr" or (name == "jr" and parts[0] != "ra"):
                offset = _value(parts[-1]) if len(parts) > 2 else 0
                known = before is not None and before[0] == parts[-2 if len(parts) > 2 else -1]
                targets.add(before[1] + offset & 0xFFFFFFFF if before and known else None)
        return frame, targets


def _value(text: str) -> int:
    return int(text.strip().lstrip("#"), 0)
