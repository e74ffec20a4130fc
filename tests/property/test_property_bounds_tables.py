"""Every number of every table of every quant/**/NUMBERS.md is what a machine computes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from bounds_tables import (
    HERE,
    LIMIT,
    PROSE,
    QUANT,
    ROOT,
    TYPE,
    Room,
    Row,
    computed,
    differences,
    rewritten,
    rooms,
    rows_of,
)
from holding import Bounds

from quant.heads import HEADS
from quant.rule import RULES

ROOMS = rooms()
BY_NAME = [pytest.param(room, id=room.name) for room in ROOMS]


@pytest.mark.parametrize(("folder", "names"), [("rules", RULES), ("heads", HEADS)])
def test_the_folders_with_a_table_of_bounds_are_the_registry(
    folder: str, names: Iterable[str]
) -> None:
    expected = set(names)
    assert expected
    assert with_bounds(QUANT / folder) == expected


def with_bounds(folder: Path) -> set[str]:
    """Names of the folders whose NUMBERS.md has a table of bounds."""
    return {
        document.parent.relative_to(folder).as_posix()
        for document in folder.rglob("NUMBERS.md")
        if any(row.kind == "bound" for row in rows_of(document.read_text()))
    }


def test_every_bounds_module_has_its_document() -> None:
    modules = {path for path in HERE.glob("bounds_*.py") if path.name != "bounds_tables.py"}
    assert modules == {room.module for room in ROOMS}


@pytest.mark.parametrize("room", BY_NAME)
def test_the_document_is_what_is_computed_and_the_golden_model_keeps_it(room: Room) -> None:
    found = differences(room.document.read_text(), computed(room))
    assert not found, (
        f"{room.document.relative_to(ROOT)}: run `python tests/property/bounds_tables.py --write`, "
        "or add or remove the row:\n" + "\n".join(found)
    )


@pytest.mark.parametrize("room", BY_NAME)
def test_what_the_document_links_to_and_names_exists(room: Room) -> None:
    assert not dead(room.document.read_text(), room.document.parent)


def dead(text: str, folder: Path) -> list[str]:
    """Links, and paths of files in backticks, that lead nowhere."""
    links = [link.partition("#") for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    found = [link for link, _, _ in links if not (folder / link).exists()]
    for link, _, anchor in links:
        if link in found:
            continue
        target = (folder / link).read_text() if link and anchor else text
        titles = re.findall(r"^#+ (.*)$", target, re.M) if anchor else []
        if anchor and anchor not in [re.sub(r"\W+", "-", title.lower()) for title in titles]:
            found.append(f"{link}#{anchor}")
    named = re.findall(r"`((?:[\w.]+/)+[\w.]+\.\w+)`", text)
    return found + [path for path in named if not (ROOT / path).exists()]


# -- canaries: what the tests above have to see ---------------------------------------------------


def without(text: str, row: Row) -> str:
    lines = text.splitlines()
    del lines[row.line]
    return "\n".join(lines)


def with_cell(text: str, row: Row, column: str, cell: str) -> str:
    lines = text.splitlines()
    cells = [cell if name == column else old for name, old in row.cells.items()]
    lines[row.line] = f"| `{row.name}` | " + " | ".join(cells) + " |"
    return "\n".join(lines)


def nonsense(cell: str) -> Iterator[str]:
    """Other cells: another digit, another relation, another type, nothing."""
    yield re.sub(r"\d(?=\D*$)", lambda digit: str(9 - int(digit[0])), cell)
    yield cell.translate(str.maketrans("=≤", "≤="))
    yield cell.replace("int", "nit")
    yield "512 < 2^20"
    yield ""


@pytest.mark.parametrize("room", BY_NAME)
def test_canary_nonsense_in_any_cell_of_any_row_is_seen(room: Room) -> None:
    text, tables = room.document.read_text(), computed(room)
    rows = list(rows_of(text))
    assert rows
    for row in rows:
        for column, cell in row.cells.items():
            spoilt = [""] if column in PROSE else {c for c in nonsense(cell) if c != cell}
            for other in spoilt:
                found = differences(with_cell(text, row, column, other), tables)
                assert any(f"{row}:" in line for line in found), (row, column, other)


@pytest.mark.parametrize("room", BY_NAME)
def test_canary_another_number_in_a_formula_is_seen(room: Room) -> None:
    text, tables = room.document.read_text(), computed(room)
    for row in rows_of(text):
        for formula in re.findall(r"`([\d\s()·^+/<>-]+)`", row.cells.get("why", "")):
            other = re.sub(r"\d", lambda digit: str(int(digit[0]) % 9 + 1), formula, count=1)
            why = row.cells["why"].replace(formula, other)
            found = differences(with_cell(text, row, "why", why), tables)
            assert any(f"{row}: why says" in line for line in found), (row, other)


@pytest.mark.parametrize("room", BY_NAME)
def test_canary_a_row_removed_added_doubled_or_renamed_is_seen(room: Room) -> None:
    text, tables = room.document.read_text(), computed(room)
    for row in rows_of(text):
        assert f"{row}: no row has it" in differences(without(text, row), tables)
        line = text.splitlines()[row.line]
        for other, sentence in (
            (line, "written twice"),
            (line.replace(row.name, "unheard_of", 1), "nothing computes this row"),
        ):
            lines = text.splitlines()
            lines.insert(row.line, other)
            assert any(sentence in found for found in differences("\n".join(lines), tables))
    kinds = {row.kind for row in rows_of(text)}
    assert kinds == tables.keys()


def test_canary_a_table_that_no_machine_knows_is_seen() -> None:
    room = ROOMS[0]
    text = room.document.read_text() + "\n| what | largest |\n|---|---|\n| Σ x | 2^20 |\n"
    assert any("nothing computes this row" in line for line in differences(text, computed(room)))


def test_canary_a_rule_without_a_table_of_bounds_is_seen(tmp_path: Path) -> None:
    for name, text in (("one", "| bound | type |\n|---|---|\n| `a` | b |\n"), ("two", "bound\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "NUMBERS.md").write_text(text)
    assert with_bounds(tmp_path) == {"one"}


def test_canary_a_dead_link_or_file_is_seen() -> None:
    text = "[a](NUMBERS.md) [b](NUM.md) [c](NUMBERS.md#saturation) [d](NUMBERS.md#satiation)"
    assert dead(text, QUANT) == ["NUM.md", "NUMBERS.md#satiation"]
    assert dead("`quant/tables.py` `quant/kernel/sl_no.c`", QUANT) == ["quant/kernel/sl_no.c"]


def test_rows_in_a_fence_are_no_rows() -> None:
    assert not list(rows_of("```\n| a | b |\n|---|---|\n| `c` | 1 |\n```\n"))


def test_writing_brings_a_document_up_to_date() -> None:
    room = ROOMS[-1]
    text, tables = room.document.read_text(), computed(room)
    row = next(row for row in rows_of(text) if row.kind == "bound")
    stale = with_cell(text, row, LIMIT, "≤ 1") + "\n"
    assert rewritten(stale, tables) == text


def room_of(folder: Path, module: str, table: str = "") -> Room:
    document, path = folder / "NUMBERS.md", folder / f"bounds_{folder.name}.py"
    document.write_text(f"| bound | why | {LIMIT} | {TYPE} |\n|---|---|---|---|\n{table}")
    if module:
        path.write_text(module)
    return Room(folder.name, document, path)


TOY = """
from holding import Bounds

