"""The Pico's UF2 image in rp2040js, an emulator of others."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import firmware_sim as fs
from firmware_sim.cache import cache_dir

NODE = shutil.which("node")
#: `npm install --prefix FOLDER rp2040js`, as .ci/run does.
FOLDER = Path(os.environ.get("STREAMLEARN_RP2040JS", cache_dir() / "node"))
MODULE = FOLDER / "node_modules" / "rp2040js" / "dist" / "esm" / "index.js"
WHY_NOT = (
    "node is not on PATH"
    if NODE is None
    else "" if MODULE.is_file() else f"no rp2040js in {FOLDER}"
)  # fmt: skip


class Answered(NamedTuple):
    """What came back for each frame, and the instructions inside of each learning step."""

    answers: list[bytes]
    counts: list[int]


def exchange(firmware: fs.Firmware, frames: Sequence[bytes], folder: Path) -> Answered:
    """Boot the image that lies beside the firmware's ELF, and send it frames."""
    (folder / "frames").write_text("\n".join(frame.hex() for frame in frames))
    script = Path(__file__).with_name("rp2040js_board.mjs")
    command = [
        str(NODE), str(script), str(MODULE), str(firmware.elf_path.with_name("firmware.uf2")),
        str(folder / "frames"), str(firmware.address_of("sl_learner_learn")),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return Answered([bytes.fromhex(one) for one in found["answers"]], found["counts"])
