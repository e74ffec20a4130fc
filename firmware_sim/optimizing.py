"""What firmware is compiled for: fewer instructions, or less flash. Both have the same bits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast, get_args

from .errors import InputError

Optimize = Literal["speed", "size"]
#: ``-Oz``: zig cc takes its own for ``-Os``. SL_FOR_SIZE: the kernel's loops are there once.
_FOR_SIZE = ("-Xclang", "-Oz", "-DSL_FOR_SIZE")
#: What is compiled file by file all the same: start-up, whose frame the painted stack begins below.
_APART = "startup"
_WHOLE = "whole.c"


def optimize_flags(optimize: Optimize) -> tuple[str, ...]:
    """Return what the compiler is told besides.

    Raises
    ------
    InputError
        If it is neither.
    """
    if optimize not in get_args(Optimize):
        raise InputError(f"optimize is {optimize!r}: expected {' or '.join(get_args(Optimize))}")
    return _FOR_SIZE if optimize == "size" else ()


def optimize_of(text: str) -> Optimize:
    """Return what a text asks for; checked as by `optimize_flags`."""
    optimize_flags(cast(Optimize, text))
    return cast(Optimize, text)


def join_sources(sources: Sequence[str], src: Path) -> list[str]:
    """Write a file for the learner, and one for what serves it, that includes all others.

    What several files share is then there once. Returns what is compiled, relative to `src`.
    """
    kept: list[str] = []
    joined: dict[str, list[str]] = {"firmware": [], "learner": []}
    for source in sources:
        folder, _, name = source.partition("/")
        apart = folder not in joined or name.startswith(_APART) or not name.endswith(".c")
        (kept if apart else joined[folder]).append(source if apart else name)
    return kept + [
        f"{folder}/{write_whole(src / folder, names)}" for folder, names in joined.items()
    ]


def write_whole(folder: Path, sources: Sequence[str]) -> str:
    """Write the file that includes a folder's sources; return its name."""
    text = "".join(f'#include "{name}"\n' for name in sources)
    (folder / _WHOLE).write_text(text, "utf-8")
    return _WHOLE
