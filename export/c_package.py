"""The learner as C sources: the kernel, its generated header, and the state to start from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from export.start_code import START_FILE, start_source
from quant.c_config import config_header, kernel_headers, kernel_sources
from quant.layout import C_TYPES, Field
from quant.rule import arithmetic_of
from quant.state import layout_of, state_to_bytes
from streamlearn.learners.base import StreamLearner

_IMAGE = """\
/* Generated: the state to start from, {n} samples learned. Do not edit. */
#include "sl_learner.h"

void sl_learner_start(sl_state_t *state);
extern const uint8_t sl_state_image[{size}];

const uint8_t sl_state_image[{size}] __attribute__((aligned(8))) = {{
{body}
}};

void sl_learner_start(sl_state_t *state) {{
    __builtin_memcpy(state, sl_state_image, sizeof *state);
}}
"""


_CHECK = """\
/* Generated: whether a learner can reach a state. A board asks before it takes one over. */
#include "sl_learner.h"

int32_t sl_learner_check(const sl_state_t *state);

int32_t sl_learner_check(const sl_state_t *state) {{
    int32_t good = 1;
{body}
    return good;
}}
"""

_RANGE = """\
    for (uint32_t i = {first}u; i < {end}u; i++) {{ /* {field}, {c_type} */
{tests}
    }}"""
_OUTSIDE = "{indent}good &= !(state->{member} {sign} {limit});{comment}"
#: No finite float32 lies beyond it; a NaN lies on neither side of anything.
_FLOAT_MAX = "3.402823466e38f"


def c_package(learner: StreamLearner) -> dict[str, str]:
    """Return the files of the C package: name and text.

    Everything but ``sl_config.h``, ``sl_state_check.c`` and one of ``sl_state_start.c`` and
    ``sl_state_image.c`` is the kernel as it stands in ``quant``, to the byte, its folders laid
    flat. The check asks of each field what the desk asks, and what the rule says of it. A state
    that no sample has changed is made from its seed; another one is an image.
    """
    given = learner.spec, learner.config, learner.arithmetic
    kernel = (*kernel_headers(*given), *kernel_sources(*given))
    files = {file.name: file.read_text() for file in kernel}
    files["sl_config.h"] = config_header(*given)
    state = state_to_bytes(learner.state)
    lines = [
        "    " + " ".join(f"{byte}," for byte in state[start : start + 20])
        for start in range(0, len(state), 20)
    ]
    start = start_source(learner)
    if start is None:
        files["sl_state_image.c"] = _IMAGE.format(
            n=learner.n_samples, size=len(state), body="\n".join(lines)
        )
    else:
        files[START_FILE] = start
    checks = list(_checks(learner))
    if checks:
        files["sl_state_check.c"] = _CHECK.format(body="\n".join(checks))
    return files


def _checks(learner: StreamLearner) -> Iterator[str]:
    """Yield the C that holds each number of a state to its range, if it has less than its type."""
    given = learner.spec, learner.config, learner.arithmetic
    layout = layout_of(*given)
    for field in layout:
        limits = _limits(field, field.least, field.most)
        if C_TYPES[field.dtype] == "float":
            yield _finite(field)
        elif limits and not field.shape:
            yield _tests(field.name, limits, "    ", f" /* {C_TYPES[field.dtype]} */")
        elif limits:
            yield _loop(field, 0, field.shape[0], limits)
    ranges = arithmetic_of(*given).ranges
    fields = {field.name: field for field in layout}
    for one in ranges(learner.spec, learner.config) if ranges is not None else ():
        field = fields[one.field]
        limits = _limits(field, one.low, one.high)
        if limits:
            yield _loop(field, one.first, one.first + one.count, limits)


def _finite(field: Field) -> str:
    """Return the C that holds a field of floats to its range: finite, as the desk has it."""
    low = f"-{_FLOAT_MAX}" if field.least is None else f"{field.least}.0f"
    high = _FLOAT_MAX if field.most is None else f"{field.most}.0f"
    test = f"good &= state->{{0}} >= {low} && state->{{0}} <= {high};"
    if not field.shape:
        return f"    {test.format(field.name)} /* float */"
    return _RANGE.format(
        field=field.name,
        first=0,
        end=field.shape[0],
        c_type="float",
        tests=" " * 8 + test.format(f"{field.name}[i]"),
    )


def _limits(field: Field, least: int | None, most: int | None) -> list[tuple[str, str]]:
    """Return the comparisons that a number must fail; what its type cannot hold is not asked."""
    dtype = np.dtype(field.dtype)
    ends = np.iinfo(dtype) if dtype.kind in "iu" else None
    unsigned = "u" if dtype.kind == "u" else ""
    found = []
    if least is not None and (ends is None or least > ends.min):
        found.append(("<", f"{least}{unsigned}"))
    if most is not None and (ends is None or most < ends.max):
        found.append((">", f"{most}{unsigned}"))
    return found


def _tests(member: str, limits: list[tuple[str, str]], indent: str, comment: str = "") -> str:
    return "\n".join(
        _OUTSIDE.format(indent=indent, member=member, sign=sign, limit=limit, comment=comment)
        for sign, limit in limits
    )


def _loop(field: Field, first: int, end: int, limits: list[tuple[str, str]]) -> str:
    return _RANGE.format(
        field=field.name,
        first=first,
        end=end,
        c_type=C_TYPES[field.dtype],
        tests=_tests(f"{field.name}[i]", limits, " " * 8),
    )
