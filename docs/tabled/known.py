"""What a marker in a page may name: a function that is marked here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[2]
Block = TypeVar("Block", bound=Callable[..., Iterator[str]])
Value = TypeVar("Value", bound=Callable[..., str])
BLOCKS: dict[str, Callable[..., Iterator[str]]] = {}
VALUES: dict[str, Callable[..., str]] = {}


def block(function: Block) -> Block:
    """Mark a function that yields the lines of a table."""
    BLOCKS[function.__name__.replace("_", "-")] = function
    return function


def value(function: Value) -> Value:
    """Mark a function that returns one figure in a line."""
    VALUES[function.__name__] = function
    return function


def figure(name: str, *arguments: str) -> str:
    """Return what a marker names, with its arguments."""
    if name in BLOCKS:
        return "\n\n" + "\n".join(BLOCKS[name](*arguments)).strip("\n") + "\n\n"
    if name not in VALUES:
        raise SystemExit(f"no figure is called {name!r}: {', '.join([*BLOCKS, *VALUES])}")
    return VALUES[name](*arguments)
