"""The one writer of tables: Markdown, and cells of means over seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import mean, stdev
from typing import Any

Record = dict[str, Any]
#: From the records of runs to Markdown.
Table = Callable[[Sequence[Record]], str]
#: Stands where nothing was measured.
NOTHING = "–"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, numbers to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(values: Sequence[float], decimals: int = 2, sign: str = "") -> str:
    """Return mean ± standard deviation over seeds, the mean alone for one, "–" for none.

    Parameters
    ----------
    values : sequence of float
    decimals : int
    sign : {"", "+"}
        "+" shows it in front of positive means too.
    """
    if not values:
        return NOTHING
    text = f"{mean(values):{sign}.{decimals}f}"
    return text if len(values) < 2 else f"{text} ± {stdev(values):.{decimals}f}"


def of(records: Sequence[Record], **identity: Any) -> list[Record]:
    """Return the records whose identity has these values, by seed."""
    mine = [r for r in records if all(r["identity"][key] == v for key, v in identity.items())]
    return sorted(mine, key=lambda record: int(record["identity"]["seed"]))
