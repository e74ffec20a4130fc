"""``streamlearn export --target``: a package for one ecosystem, with its size on every core."""

from __future__ import annotations

from pathlib import Path

import firmware_sim
from export.c_names import DEFAULT_PREFIX, check_prefix
from export.target_package import package_sources, slot_bytes, write_package
from quant.compiler import zig_version
from streamlearn.learners.base import StreamLearner

#: What the program around a learner is given of the stack, beyond what the learner's verbs take.
_OWN_STACK_BYTES = 512

_ROOTS = """\
#include "sl_model.h"
#include "sl_port.h"

int32_t sl_roots(const float *x, sl_model_target target);

int32_t sl_port_erase(uint32_t slot) {
    return (int32_t)slot;
}

int32_t sl_port_program(uint32_t slot, uint32_t offset, const void *bytes, uint32_t size) {
    return (int32_t)(slot + offset + size) + (bytes == 0);
}

int32_t sl_port_read(uint32_t slot, uint32_t offset, void *bytes, uint32_t size) {
    return (int32_t)(slot + offset + size) + (bytes == 0);
}

void sl_port_print(const char *text) {
    (void)text;
}

int32_t sl_roots(const float *x, sl_model_target target) {
    return sl_model_begin() + sl_model_predict(x) + sl_model_learn(x, target) + sl_model_save();
}
"""


def write_target(learner: StreamLearner, to: Path, target: str, prefix: str | None) -> str:
    """Write a package, and return what to say of it.

    Raises
    ------
    ConfigError
        If the target or the prefix is none, or the folder holds something else.
    """
    prefix = check_prefix(prefix or DEFAULT_PREFIX)
    files = write_package(learner, to, target, prefix, size_table(learner))
    return f"{to}: {len(files)} files for {target}; its README.md says how to use it"


def size_table(learner: StreamLearner) -> str:
    """Return a table in markdown: what the learner takes on every core, and where it fits.

    Raises
    ------
    ConfigError
        If the learner's arithmetic has no C kernel.
    """
    files = {**package_sources(learner), "roots.c": _ROOTS}
    slots = 2 * slot_bytes(learner.state.nbytes)
    rows = ["| core | code and constants, bytes | RAM, bytes | stack, bytes | fits, of the boards "
            "that `streamlearn boards` lists |", "|---|---:|---:|---:|---|"]  # fmt: skip
    boards = firmware_sim.list_boards()
    kinds: dict[str, list[firmware_sim.Board]] = {}
    for board in boards:
        kinds.setdefault(board.core.cpu_arch, []).append(board)
    for of_kind in kinds.values():
        names = sorted({board.core.name for board in of_kind})
        measured = next(board.core for board in of_kind if board.core.name == names[-1])
        found = firmware_sim.linked_sizes(files, "sl_roots", measured)
        fits = [
            board.name
            for board in of_kind
            if found.ram + found.stack + _OWN_STACK_BYTES <= board.ram.bytes
            and found.flash + slots <= board.flash.bytes - board.flash.reserved_bytes
        ]
        rows.append(
            f"| {', '.join(names)} | {found.flash:,} | {found.ram:,} | {found.stack:,} | "
            f"{', '.join(fits) or '–'} |"
        )
    return "\n".join(
        [
            *rows,
            "",
            f"Compiled with ziglang {zig_version()}, `-Os`, for the last core of a row. The stack "
            "is what the deepest calls of the learner take, read out of the machine code.",
        ]
    )
