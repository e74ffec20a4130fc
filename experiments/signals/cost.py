"""What a second of a signal costs on a board: stages in front, then learning or not.

Counted in the emulator. An accelerometer, three axes at 100 Hz: windows of one second, all features
and the magnitude, a row each half second; or events and their traces, a row each quarter. Sound at
8 kHz: 24 bands of a frame of 25 ms each 10 ms, and their traces, a row each 100 ms. Behind them
MESU, q16. The learner is counted alone, too, fed with the same features. Time and energy are a
model. What `boards --plan` scales is each stage alone.
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
from quant.stages import Stages
from quant.stages.native import NativeStages
from streamlearn import MesuClassifier
from streamlearn.chain import Bank, Delta, Standardise, Traces, Window
from streamlearn.cli.board_costs import STAGES_FILE

BOARDS = ("rp2040", "nrf52840", "riscv-virt")
HIDDEN, CLASSES, AXES, SOUND = 32, 4, 3, 8000
#: By name: raw samples per second, and the stages.
FRONTS: Mapping[str, tuple[int, Stages]] = {
    "accelerometer, windows": (RATE, Stages(Window(RATE, HOP, AXES, magnitude=True))),
    "accelerometer, events and traces": (
        RATE,
        Stages((Standardise(), Delta(), Traces((3, 5, 7), RATE // 4)), AXES),
    ),
    "sound, bands and traces": (
        SOUND,
        Stages((Bank(SOUND, SOUND // 40, SOUND // 100), Traces((1, 3, 5), 10)), 1),
    ),
}
#: Each stage alone, as it is counted for `boards --plan`.
STAGES: Mapping[str, Stages] = {
    "bank": Stages(Bank(SOUND, SOUND // 40, SOUND // 100), 1),
    "delta": Stages(Delta(), 8),
    "standardise": Stages(Standardise(), 8),
    "traces": Stages(Traces((3, 5, 7), 10), 8),
    "window": Stages(Window(RATE, HOP), AXES + 1),
}
#: Rows of features that are counted, behind a first one.
ROWS = 4


def signal(rate: int, channels: int, n: int) -> Any:
    """Return some waves with noise."""
    rng = np.random.default_rng(0)
    t = np.arange(n)[:, None] / rate
    waves = np.sin(2 * np.pi * t * rate * np.geomspace(0.01, 0.05, channels))
    return (waves + 0.1 * rng.normal(size=waves.shape)).astype(np.float32)


def counted(name: str, stages: Stages, rate: int) -> dict[str, float]:
    """Return the instructions up to a row, with learning it and without, and bytes on a board."""
    made = {"alone": None, "behind": stages}
    n = getattr(stages.stages[0], "n", 0) + (ROWS + 1) * stages.hop
    raw = signal(rate, stages.n_channels, n)
    rows = NativeStages(stages).recording(raw)
    found: dict[str, Any] = {}
    for which, front in made.items():
        found[which] = _on_board(name, front, raw if front else rows, stages.n_features, ROWS)
    return {
        "stages": found["behind"]["learn"] - found["alone"]["learn"],
        "learn": found["alone"]["learn"],
        "predict": found["alone"]["predict"],
        "ram": found["behind"]["ram"],
        "stages_ram": found["behind"]["ram"] - found["alone"]["ram"],
        "stages_flash": found["behind"]["flash"] - found["alone"]["flash"],
    }


def _on_board(
    name: str, stages: Stages | None, x: Any, n_features: int, n_rows: int
) -> dict[str, float]:
    """Return the instructions of a row on a board, of the last ones."""
    board = firmware_sim.get_board(name)
    learner = MesuClassifier((n_features, HIDDEN, CLASSES), classes=range(CLASSES))
    with tempfile.TemporaryDirectory() as folder:
        write_export(learner, Path(folder) / "export", stages=stages)
        built = firmware_sim.build_firmware(Path(folder) / "export", board, Path(folder) / "run")
        device = firmware_sim.Device(built)
        result = device.run_stream(x, np.arange(len(x)) % CLASSES)
        ends = np.flatnonzero(result.statuses == 0)
        total = np.cumsum(result.learn_instructions)[ends]
        found = {
            "learn": float(total[-1] - total[-1 - n_rows]) / n_rows,
            "ram": built.ram_bytes.total,
            "flash": built.flash_bytes,
        }
        if stages is None:
            device.predict(x[-1])
            found["predict"] = float(device.last_call.learner)
    return found


def measure(options: argparse.Namespace) -> Record:
    """Count on each board."""
    rows, stages = [], []
    for name in BOARDS:
        core = firmware_sim.get_board(name).core.name
        for front, (rate, chain) in FRONTS.items():
            found = counted(name, chain, rate)
            rows.append({"board": name, "core": core, "front": front, **found})
            say(f"{name}, {front}: {found}")
        for stage, chain in STAGES.items():
            found = counted(name, chain, SOUND)
            stages.append({"core": core, "stage": stage, "instructions": found["stages"]})
            say(f"{name}, {stage}: {found['stages']:,.0f}")
    record = {"rows": rows, "stages": stages}
    if options.results == RESULTS:
        STAGES_FILE.write_text(csv_of(record), "utf-8")
    return record


def tables(record: Record) -> Mapping[str, str]:
    """Return instructions and the model's time and energy of a second of signal."""
    found = {}
    for front, (rate, chain) in FRONTS.items():
        lines = []
        for row in record["rows"]:
            if row["front"] == front:
                lines.append(_line(row, rate / chain.hop))
        titles = [
            "board", "features, a row", "learning it", "a second, learned", "a second, predicted",
            "ms, a second learned", "µJ", "RAM, bytes", "of it the stages", "flash of the stages",
        ]  # fmt: skip
        found[front.split(",")[0] + "-" + front.split()[-1]] = markdown(titles, lines)
    return found


def _line(row: Mapping[str, Any], per_second: float) -> list[str]:
    board = firmware_sim.get_board(row["board"])
    both = per_second * (row["stages"] + row["learn"])
    model = firmware_sim.model_cost(board, both)
    energy = f"{model.model_energy_uj:.0f}" if model.model_energy_uj is not None else "–"
    return [
        f"{row['board']} ({row['core']})",
        f"{row['stages']:,.0f}",
        f"{row['learn']:,.0f}",
        f"{both:,.0f}",
        f"{per_second * (row['stages'] + row['predict']):,.0f}",
        f"{model.model_time_ms:.1f}",
        energy,
        f"{row['ram']:,}",
        f"{row['stages_ram']:,}",
        f"{row['stages_flash']:,}",
    ]


def csv_of(record: Record) -> str:
    """Return instructions of a row of each stage per core, as `boards --plan` reads them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["core", "stage", "work", "instructions"])
    for row in record["stages"]:
        (stage,) = STAGES[row["stage"]].stages
        writer.writerow(
            [row["core"], row["stage"], f"{stage.work():g}", round(row["instructions"])]
        )
    return out.getvalue()


STUDY = Study("stage-cost", measure, tables)
