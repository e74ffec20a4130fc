"""The learner as C sources: the kernel, its generated header, and the state to start from."""

from __future__ import annotations

from export.check_code import check_source
from export.start_code import START_FILE, start_source
from quant.c_config import config_header, kernel_headers, kernel_sources
from quant.state import state_to_bytes
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
    check = check_source(learner)
    if check is not None:
        files["sl_state_check.c"] = check
    return files
