"""The C that asks whether a learner can reach a state: each number lies in its range."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from quant.layout import C_TYPES, Field
from quant.rule import arithmetic_of
from quant.state import layout_of
from streamlearn.learners.base import StreamLearner

_CHECK = """\
/* Generated: whether a learner can reach a state. A board asks before it takes one over. */
#include "sl_learner.h"

int32_t sl_learner_check(const sl_state_t *state);

int32_t sl_learner_check(const sl_state_t *state) {{
{body}
    return 1;
}}
"""
_LOOP = """\
    for (uint32_t i = {first}u; i < {end}u; i++) {{
{tests}
    }}"""
_TEST = """\
{indent}if ({outside}) {{ /* {c_type} */
{indent}    return 0;
{indent}}}"""
#: No finite float32 lies beyond it; a NaN lies on neither side of anything.
_FLOAT_MAX = "3.402823466e38f"


def check_source(learner: StreamLearner) -> str | None:
    """Return ``sl_state_check.c``; None if every number has all of its type's range.

    Numbers of the same rows share a loop: that is the smallest code for it.
    """
    alone: list[str] = []
    loops: dict[tuple[int, int], list[str]] = {}
    for field, rows, outside in _outside(learner):
        indent = " " * (4 if rows is None else 8)
        test = _TEST.format(indent=indent, outside=outside, c_type=C_TYPES[field.dtype])
        (alone if rows is None else loops.setdefault(rows, [])).append(test)
    body = [
        *alone,
        *(_LOOP.format(first=a, end=b, tests="\n".join(tests)) for (a, b), tests in loops.items()),
    ]
    return _CHECK.format(body="\n".join(body)) if body else None


def _outside(learner: StreamLearner) -> Iterator[tuple[Field, tuple[int, int] | None, str]]:
    """Yield each field that has less than its type: its rows, if any, and when it is refused."""
    given = learner.spec, learner.config, learner.arithmetic
    layout = layout_of(*given)
    for field in layout:
        rows = (0, field.shape[0]) if field.shape else None
        outside = _test(field, field.least, field.most)
        if outside:
            yield field, rows, outside
    ranges = arithmetic_of(*given).ranges
    fields = {field.name: field for field in layout}
    for one in ranges(learner.spec, learner.config) if ranges is not None else ():
        field = fields[one.field]
        outside = _test(field, one.low, one.high)
        if outside:
            yield field, (one.first, one.first + one.count), outside


def _test(field: Field, least: int | None, most: int | None) -> str:
    """Return the comparison that refuses a number; what its type cannot hold is not asked."""
    member = f"state->{field.name}{'[i]' if field.shape else ''}"
    if C_TYPES[field.dtype] == "float":  # finite, as the desk has it
        low = f"-{_FLOAT_MAX}" if least is None else f"{least}.0f"
        high = _FLOAT_MAX if most is None else f"{most}.0f"
        return f"!({member} >= {low} && {member} <= {high})"
    dtype = np.dtype(field.dtype)
    ends = np.iinfo(dtype) if dtype.kind in "iu" else None
    unsigned = "u" if dtype.kind == "u" else ""
    found = []
    if least is not None and (ends is None or least > ends.min):
        found.append(f"{member} < {least}{unsigned}")
    if most is not None and (ends is None or most < ends.max):
        found.append(f"{member} > {most}{unsigned}")
    return " || ".join(found)
