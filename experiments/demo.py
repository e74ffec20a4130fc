"""Runs the demo and keeps its figures and pictures: what the README shows is measured."""

from __future__ import annotations

import argparse
import tempfile
import textwrap
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from time import perf_counter

import streamlearn.cli.demo as demo_module
from experiments.errors import ExperimentError
from experiments.figures import RESULTS, ROOT
from experiments.options import count
from experiments.study import Record, Study
from experiments.tables import markdown
from streamlearn.cli.demo_timings import cpu_s
from streamlearn.report import write_report
from streamlearn.report.accuracy import draw_accuracy
from streamlearn.report.data import ReportData
from streamlearn.report.history import draw_history
from streamlearn.report.picture import standalone

#: What the README shows of the demo's figures.
KEPT = ("engines", "baselines", "fidelity", "device")
IMAGES = ROOT / "docs" / "img"


def measure(options: argparse.Namespace) -> Record:
    """Run the demo once and draw the README's pictures.

    Raises
    ------
    ExperimentError
        If the demo has no data for a picture.
    """
    kept: list[ReportData] = []

    def keep(path: str | PathLike[str], data: ReportData) -> None:
        kept.append(data)
        write_report(path, data)

    vars(demo_module)["write_report"] = keep
    start, wall = cpu_s(), perf_counter()
    try:
        with tempfile.TemporaryDirectory() as folder:
            demo_module.demo(options.limit, "nrf52840", 0, Path(folder), None, quiet=True)
    finally:
        vars(demo_module)["write_report"] = write_report
    used, took = cpu_s() - start, perf_counter() - wall
    data = kept[0]
    images = IMAGES if options.results == RESULTS else options.results / STUDY.name
    images.mkdir(parents=True, exist_ok=True)
    for name, draw in (("accuracy", draw_accuracy), ("sigma", draw_history)):
        picture = draw(data)
        if picture is None:
            raise ExperimentError(f"no data for the picture {name}")
        (images / f"{name}.svg").write_text(standalone(picture))
    return {
        "cpu_s": round(used, 1),
        "wall_s": round(took, 1),
        "metrics": {name: data.metrics[name] for name in KEPT},
    }


def tables(record: Record) -> Mapping[str, str]:
    """Return the README's table, and below it what it is of."""
    metrics = record["metrics"]
    engines, device = metrics["engines"], metrics["device"]
    rows = [
        [f"MESU, {name}", _percent(found["accuracy_prequential"]), _hash(name, found)]
        for name, found in engines.items()
    ]
    same = device["predictions_sha256"] == engines["q16 C"]["predictions_sha256"]
    reached = _percent(engines["q16 C"]["accuracy_prequential"]) if same else "differs"
    where = f"MESU, q16 on the {device['board']} ({device['core']})"
    rows.append([where, reached, _hash("q16", device)])
    rows += [[name, _percent(accuracy), ""] for name, accuracy in metrics["baselines"].items()]
    table = markdown(["learner", "prequential accuracy", "state SHA-256"], rows)
    instructions, ram = device["instructions_per_sample"], device["ram_bytes"]
    note = (
        f"{_percent(metrics['fidelity']['agreement_q16_float64'])} of q16's predictions are "
        f"float64's. On the device: {device['flash_bytes']:,} bytes of flash, {ram['total']:,} "
        f"bytes of RAM (state {ram['state']:,}, scratch {ram['scratch']:,}, stack "
        f"{ram['stack_peak']:,}), {instructions['learn_median']:,} instructions to learn a sample, "
        f"{instructions['predict_median']:,} to predict one; modelled: "
        f"{device['model']['ms_per_sample']:.1f} ms and {device['model']['uj_per_sample']:.0f} µJ "
        f"per learned sample. One run of `streamlearn demo` took "
        f"{record['wall_s']:.0f} s ({record['cpu_s']:.0f} s of CPU time) on "
        f"{record['origin']['machine']}, Python {record['origin']['python']}. The SGD baseline is "
        "the same network behind the same front end at its best learning rate (`docs/data.md`); "
        "River's is a nearest neighbour among the last 500 samples, which it stores (256 KB)."
    )
    return {"table": f"{table}\n{textwrap.fill(note, 100, break_on_hyphens=False)}\n"}


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _hash(engine: str, found: Record) -> str:
    """Return the state's hash of an engine in integers; that of floats differs by machine."""
    return f"`{found['state_sha256'][:12]}`" if engine.startswith("q") else ""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    parser.add_argument("--limit", type=count(1), metavar="N", help="only the first N samples")


STUDY = Study("demo-table", measure, tables, add_options)
