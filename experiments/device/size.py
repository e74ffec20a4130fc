"""Flash and RAM of the demo's learner, 128-32-6, on every board."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path

import firmware_sim
from experiments.options import names
from experiments.study import Record, Study, say
from experiments.tables import markdown
from export import write_export
from firmware_sim import DeviceTooSmallError
from streamlearn import MesuClassifier

LAYERS = (128, 32, 6)
ARITHMETICS: tuple[str, ...] = ("q16", "float32")


def measure(options: argparse.Namespace) -> Record:
    """Build the firmware of each arithmetic for every board that can hold it."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for arithmetic in ARITHMETICS:
            say(arithmetic)
            export = Path(folder) / arithmetic
            write_export(MesuClassifier(LAYERS, arithmetic=arithmetic), export)
            for name in options.boards:
                board = firmware_sim.get_board(name)
                if arithmetic == "float32" and not board.core.has_fpu:
                    continue
                row = {"board": board.name, "core": board.core.name, "arithmetic": arithmetic}
                rows.append(
                    row | _sizes(export, board, Path(folder) / f"{arithmetic}-{board.name}")
                )
    return {"rows": rows}


def _sizes(export: Path, board: firmware_sim.Board, out: Path) -> Record:
    try:
        firmware = firmware_sim.build_firmware(export, board, out)
    except DeviceTooSmallError as error:
        return {
            "memory": error.memory,
            "needed_bytes": error.needed_bytes,
            "available_bytes": error.available_bytes,
        }
    sections, ram = firmware.sections, firmware.ram_bytes
    return {
        "code": sections["vectors"] + sections["text"],
        "data": sections["rodata"],
        "ram": ram.total,
        "state": ram.state,
    }


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table, in bytes; a board that is too small has the numbers instead."""
    rows = []
    for row in record["rows"]:
        cells = [row["board"], row["core"], row["arithmetic"]]
        if "memory" in row:
            needs = f"needs {row['needed_bytes']:,} of {row['available_bytes']:,} {row['memory']}"
            rows.append([*cells, f"does not fit: {needs}", "–", "–", "–"])
        else:
            rows.append([*cells, *(f"{row[key]:,}" for key in ("code", "data", "ram", "state"))])
    head = ["board", "core", "arithmetic", "code", "tables, start state", "RAM", "of which state"]
    return {"table": markdown(head, rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    every = tuple(board.name for board in firmware_sim.list_boards())
    parser.add_argument("--boards", type=names, default=every, metavar="A,B", help="all if none")


STUDY = Study("size", measure, tables, add_options)
