"""Packages by ecosystem: one folder that its tool takes as it is.

A target is a folder here with a ``target.json``: where the sources go, which files there are beside
them and from which template, and what the README says. ``shared`` has what targets have in common.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

TARGETS_DIR = Path(__file__).parent


@dataclass(frozen=True)
class Target:
    """An ecosystem.

    Attributes
    ----------
    name : str
        Its folder's.
    kind : str
        What a package is called there, with an article.
    sources : str
        Folder of the C sources in a package.
    texts : dict of str to str
        What the README says: ``use``, ``sensor``, ``sensor_function``, ``sensor_does``, ``port``
        and ``port_says``.
    files : dict of str to tuple of Path
        Each further file of a package, and the templates that follow one another in it.
    """

    name: str
    kind: str
    sources: str
    texts: dict[str, str]
    files: dict[str, tuple[Path, ...]]


def targets() -> tuple[str, ...]:
    """Return the names of all targets."""
    return tuple(sorted(file.parent.name for file in TARGETS_DIR.glob("*/target.json")))


@cache
def target(name: str) -> Target:
    """Return a target by its name.

    Raises
    ------
    KeyError
        If there is none of that name.
    """
    if name not in targets():
        raise KeyError(name)
    said: dict[str, Any] = json.loads((TARGETS_DIR / name / "target.json").read_text("utf-8"))
    files = said.pop("files")
    return Target(
        name=name,
        kind=said.pop("kind"),
        sources=said.pop("sources"),
        texts=said,
        files={at: _templates(made_of) for at, made_of in files.items()},
    )


def _templates(made_of: str | list[str]) -> tuple[Path, ...]:
    names = [made_of] if isinstance(made_of, str) else made_of
    return tuple(TARGETS_DIR / name for name in names)
