"""The state before the first sample in C: made from its seed, where it was not taught yet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from quant import averages
from quant.layout import C_TYPES
from quant.rule import arithmetic_of
from quant.starts import Copy, Draw, Run, drawn, runs
from quant.state import init_state, layout_of
from streamlearn.learners.base import StreamLearner

START_FILE = "sl_state_start.c"
#: More runs than this, and the state takes less flash as it is.
_MOST_RUNS = 64

_SOURCE = """\
/* Generated: the state before the first sample, made from its seed. Do not edit. */
#include "sl_learner.h"
#include "sl_noise.h"

void sl_learner_start(sl_state_t *state);
{functions}
void sl_learner_start(sl_state_t *state) {{
    const uint32_t key = sl_noise_key({seed}u, 0xFFFFFFFFu);
    (void)key;
    __builtin_memset(state, 0, sizeof *state);
{body}
}}
"""

_DRAW = """
/* (word span >> 32) + low, row after row. */
static void sl_start_{name}({c_type} *to, uint32_t key, uint32_t stream, uint32_t rows,
    uint32_t columns, uint32_t stride, uint32_t span, int32_t low) {{
    for (uint32_t i = 0; i < rows; i++) {{
        for (uint32_t j = 0; j < columns; j++) {{
            const uint64_t word = sl_noise_word(key, stream, i * columns + j);
            to[i * stride + j] = ({c_type})((int32_t)(word * span >> 32) + low);
        }}
    }}
}}
"""

_DRAW_CLOSE = """
/* (word span >> 32) + low, of numbers that follow one another. */
static void sl_start_{name}({c_type} *to, uint32_t key, uint32_t stream, uint32_t n,
    uint32_t span, int32_t low) {{
    for (uint32_t i = 0; i < n; i++) {{
        const uint64_t word = sl_noise_word(key, stream, i);
        to[i] = ({c_type})((int32_t)(word * span >> 32) + low);
    }}
}}
"""


def start_source(learner: StreamLearner) -> str | None:
    """Return C that makes a learner's state from its seed, or None where it has to be kept.

    None: the learner was taught, its rule does not say how it starts, or the state is not what
    that makes.
    """
    given = learner.spec, learner.config, learner.arithmetic
    kind, layout, state = arithmetic_of(*given), layout_of(*given), learner.state
    if kind.starts is None or learner.n_samples:
        return None
    if any(C_TYPES[field.dtype] in ("float", "double") for field in layout):
        return None
    seed = int(state["seed"][0])
    spec = learner.spec
    parts: list[Draw | Copy] = [*kind.starts(spec, learner.config)]
    parts += averages.starts(spec.average_window, spec.n_synapses)
    rest = runs(layout, parts, state)
    if len(rest) > _MOST_RUNS or init_state(*given, seed).tobytes() != state.tobytes():
        return None
    made = np.zeros(1, layout.dtype)
    _fill(made, rest)
    drawn(parts, made)
    if made.tobytes() != state.tobytes():
        return None
    types = {field.name: C_TYPES[field.dtype] for field in layout}
    scalars = {field.name for field in layout if not field.shape}
    draws = [part for part in parts if isinstance(part, Draw)]
    drawn_types = sorted({types[part.at.field] for part in draws})
    close = all(part.at.stride == part.at.columns for part in draws)
    lines = [_run(one, one.field in scalars) for one in rest]
    lines += [_part(one, types, close) for one in parts]
    function = _DRAW_CLOSE if close else _DRAW
    return _SOURCE.format(
        functions="".join(function.format(name=name, c_type=name) for name in drawn_types),
        seed=seed,
        body="\n".join(lines),
    )


def _fill(state: np.ndarray[tuple[int, ...], np.dtype[np.void]], rest: Sequence[Run]) -> None:
    for one in rest:
        state[one.field].reshape(-1)[one.first : one.first + one.count] = one.value


def _run(one: Run, is_scalar: bool) -> str:
    value = f"{one.value}u" if one.value > 0x7FFFFFFF else str(one.value)
    if is_scalar:
        return f"    state->{one.field} = {value};"
    if one.count == 1:
        return f"    state->{one.field}[{one.first}] = {value};"
    return (
        f"    for (uint32_t i = {one.first}; i < {one.first + one.count}; i++) {{\n"
        f"        state->{one.field}[i] = {value};\n    }}"
    )


def _part(part: Draw | Copy, types: dict[str, str], close: bool) -> str:
    """close: no row of a draw ends before the next one begins."""
    at = part.at
    if isinstance(part, Draw):
        shape = at.rows * at.columns if close else f"{at.rows}, {at.columns}, {at.stride}"
        return (
            f"    sl_start_{types[at.field]}(state->{at.field} + {at.first}, key, {part.stream}, "
            f"{shape}, {part.span}u, {part.low});"
        )
    if at.stride == at.columns:
        source = f"state->{part.field}[{part.first} + i]"
        value = f"{source} < 0 ? -{part.sign} : {part.sign}" if part.sign else source
        return (
            f"    for (uint32_t i = 0; i < {at.rows * at.columns}; i++) {{\n"
            f"        state->{at.field}[{at.first} + i] = {value};\n    }}"
        )
    source = f"state->{part.field}[{part.first} + i * {at.stride} + j]"
    value = f"{source} < 0 ? -{part.sign} : {part.sign}" if part.sign else source
    return (
        f"    for (uint32_t i = 0; i < {at.rows}; i++) {{\n"
        f"        for (uint32_t j = 0; j < {at.columns}; j++) {{\n"
        f"            state->{at.field}[{at.first} + i * {at.stride} + j] = {value};\n"
        "        }\n    }"
    )
