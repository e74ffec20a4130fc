"""The learner as C sources: the kernel, its generated header, and the state to start from."""

from __future__ import annotations

from quant.c_config import config_header, kernel_headers, kernel_sources
from quant.state import state_to_bytes
from streamlearn.learners.base import StreamLearner

_IMAGE = """\
/* Generated: the state to start from, {n} samples learned. Do not edit. */
#include <stdint.h>

extern const uint8_t sl_state_image[{size}];

_Alignas(8) const uint8_t sl_state_image[{size}] = {{
{body}
}};
"""


def c_package(learner: StreamLearner) -> dict[str, str]:
    """Return the files of the C package: name and text.

    Everything but ``sl_config.h`` and ``sl_state_image.c`` is the kernel as it stands in
    ``quant``, to the byte, its folders laid flat.
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
    files["sl_state_image.c"] = _IMAGE.format(
        n=learner.n_samples, size=len(state), body="\n".join(lines)
    )
    return files
