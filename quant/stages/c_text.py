"""The C of a chain: its code as it stands in the stages' rooms, and generated headers."""

from __future__ import annotations

from pathlib import Path

from quant.c_text import unsigned
from quant.stages import Stages

HERE = Path(__file__).parent
#: Every stage's sizes and tables; and which stages there are.
CONFIG_FILE, LIST_FILE = "sl_stages_config.h", "sl_stages_list.h"


def folders(stages: Stages) -> list[Path]:
    """Return the folders of a chain's C: what stages share, then each stage's own."""
    return [HERE / "kernel", *(HERE / one.name / "kernel" for one in stages.stages)]


def generated(stages: Stages) -> dict[str, str]:
    """Return the generated headers and those of other rooms: name and text."""
    defines: dict[str, object] = {
        "STAGES_CHANNELS": unsigned(stages.n_channels),
        "STAGES_FEATURES": unsigned(stages.n_features),
        "STAGES_ROW": f"{stages.stages[-1].name}_row",
    }
    for one in stages.stages:
        defines |= {f"{one.name.upper()}_{name}": to for name, to in one.defines().items()}
    config = "".join(f"#define SL_{name} {value}\n" for name, value in defines.items())
    names = [one.name for one in stages.stages]
    includes = "".join(f'#include "sl_{name}.h"\n' for name in sorted(names))
    listed = " ".join(f"X({name}, {name.upper()})" for name in names)
    head = "/* Generated: {}. Do not edit. */\n#pragma once\n\n"
    return {
        CONFIG_FILE: head.format("the sizes of a chain of stages") + config,
        LIST_FILE: head.format("the stages of a chain, in their order")
        + f'{includes}#include "{CONFIG_FILE}"\n\n#define SL_STAGES(X) {listed}\n',
        **_shared(stages),
    }


def _shared(stages: Stages) -> dict[str, str]:
    """Return the headers of other rooms."""
    files = [HERE.parent / name for one in stages.stages for name in one.shared_headers]
    return {file.name: file.read_text("utf-8") for file in files}


def c_files(stages: Stages) -> dict[str, str]:
    """Return the C files of a chain: name and text. They include the learner's sl_integer.h."""
    code = [file for folder in folders(stages) for file in sorted(folder.glob("*.[ch]"))]
    return {**{file.name: file.read_text("utf-8") for file in code}, **generated(stages)}
