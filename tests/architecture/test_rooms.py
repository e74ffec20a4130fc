"""A rule's name is said in its rooms only, and every room has what it has to have."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import streamlearn
from quant.heads import HEADS
from quant.rooms import FLOORS, part
from quant.rule import RULES
from streamlearn.heads import HEADS as FLOAT_HEADS

ROOT = Path(__file__).parents[2]
FLOOR_FOLDERS = ("quant", "streamlearn", "export", "firmware_sim")
BRANCH = re.compile(r"(rule|variance|head) *== *['\"]|likelihood *==|SL_FACTORED|SL_GAUSSIAN|SL_Q8")


def sources(*suffixes: str) -> list[Path]:
    return [
        file
        for folder in FLOOR_FOLDERS
        for suffix in suffixes
        for file in (ROOT / folder).rglob(f"*{suffix}")
    ]


def in_a_room(file: Path) -> bool:
    return bool({"rules", "heads"} & set(file.relative_to(ROOT).parts))


def branches(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if BRANCH.search(line)]


def test_nobody_outside_the_rooms_asks_which_rule_or_head_it_is() -> None:
    found = {
        str(file.relative_to(ROOT)): lines
        for file in sources(".py", ".c", ".h")
        if not in_a_room(file) and (lines := branches(file.read_text()))
    }
    assert not found


@pytest.mark.parametrize(
    "line", ["if rule == 'mesu':", 'x = variance == "a"', "#if SL_GAUSSIAN", 'if spec.head == "g":']
)
def test_canary_a_branch_is_seen(line: str) -> None:
    assert branches(f"a = 1\n{line}\n")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("floor", FLOORS)
def test_every_rule_has_a_room_on_every_floor(rule: str, floor: str) -> None:
    assert part(rule, floor).__name__ == f"{floor}.rules.{rule}"


@pytest.mark.parametrize("floor", FLOORS)
def test_there_is_no_room_without_a_rule(floor: str) -> None:
    folders = {file.parent.name for file in (ROOT / floor / "rules").glob("*/__init__.py")}
    assert folders == set(RULES)


def test_learners_exist_for_every_head_and_are_in_the_shop_window() -> None:
    for name, rule in RULES.items():
        learners = part(name, "streamlearn").LEARNERS
        assert set(learners) == set(rule.heads)
        for kind in learners.values():
            assert getattr(streamlearn, kind.__name__) is kind
            assert kind.__name__ in streamlearn.__all__


def test_every_arithmetic_has_a_graph() -> None:
    for name, rule in RULES.items():
        needed = {kind.numbers for kind in rule.arithmetics.values()}
        assert needed <= set(part(name, "export").GRAPHS)


def test_every_head_is_on_every_floor() -> None:
    from export.graph.heads import HEADS as GRAPH_HEADS

    assert set(HEADS) == set(FLOAT_HEADS) == set(GRAPH_HEADS)


def imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def foreign_rooms(found: set[str], own: str) -> set[str]:
    return {
        name
        for name in found
        if (match := re.match(r"(quant|streamlearn|export)\.rules\.(\w+)", name))
        and match[2] != own
    }


def test_no_rule_imports_another() -> None:
    for floor in FLOORS:
        for file in (ROOT / floor / "rules").rglob("*.py"):
            own = file.relative_to(ROOT / floor / "rules").parts[0]
            assert not foreign_rooms(imports(file), own), file
    assert foreign_rooms({"quant.rules.mesu.golden"}, "metaplastic") == {"quant.rules.mesu.golden"}


def test_golden_and_float_reference_do_not_know_each_other() -> None:
    for file in (ROOT / "quant").rglob("*.py"):
        assert not any(name.startswith("streamlearn") for name in imports(file)), file
    floats = [*(ROOT / "streamlearn/heads").glob("*.py"), ROOT / "streamlearn/front_end.py"]
    floats += (ROOT / "streamlearn/rules").glob("*/equations.py")
    for file in floats:
        assert not any(".golden" in name for name in imports(file)), file
