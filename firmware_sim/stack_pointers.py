"""Which function a call through a register goes to, where its address was loaded just before.

A compiler that is asked for the least code loads the address of a function that it calls several
times once, and calls it by ``blx``.
"""

from __future__ import annotations

#: They leave the register they name first as it is.
_READS = ("cmp", "cmn", "tst", "teq", "str", "strb", "strh", "strd", "stm", "blx", "bx", "push")
#: A call leaves the others as they are (AAPCS 6.1.1).
_CLOBBERED = ("r0", "r1", "r2", "r3", "r12", "ip", "lr")


class Pointers:
    """The registers that hold a word of the literal pool, along instructions in their order.

    Parameters
    ----------
    entered : set of int
        Addresses that branches of the function go to: nothing is known there.
    """

    def __init__(self, entered: set[int]) -> None:
        self._entered = entered
        self._words: dict[str, int] = {}
        self._left = False  # what comes next is only reached from elsewhere

    def before(self, address: int, name: str, operands: str) -> int | None:
        """Note an instruction; return where it calls to if it is a known ``blx``."""
        if address in self._entered or self._left:
            self._words.clear()
        self._left = name in ("b", "tbb", "tbh")
        first = operands.split(",")[0].strip()
        found = self._words.get(first) if name == "blx" else None
        if name in ("bl", "blx"):
            for register in _CLOBBERED:
                self._words.pop(register, None)
        elif name[0] == "b" and name not in ("bic", "bics", "bfi", "bfc"):
            return None
        elif "{" in operands and name != "push":
            self._words.clear()
        elif name not in _READS:
            for register in operands.split(", ")[:2]:  # a long product sets two
                self._words.pop(register.strip(), None)
        return None if found is None else found & ~1

    def load(self, register: str, word: int) -> None:
        """Note that a register now holds a word."""
        self._words[register] = word & 0xFFFFFFFF
