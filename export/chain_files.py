"""The files of a chain of stages in an export folder: its description, its C, and its graph."""

from __future__ import annotations

from quant.stages import Stages
from quant.stages.c_text import c_files
from quant.stages.file import to_bytes

STAGES_FILE, STAGES_ONNX_FILE = "stages.json", "stages.onnx"


def stages_files(stages: Stages) -> dict[str, bytes]:
    """Return the files of a chain: name and content."""
    # ONNX takes its time: only who exports waits
    from export.graph.stages import stages_model

    model = stages_model(stages).SerializeToString(deterministic=True)
    files = {f"c/{name}": text.encode() for name, text in c_files(stages).items()}
    return {**files, STAGES_FILE: to_bytes(stages), STAGES_ONNX_FILE: model}
