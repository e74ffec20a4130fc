"""The learner as C sources: the kernel, its generated header, and the state to start from."""

from __future__ import annotations

from export.start_code import START_FILE, start_source
from quant.c_config import config_header, kernel_headers, kernel_sources
from quant.layout import C_TYPES, Range
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
        good &= state->{field}[i] >= {low} && state->{field}[i] <= {high};
    }}"""


def c_package(learner: StreamLearner) -> dict[str, str]:
    """Return the files of the C package: name and text.

    Everything but ``sl_config.h``, ``sl_state_check.c`` and one of ``sl_state_start.c`` and
    ``sl_state_image.c`` is the kernel as it stands in ``quant``, to the byte, its folders laid
    flat. The check is there if the rule says which ranges its fields have. A state that no sample
    has changed is made from its seed; another one is an image.
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
    ranges = arithmetic_of(*given).ranges
    if ranges is not None:
        types = {field.name: C_TYPES[field.dtype] for field in layout_of(*given)}
        found = ranges(learner.spec, learner.config)
        files["sl_state_check.c"] = _CHECK.format(
            body="\n".join(_lines(one, types[one.field]) for one in found)
        )
    return files


def _lines(one: Range, c_type: str) -> str:
    return _RANGE.format(
        field=one.field,
        first=one.first,
        end=one.first + one.count,
        low=one.low,
        high=one.high,
        c_type=c_type,
    )
