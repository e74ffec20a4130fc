"""The tables of every quant/**/NUMBERS.md beside what a machine computes.

Each row of each table needs a computed counterpart, and the other way round. A table's kind is the
first cell of its header; a row's name is its first cell, in backticks. Cells in a column of
:data:`PROSE` are for the reader. All others are compared as text. Arithmetic in backticks in the
reason of a bound must give the bound.

The counterpart comes from the room's bounds module, ``bounds_<folder>.py`` in this folder:

* ``BOUNDS``, a :class:`holding.Bounds`: the rows of the tables of kind ``bound``;
* ``exercise()``, which holds the golden model to every one of them at extreme values;
* ``check_output_gradient(outputs, target)``, of a head: its gradient, every intermediate held;
* ``TABLES``, if there are other tables: ``{kind: {name: {column: cell}}}``.

A bound's cell begins with ``=`` if ``exercise`` reaches it exactly, with ``≤`` if it does not.

Run ``python tests/property/bounds_tables.py`` to see what differs, with ``--write`` to bring the
documents up to date. It writes cells; rows are added and removed by hand, because each needs its
reason.
"""

from __future__ import annotations

import functools
import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
QUANT = ROOT / "quant"
#: Columns that explain.
PROSE = ("why", "meaning", "counted when")
LIMIT, TYPE = "largest magnitude", "type"

Cells = Mapping[str, str]
Tables = Mapping[str, Mapping[str, Cells]]


@dataclass(frozen=True)
class Room:
    """A document with tables and the module that computes what they say.

    Attributes
    ----------
    name : str
        Of the folder.
    document, module : Path
    """

    name: str
    document: Path
    module: Path


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes
    ----------
    kind : str
        First cell of the table's header.
    name : str
        First cell, without backticks.
    cells : dict
        The other cells by column.
    line : int
        In the document, from 0.
    """

    kind: str
    name: str
    cells: dict[str, str]
    line: int

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def rooms(root: Path = QUANT, modules: Path = HERE) -> tuple[Room, ...]:
    """Return the rooms below a folder: one for every NUMBERS.md, wherever it lies."""
    return tuple(
        Room(found.parent.name, found, modules / f"bounds_{found.parent.name}.py")
        for found in sorted(root.rglob("NUMBERS.md"))
    )


def cells_of(line: str) -> list[str]:
    r"""Split a line of a table; ``\|`` is no border."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def rows_of(text: str) -> Iterator[Row]:
    """Find the rows of all tables of a document, whatever their columns."""
    header: list[str] = []
    fenced = False
    lines = text.splitlines()
    for number, line in enumerate(lines):
        fenced ^= line.startswith("```")
        if fenced or not line.startswith("|"):
            header = []
        elif not header:
            header = cells_of(line)
        elif not re.fullmatch(r"\|(:?-+:?\|)+", line.replace(" ", "")):
            name, *others = cells_of(line)
            cells = dict(zip(header[1:], others, strict=True))
            yield Row(header[0], name.strip("`"), cells, number)


def grouped(number: int) -> str:
    """Write an integer in groups of three digits."""
    return f"{number:,}".replace(",", " ")


def load(room: Room) -> ModuleType:
    """Import a room's bounds module.

    Raises
    ------
    LookupError
        If there is none.
    """
    if not room.module.exists():
        raise LookupError(
            f"{room.document} has tables, but {room.module.name} does not exist: write it, with "
            "BOUNDS and exercise(), so that every row is computed"
        )
    if str(room.module.parent) not in sys.path:
        sys.path.insert(0, str(room.module.parent))
    return importlib.import_module(room.module.stem)


@functools.cache
def computed(room: Room) -> Tables:
    """Hold the golden model to a room's bounds, and return the cells of all its tables.

    Raises
    ------
    AssertionError
        If a bound is exceeded.
    LookupError
        If the room has no module, or a bound to which nothing is held.
    """
    module = load(room)
    bounds = module.BOUNDS
    bounds.reached.clear()
    module.exercise()
    idle = bounds.keys() - bounds.reached.keys()
    if idle:
        raise LookupError(f"{room.module.name}: exercise() holds nothing to {sorted(idle)}")
    table = {
        name: {LIMIT: f"{'=' if bounds.reached[name] == n else '≤'} {grouped(n)}", TYPE: kind}
        for name, (n, kind) in bounds.items()
    }
    return {**({"bound": table} if table else {}), **getattr(module, "TABLES", {})}


def wrong_formulas(row: Row) -> list[str]:
    """Work out the arithmetic in backticks of a bound's reason; it must give the bound."""
    limit = re.sub(r"\D", "", row.cells.get(LIMIT, ""))
    found = []
    for written in re.findall(r"`([^`]+)`", row.cells.get("why", "")):
        formula = written.replace("·", "*").replace("^", "**").replace("/", "//")
        if re.fullmatch(r"[\d\s()*+/<>-]+", formula):
            value = eval(formula, {"__builtins__": {}})
            if str(value) != limit:
                found.append(f"why says {written}, which is {grouped(value)}")
    return found


def differences(text: str, tables: Tables) -> list[str]:
    """Say how a document's tables differ from what is computed; empty if they do not."""
    found, seen = [], set()
    for row in rows_of(text):
        at = f"line {row.line + 1}, {row}"
        expected = tables.get(row.kind, {}).get(row.name)
        if expected is None:
            found.append(f"{at}: nothing computes this row")
            continue
        if (row.kind, row.name) in seen:
            found.append(f"{at}: written twice")
        seen.add((row.kind, row.name))
        written = {column: cell for column, cell in row.cells.items() if column not in PROSE}
        for column in sorted(written.keys() | expected.keys()):
            ours, theirs = written.get(column), expected.get(column)
            if ours != theirs:
                found.append(f"{at}: {column} is {ours!r}, computed {theirs!r}")
        found += [f"{at}: {column} is empty" for column, cell in row.cells.items() if not cell]
        found += [f"{at}: {wrong}" for wrong in wrong_formulas(row)]
    missing = {(kind, name) for kind, rows in tables.items() for name in rows} - seen
    return found + [f"{kind} {name}: no row has it" for kind, name in sorted(missing)]


def rewritten(text: str, tables: Tables) -> str:
    """Return a document with the computed cells in its rows."""
    lines = text.splitlines()
    for row in rows_of(text):
        cells = {**row.cells, **tables.get(row.kind, {}).get(row.name, {})}
        known = [cells[column] for column in row.cells]
        lines[row.line] = f"| `{row.name}` | " + " | ".join(known) + " |"
    return "\n".join(lines) + "\n"


def main(write: bool) -> int:
    """Print what differs, or write it; return the exit code."""
    total = 0
    for room in rooms():
        text, tables = room.document.read_text(), computed(room)
        if write:
            text = rewritten(text, tables)
            room.document.write_text(text)
        found = differences(text, tables)
        total += len(found)
        for line in found:
            print(f"{room.document.relative_to(ROOT)}: {line}")
    return 1 if total else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main("--write" in sys.argv[1:]))
