"""The list of checks, filled by a decorator, so that none is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Check = Callable[[Any], None]
CLASSIFIER, REGRESSOR = "categorical", "gaussian"

_CHECKS: list[tuple[Check, tuple[str, ...]]] = []


def check(*heads: str) -> Callable[[Check], Check]:
    """Put a check on the list, for learners of these heads; for all if none is named."""

    def put(function: Check) -> Check:
        _CHECKS.append((function, heads))
        return function

    return put


def checks_for(head: str) -> Iterator[Check]:
    """Yield the checks for learners of a head."""
    for function, heads in _CHECKS:
        if not heads or head in heads:
            yield function


def all_checks() -> tuple[Check, ...]:
    """Return every check on the list."""
    return tuple(function for function, _ in _CHECKS)
