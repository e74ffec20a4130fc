"""What a second of an accelerometer costs on a board: windows in front, then learning or not.

Counted in the emulator: three axes and their magnitude at 100 Hz, windows of one second, one each
half second, all features; behind them MESU, q16, and four classes. The learner is counted alone,
too, fed with the same features: the difference is the window's. Time and energy are a model.
"""

from __future__ import annotations

import argparse
import csv
import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import firmware_sim
from experiments.figures import RESULTS
from experiments.signals.shown import HOP, RATE
from experiments.study import Record, Study, say
from experiments.tables import markdown
from export import write_export
from quant.window import golden
from streamlearn import MesuClassifier
from streamlearn.cli.board_costs import WINDOWS_FILE
from streamlearn.windows import Window

BOARDS = ("rp2040", "nrf52840", "riscv-virt")
HIDDEN, CLASSES, AXES, SECONDS = 32, 4, 3, 6


def window() -> Window:
    """Return what is counted."""
    return Window(RATE, HOP, AXES, magnitude=True)


def signal() -> Any:
    """Return some seconds of shaking."""
    rng = np.random.default_rng(0)
    t = np.arange(SECONDS * RATE)[:, None] / RATE
    waves = np.sin(2 * np.pi * t * np.array([1.0, 2.0, 5.0]))
    return (waves + 0.1 * rng.normal(size=waves.shape)).astype(np.float32)


def counted(name: str, seen: Window | None) -> dict[str, float]:
    """Return instructions of a window that ends, learned and predicted, and bytes."""
    board, made = firmware_sim.get_board(name), window()
    learner = MesuClassifier((made.n_features, HIDDEN, CLASSES), classes=range(CLASSES))
    raw = signal()
    rows = golden.recording(made, raw) if seen is None else raw
    with tempfile.TemporaryDirectory() as folder:
        write_export(learner, Path(folder) / "export", window=seen)
        built = firmware_sim.build_firmware(Path(folder) / "export", board, Path(folder) / "run")
        device = firmware_sim.Device(built)
        labels = np.arange(len(rows)) // RATE % CLASSES
        result = device.run_stream(rows, labels)
        learn = result.learn_instructions[result.learn_instructions > 0]
        if seen is not None:  # up to a sample that ends a window
            device.reset_time()
            for row in raw[: RATE - 1]:
                device.exchange(firmware_sim.link.Request.ADVANCE, row.tobytes())
        device.predict(rows[RATE - 1 if seen is not None else 0])
        return {
            "learn": float(learn[1:].mean()),
            "predict": float(device.last_call.learner),
            "ram": built.ram_bytes.total,
            "flash": built.flash_bytes,
        }


def measure(options: argparse.Namespace) -> Record:
    """Count on each board."""
    rows = []
    for name in BOARDS:
        core = firmware_sim.get_board(name).core.name
        alone, behind = counted(name, None), counted(name, window())
        rows.append({"board": name, "core": core, "alone": alone, "behind": behind})
        say(f"{name}: {rows[-1]}")
    record = {"rows": rows, "channels": AXES + 1}
    if options.results == RESULTS:
        WINDOWS_FILE.write_text(csv_of(record), "utf-8")
    return record


def tables(record: Record) -> Mapping[str, str]:
    """Return instructions and the model's time and energy of a second of signal."""
    windows = RATE // HOP
    lines = []
    for row in record["rows"]:
        board = firmware_sim.get_board(row["board"])
        both, alone = row["behind"], row["alone"]
        model = firmware_sim.model_cost(board, windows * both["learn"])
        energy = f"{model.model_energy_uj:.0f}" if model.model_energy_uj is not None else "–"
        lines.append(
            [
                f"{row['board']} ({row['core']})",
                f"{both['learn'] - alone['learn']:,.0f}",
                f"{alone['learn']:,.0f}",
                f"{windows * both['learn']:,.0f}",
                f"{windows * both['predict']:,.0f}",
                f"{model.model_time_ms:.1f}",
                energy,
                f"{both['ram']:,}",
                f"{both['ram'] - alone['ram']:,}",
                f"{both['flash'] - alone['flash']:,}",
            ]
        )
    titles = [
        "board", "window", "learning it", "a second, learned", "a second, predicted",
        "ms, a second learned", "µJ", "RAM, bytes", "of it the window", "flash of the window",
    ]  # fmt: skip
    return {"table": markdown(titles, lines)}


def csv_of(record: Record) -> str:
    """Return instructions of a window per core, as `boards --plan` reads them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["core", "n", "channels", "instructions"])
    for row in record["rows"]:
        used = row["behind"]["learn"] - row["alone"]["learn"]
        writer.writerow([row["core"], RATE, record["channels"], round(used)])
    return out.getvalue()


STUDY = Study("window-cost", measure, tables)
