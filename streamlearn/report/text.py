"""Numbers and strings as a reader sees them, and HTML made of them."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from typing import Any

ABSENT = "–"
#: Keeps a number and its unit on one line.
NBSP = "\u00a0"


def printable(text: object) -> str:
    """Return the text with a replacement mark for what neither HTML nor a font can show."""
    return "".join(c if c.isprintable() or c in f"\n\t{NBSP}" else "�" for c in str(text))


def escaped(text: object) -> str:
    """Return text that is safe between tags and inside a quoted attribute."""
    return html.escape(printable(text), quote=True)


def shortened(text: str, n_chars: int) -> str:
    """Return at most `n_chars` characters, the last an ellipsis where some were cut."""
    text = printable(text)
    return text if len(text) <= n_chars else text[: n_chars - 1].rstrip() + "…"


def number(value: object) -> float | None:
    """Return a finite number, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if math.isfinite(value) else None


def count(value: object) -> str:
    """Return "6,697"."""
    found = number(value)
    return ABSENT if found is None else f"{round(found):,}"


def percent(share: object) -> str:
    """Return "93.41 %" for 0.9341."""
    found = number(share)
    return ABSENT if found is None else f"{100 * found:.2f}{NBSP}%"


def size(n_bytes: object) -> str:
    """Return "42,312 B"."""
    return ABSENT if number(n_bytes) is None else f"{count(n_bytes)}{NBSP}B"


def significant(value: object, digits: int = 3, unit: str = "") -> str:
    """Return a number with `digits` significant digits, without an exponent where it is short."""
    found = number(value)
    if found is None:
        return ABSENT
    if found == 0:
        return f"0{unit}"
    exponent = math.floor(math.log10(abs(found)))
    if not -5 <= exponent <= 6:
        return f"{found:.{digits - 1}e}{unit}"
    decimals = max(0, digits - 1 - exponent)
    return f"{found:,.{decimals}f}{unit}"


def large(value: object) -> str:
    """Return "1.23 million", "45.6 thousand" or "789"."""
    found = number(value)
    if found is None:
        return ABSENT
    for unit, name in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if abs(found) >= unit:
            return f"{significant(found / unit)}{NBSP}{name}"
    return count(found)


def table(rows: Iterable[Sequence[object]], head: Sequence[object] = (), classes: str = "") -> str:
    """Return an HTML table; the first cell of each row is its heading, every cell is escaped."""
    lines = [f'<div class="scroll"><table class="{escaped(classes)}">']
    if head:
        cells = "".join(f'<th scope="col">{escaped(cell)}</th>' for cell in head)
        lines.append(f"<thead><tr>{cells}</tr></thead>")
    lines.append("<tbody>")
    for first, *rest in rows:
        cells = "".join(f"<td>{escaped(cell)}</td>" for cell in rest)
        lines.append(f'<tr><th scope="row">{_breakable(escaped(first))}</th>{cells}</tr>')
    lines.append("</tbody></table></div>")
    return "\n".join(lines)


def _breakable(name: str) -> str:
    """Return HTML that may break a long name such as ``config.front_end_window`` at its joints."""
    return name.replace("_", "_<wbr>").replace(".", ".<wbr>")


def flattened(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Return the leaves of nested dictionaries as ("outer.inner", text) pairs."""
    if isinstance(value, dict):
        return [
            leaf
            for key, inner in value.items()
            for leaf in flattened(inner, f"{name}.{key}" if name else str(key))
        ]
    if isinstance(value, (list, tuple)) and all(
        isinstance(item, (int, float, str)) for item in value
    ):
        return [(name, ", ".join(str(item) for item in value))]
    if isinstance(value, (list, tuple)):
        return [leaf for i, item in enumerate(value) for leaf in flattened(item, f"{name}[{i}]")]
    return [(name, ABSENT if value is None else str(value))]
