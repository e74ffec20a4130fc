"""The files of a chain of stages in an export folder: its description, and its C."""

from __future__ import annotations

from quant.stages import Stages
from quant.stages.c_text import c_files
from quant.stages.file import to_bytes

STAGES_FILE = "stages.json"


def stages_files(stages: Stages) -> dict[str, bytes]:
    """Return the files of a chain: name and content."""
    files = {f"c/{name}": text.encode() for name, text in c_files(stages).items()}
    return {**files, STAGES_FILE: to_bytes(stages)}
