"""The rooms of the rules: where a rule's parts lie, and what it has to have there.

What a rule is, and the list of all of them: :mod:`quant.rule`.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from quant.errors import RuleError

T = TypeVar("T")

#: The floors of the house, and what a rule has to have there.
FLOORS: Mapping[str, tuple[str, ...]] = {
    "quant": ("RULE",),
    "streamlearn": ("EQUATIONS", "LEARNERS"),
    "export": ("GRAPHS",),
}
#: The packages of rules that lie outside, by name (:func:`quant.rule.register`).
OUTSIDE: dict[str, str] = {}


def part(name: str, floor: str) -> ModuleType:
    """Return a rule's module on a floor: "quant", "streamlearn" or "export".

    Raises
    ------
    RuleError
        If it is missing, or lacks what a rule has to have there.
    """
    outside = OUTSIDE.get(name)
    path = f"{floor}.rules.{name}" if outside is None else f"{outside}.{floor}"
    return _checked(name, floor, path) if outside is None else _found(name, floor, path)


def optional_part(rule: str, name: str, kind: type[T], shown: str) -> T | None:
    """Return what a rule's room on the floor "streamlearn" may have; None if it has nothing.

    Parameters
    ----------
    rule : str
    name : str
        Of the room's attribute.
    kind : type
        What it must be.
    shown : str
        The type's name, as an error says it.

    Raises
    ------
    RuleError
        If its room has something else there.
    """
    found = getattr(part(rule, "streamlearn"), name, None)
    if found is None or isinstance(found, kind):
        return found
    raise RuleError(f"rule {rule!r}: {name} is {found!r}, expected a {shown}")


@functools.cache
def _checked(name: str, floor: str, path: str) -> ModuleType:
    """Return as :func:`part` a module that lies here, which stays what it is."""
    return _found(name, floor, path)


def _found(name: str, floor: str, path: str) -> ModuleType:
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name is None or not path.startswith(error.name):
            raise
        raise RuleError(
            f"rule {name!r} has no room on the floor {floor!r}: expected a module {path} with "
            f"{' and '.join(FLOORS[floor])}"
        ) from error
    for attribute in FLOORS[floor]:
        if not hasattr(module, attribute):
            raise RuleError(
                f"rule {name!r} is incomplete on the floor {floor!r}: {path} has no {attribute}"
            )
    return module


@functools.cache
def inside() -> tuple[str, ...]:
    """Return the rules that lie here: the folders do not change while a program runs."""
    folder = str(Path(__file__).parent / "rules")
    return tuple(sorted(module.name for module in pkgutil.iter_modules([folder])))
