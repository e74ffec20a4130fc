"""How deep the stack can get: read out of the machine code, for every path and not for one run.

The bound is the deepest sum of frames along the calls of the linked program, the compiler's own
routines included. A frame is what a function's instructions take from the stack pointer. A call
through a pointer may go to every function whose address lies in it. What has no bound is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from .errors import BuildError
from .stack_code import Arm, Riscv

#: Where a stack begins: at reset, and anew after a fault.
ROOTS = ("Reset_Handler", "sl_fault_report")


@dataclass(frozen=True)
class StackUse:
    """What a program takes of the stack.

    Attributes
    ----------
    frames : dict of str to int
        Bytes that each function takes itself.
    calls : dict of str to frozenset of str
        What each function calls.
    path : tuple of str
        The deepest calls.
    bound : int
        The sum of their frames, in bytes.
    """

    frames: dict[str, int]
    calls: dict[str, frozenset[str]]
    path: tuple[str, ...]
    bound: int


def stack_use(elf_path: str | Path, roots: tuple[str, ...] = ROOTS) -> StackUse:
    """Return the frames, the calls and the bound of a linked program.

    Parameters
    ----------
    elf_path : path
        An ELF for Arm or RISC-V with its symbols.
    roots : tuple of str
        Functions that begin with an empty stack; the deepest of them counts.

    Raises
    ------
    BuildError
        If no bound can be given; the message says which function is why.
    """
    path = Path(elf_path)
    with path.open("rb") as stream:
        elf: Any = ELFFile(stream)
        reader = Riscv(elf, path) if elf["e_machine"] == "EM_RISCV" else Arm(elf, path)
        frames, calls = reader.read()
    deepest: dict[str, tuple[int, tuple[str, ...]]] = {}
    for root in filter(frames.__contains__, roots):
        _depth(root, frames, calls, deepest, (), path)
    if not deepest:
        raise BuildError(f"{path}: none of the functions {', '.join(roots)}: no firmware of ours")
    bound, way = max(deepest[root] for root in roots if root in deepest)
    return StackUse(frames, calls, way, bound)


def _depth(
    name: str,
    frames: dict[str, int],
    calls: dict[str, frozenset[str]],
    known: dict[str, tuple[int, tuple[str, ...]]],
    above: tuple[str, ...],
    path: Path,
) -> tuple[int, tuple[str, ...]]:
    if name in above:
        raise BuildError(f"{path}: the stack has no bound: {' calls '.join((*above, name))}")
    if name not in known:
        below = max(
            (
                _depth(callee, frames, calls, known, (*above, name), path)
                for callee in sorted(calls[name])
            ),
            default=(0, ()),
        )
        known[name] = frames[name] + below[0], (name, *below[1])
    return known[name]
