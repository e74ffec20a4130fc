"""Firmware for speed beside firmware for size: bytes, instructions, and the same state."""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import firmware_sim
from experiments.device.board import on_board, roomy_boards
from experiments.device.parts import all_verbs
from experiments.errors import ExperimentError
from experiments.options import count, names
from experiments.study import Record, Study, say
from experiments.tables import markdown
from export import write_export
from export.c_package import c_package
from firmware_sim.linker import vector_bytes
from quant.rule import RULES
from streamlearn.learners.loading import learner_class
from streamlearn.streams import load_gas_drift

CORES = ("cortex-m0plus", "cortex-m4f")
BUILDS: tuple[firmware_sim.Optimize, ...] = ("speed", "size")
N_PREDICTIONS = 20
#: A rule of one byte per synapse gets the hidden units that MESU's 128-32-6 has the bytes for.
LAYERS = {1: (128, 128, 6)}
LAYERS_ELSE = (128, 32, 6)
#: Bytes of each part, in the order of the table.
PARTS = ("learner", "link and storage", "start-up, port, vectors")
_DEFINED = re.compile(r"^[a-z].*?\b(\w+)\([^;]*$", re.MULTILINE)


def learners() -> dict[str, Any]:
    """Return a fresh classifier of each rule, in its first arithmetic of integers."""
    found = {}
    for name, rule in RULES.items():
        arithmetic = next(a for a, kind in rule.arithmetics.items() if kind.golden is not None)
        layers = LAYERS.get(int(arithmetic[1:]) // 8, LAYERS_ELSE)
        learner = learner_class(name, "categorical")(
            layers, arithmetic=arithmetic, classes=range(6)
        )
        found[f"{name}, {arithmetic}, {learner.spec}"] = learner
    return found


def measure(options: argparse.Namespace) -> Record:
    """Build both ways for each core, learn the same samples, and compare what was learned.

    Raises
    ------
    ExperimentError
        If two builds of a learner end in different states.
    """
    stream, rows = load_gas_drift(limit=options.samples), []
    boards = [board for board in roomy_boards() if board.core.name in options.cores]
    for name, learner in learners().items():
        states = set()
        for board in boards:
            for build in BUILDS:
                say(f"{name} on the {board.core.name}, for {build}")
                shown = stream.x[:N_PREDICTIONS]
                found = on_board(learner, board, stream.x, stream.y, shown, optimize=build)
                states.add(found.state)
                rows.append(
                    {
                        "learner": name,
                        "core": board.core.name,
                        "build": build,
                        "learn": int(np.median(found.learn)),
                        "predict": int(np.median(found.predict)),
                        "predict_mean": int(np.median(found.predict_mean)),
                        "stack": found.stack_bytes,
                        "parts": parts(learner, board, build),
                    }
                )
        if len(states) != 1:
            raise ExperimentError(f"{name}: its builds end in {len(states)} different states")
    return {"samples": options.samples, "rows": rows}


def parts(learner: Any, board: firmware_sim.Board, build: firmware_sim.Optimize) -> dict[str, int]:
    """Return the bytes of flash of each part; of the learner with everything that it can do."""
    files = {**c_package(learner), **all_verbs()}
    kernel = firmware_sim.linked_sizes(files, "sl_roots", board.core, build).flash
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        write_export(learner, Path(folder) / "export")
        firmware = firmware_sim.build_firmware(Path(folder) / "export", board, run, optimize=build)
        sources = [*(run / "src" / "port").iterdir(), *(run / "src" / "firmware").glob("startup*")]
        text = "\n".join(source.read_text() for source in sources)
        defined = {*_DEFINED.findall(text), "memory_start"}
    port = sum(
        symbol.size
        for name, symbol in firmware.symbols.items()
        if symbol.is_function and name in defined
    )
    port += vector_bytes(board)
    sizes = (kernel, firmware.flash_bytes - kernel - port, port)
    return dict(zip(PARTS, sizes, strict=True))


def tables(record: Record) -> Mapping[str, str]:
    """Return the table: bytes, then medians over the samples; for size beside those for speed."""
    lines, base = [], record["rows"][0]
    for row in record["rows"]:
        base = row if row["build"] == "speed" else base
        flash, before = sum(row["parts"].values()), sum(base["parts"].values())
        cells = [f"{row['parts'][part]:,}" for part in PARTS]
        cells.append(f"{flash:,}" if row is base else f"{flash:,} ({flash / before - 1:+.0%})")
        for key in ("learn", "predict", "predict_mean"):
            more = row[key] / base[key]
            cells.append(f"{row[key]:,}" if row is base else f"{row[key]:,} ({more:.2f}×)")
        lines.append([row["learner"], row["core"], row["build"], *cells])
    head = ["learner", "core", "built for", *PARTS, "all of the flash"]
    head += ["instructions to learn", "to predict", "without draws"]
    return {"table": markdown(head, lines)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    parser.add_argument(
        "--samples", type=count(1), default=300, metavar="N", help="samples to learn; 300 if none"
    )
    parser.add_argument(
        "--cores", type=names, default=CORES, metavar="A,B", help=f"{','.join(CORES)} if none"
    )


STUDY = Study("builds", measure, tables, add_options)