from quant.heads import HEADS
from quant.rule import RULES
BOUNDS = Bounds({"sum": (300, "int16"), "free": (5, "int16")})
def exercise():
"""


def test_canary_a_room_without_its_module_or_with_an_idle_bound_is_refused(tmp_path: Path) -> None:
    for name, module, sentence in (
        ("no_module", "", "bounds_no_module.py does not exist"),
        ("idle_bound", TOY + "    BOUNDS.hold('sum', 300)\n", r"holds nothing to \['free'\]"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        with pytest.raises(LookupError, match=sentence):
            computed(room_of(folder, module))


def test_canary_a_golden_model_beyond_its_bound_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "beyond_bound"
    folder.mkdir()
    with pytest.raises(AssertionError, match="sum: 301 > 300"):
        computed(room_of(folder, TOY + "    BOUNDS.hold('sum', -301)\n"))


def test_a_new_rules_document_is_on_the_list_by_itself(tmp_path: Path) -> None:
    folder = tmp_path / "rules" / "new_rule"
    folder.mkdir(parents=True)
    table = "| `sum` | all rows | = 300 | int16 |\n| `free` | clamped | ≤ 5 | int16 |\n"
    held = TOY + "    BOUNDS.hold('sum', [300, -2])\n    BOUNDS.hold('free', 4)\n"
    room_of(folder, held, table)
    (room,) = rooms(tmp_path, folder)
    assert not differences(room.document.read_text(), computed(room))


def test_canary_hold_sees_size_sign_and_type() -> None:
    bounds = Bounds({"signed": (300, "int16"), "size": (300, "uint32")})
    bounds.hold("signed", np.array([-300, 300]))
    bounds.hold("size", [])
    assert bounds.reached == {"signed": 300}
    for name, value in (("signed", -301), ("size", 301), ("size", -1)):
        with pytest.raises(AssertionError, match=name):
            bounds.hold(name, value)
    with pytest.raises(AssertionError, match="signed: 301 > 300"):
        bounds.hold_partial_sums("signed", np.array([301, -1]), 0)
    with pytest.raises(ValueError, match="int16 does not hold 32768"):
        Bounds({"wide": (1 << 15, "int16")})
