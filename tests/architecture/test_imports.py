"""No module imports itself by way of others: each can be read, tested and moved alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from import_graph import find_cycle, import_graph

ROOT = Path(__file__).parents[2]
PACKAGES = ("quant", "streamlearn", "export", "firmware_sim")


def test_no_import_cycle() -> None:
    graph = import_graph(ROOT, PACKAGES)
    assert len(graph) > 100
    cycle = find_cycle(graph)
    assert not cycle, f"an import cycle, whatever Python makes of it: {' -> '.join(cycle)}"


def test_the_graph_is_that_of_the_sources() -> None:
    """The graph's own canary: imports of every kind that the packages have are in it."""
    graph = import_graph(ROOT, PACKAGES)
    assert "quant.errors" in graph["streamlearn.errors"]
    assert "firmware_sim.link" in graph["firmware_sim.device"], "a relative import"
    assert "streamlearn.cli.app" in graph["streamlearn.cli"], "an import inside a function"
    assert "streamlearn.baselines.base" in graph["streamlearn.evaluation.prequential"]
    assert "numpy" not in graph["quant.noise"]


PLANTED = {
    "plain": ("import pkg.b\n", "import pkg.a\n"),
    "from": ("from pkg import b\n", "from pkg.a import x\n"),
    "relative": ("from . import b\n", "from .a import x\n"),
    "inside a function": ("def f():\n    from pkg.b import y\n", "from pkg.a import x\n"),
    "for types only": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pkg.b import y\n",
        "import pkg.a as a\n",
    ),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_canary_a_planted_cycle_is_found(tmp_path: Path, kind: str) -> None:
    one, other = PLANTED[kind]
    (tmp_path / "pkg").mkdir()
    for name, text in (("__init__", ""), ("a", one), ("b", other), ("c", "import pkg.a\n")):
        (tmp_path / "pkg" / f"{name}.py").write_text(text)
    assert find_cycle(import_graph(tmp_path, ("pkg",))) == ["pkg.a", "pkg.b", "pkg.a"]
    (tmp_path / "pkg" / "b.py").write_text("import pkg.d\n")
    assert find_cycle(import_graph(tmp_path, ("pkg",))) == []
