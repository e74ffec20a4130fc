"""Flash and RAM of the demo's learner (128-32-6) on every board: ``python benchmarks/size.py``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import firmware_sim
from export import write_export
from firmware_sim import DeviceTooSmallError
from streamlearn import MesuClassifier

LAYERS = (128, 32, 6)


def main() -> None:
    """Print a markdown table."""
    print("| board | core | arithmetic | code | tables, start state | RAM | of which state |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for arithmetic in ("q16", "float32"):
            export = Path(folder) / arithmetic
            write_export(MesuClassifier(LAYERS, arithmetic=arithmetic), export)
            for board in firmware_sim.list_boards():
                if arithmetic == "float32" and not board.core.has_fpu:
                    continue
                row = f"| {board.name} | {board.core.name} | {arithmetic} |"
                try:
                    out = Path(folder) / f"{arithmetic}-{board.name}"
                    firmware = firmware_sim.build_firmware(export, board, out)
                except DeviceTooSmallError as error:
                    print(f"{row} does not fit: {error.needed_bytes:,} bytes of {error.memory}, "
                          f"has {error.available_bytes:,} ||||")  # fmt: skip
                    continue
                sections, ram = firmware.sections, firmware.ram_bytes
                code = sections["vectors"] + sections["text"]
                print(f"{row} {code:,} | {sections['rodata']:,} | {ram.total:,} | {ram.state:,} |")


if __name__ == "__main__":
    main()
