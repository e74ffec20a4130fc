"""The import graph of the packages, read from the sources: nothing is imported to find it.

Imports inside functions and under ``TYPE_CHECKING`` count: they hide a cycle from Python, not from
a reader. A package is not counted as importing its own modules, nor a module as importing the
packages that it lies in; only what an import statement names counts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

Graph = Mapping[str, frozenset[str]]


def import_graph(root: Path, packages: tuple[str, ...]) -> Graph:
    """Return, by name of a module under ``root``, the modules of ``packages`` that it imports."""
    files = {
        _module_name(path.relative_to(root)): path
        for package in packages
        for path in sorted((root / package).rglob("*.py"))
    }
    return {
        name: frozenset(_imported(path, name, frozenset(files))) - {name}
        for name, path in files.items()
    }


def find_cycle(graph: Graph) -> list[str]:
    """Return the modules of one import cycle, the first one again at its end; empty if none."""
    done: set[str] = set()
    for start in sorted(graph):
        path: list[str] = []
        cycle = _walk(start, graph, path, done)
        if cycle:
            return cycle
    return []


def _walk(name: str, graph: Graph, path: list[str], done: set[str]) -> list[str]:
    if name in path:
        return [*path[path.index(name) :], name]
    if name in done:
        return []
    path.append(name)
    for target in sorted(graph.get(name, ())):
        cycle = _walk(target, graph, path, done)
        if cycle:
            return cycle
    path.pop()
    done.add(name)
    return []


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, name: str, known: frozenset[str]) -> Iterator[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                if inner in known or base in known:
                    yield inner if inner in known else base
