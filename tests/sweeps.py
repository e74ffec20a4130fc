"""Every combination of some values, of which only some are tried by default."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest


def sweep(*axes: Sequence[Any]) -> list[Any]:
    """Return all combinations as parameters; marked slow but for those of a Latin square.

    By default each value of the longest axis is tried with one combination of the others, and each
    value of the others as often as possible.
    """
    longest = max(map(len, axes))
    found = []
    for at in itertools.product(*(range(len(axis)) for axis in axes)):
        values = [axis[k] for axis, k in zip(axes, at, strict=True)]
        by_default = _on_the_square(at, [len(axis) for axis in axes], longest)
        marks = () if by_default else pytest.mark.slow
        found.append(pytest.param(*values, marks=marks))
    return found


def _on_the_square(at: Sequence[int], lengths: Sequence[int], longest: int) -> bool:
    lead = at[list(lengths).index(longest)]
    return all(k == lead % n for k, n in zip(at, lengths, strict=True))
