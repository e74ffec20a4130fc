"""What Arm's instructions do to the stack pointer, where it is not just a number less."""

from __future__ import annotations

import re

_SAVED = {"d": 8, "s": 4}  # bytes of a register of the FPU
_FIELD = re.compile(r"(r\d+), #0, #(\d+)$")


def saved_bytes(operands: str) -> int:
    """Return the bytes of a list of registers."""
    inside = operands[operands.index("{") + 1 : operands.index("}")]
    return sum(_SAVED.get(one.strip()[0], 4) for one in inside.split(","))


class Moves:
    """Follows registers that will become the stack pointer, along a function.

    A function with an object of a larger alignment copies the pointer, clears its lowest bits
    (``bfc``, or a shift to the right and one back) and moves it back: that takes at most those bits
    more. At its end it moves back what the frame pointer, r7, says: that takes nothing.
    """

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}  # copies of sp: how many bytes they lie below it, at most
        self._shifted: dict[str, int] = {}  # such a copy without its lowest bits
        self._back: set[str] = set()  # on the way back to where the frame began

    def note(self, name: str, operands: str) -> None:
        """Follow one instruction."""
        first, *others = (part.strip() for part in operands.split(","))
        taken, shifted = self._taken.pop(first, None), self._shifted.pop(first, None)
        goes_back = first in self._back
        self._back.discard(first)
        field = _FIELD.match(operands)
        if name == "mov" and others == ["sp"]:
            self._taken[first] = 0
        elif name == "bfc" and field is not None and taken is not None:
            self._taken[first] = taken + (1 << int(field[2])) - 1
        elif name in ("lsr", "lsrs") and taken is not None and others[0] == first:
            self._shifted[first] = int(others[1].lstrip("#"), 0)
        elif name in ("lsl", "lsls") and shifted is not None and others == [first, f"#{shifted}"]:
            self._taken[first] = (1 << shifted) - 1
        elif (
            name in ("sub", "subs", "subw")
            and others[-1].startswith("#")
            and (others[0] == "r7" or (goes_back and others[0] in (first, others[-1])))
        ):
            self._back.add(first)

    def to_sp(self, name: str, operands: str) -> int | None:
        """Return the most bytes that setting sp takes; None: no bound is known."""
        source = operands.split(",")[-1].strip()
        if name != "mov":
            return None
        return 0 if source in self._back else self._taken.get(source)
