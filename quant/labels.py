"""What can be a label: text, a finite number, or a truth value; and how a message shows one."""

from __future__ import annotations

import math
from typing import Any

from quant.errors import ShapeError

#: Bits of the largest whole number that is a label; every reader of JSON takes it.
LABEL_BITS = 1024
#: Characters of a label in a message.
SHOWN = 60


def check_label(label: Any) -> None:
    """Refuse a label that an image cannot hold.

    Raises
    ------
    ShapeError
        If it is not text of Unicode characters, a finite number of up to 1,024 bits, or a truth
        value.
    """
    good = isinstance(label, str | int | float)
    if isinstance(label, float):
        good = math.isfinite(label)
    elif isinstance(label, int):
        good = label.bit_length() <= LABEL_BITS
    elif isinstance(label, str):
        good = is_text(label)
    if not good:
        raise ShapeError(
            f"labels has {shown(label)}: expected text, finite numbers of up to {LABEL_BITS} bits, "
            "or truth values"
        )


def is_text(text: str) -> bool:
    """Return whether UTF-8 holds a text: half of a surrogate pair is no character."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def shown(label: Any) -> str:
    """Return a label as a message shows it: as Python writes it, but never a page of it."""
    try:
        text = repr(label)
    except ValueError:  # a whole number of more digits than Python writes
        return f"a whole number of {label.bit_length()} bits"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}… ({len(text)} characters)"
