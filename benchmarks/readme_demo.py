"""Run the demo and write its figures and pictures into README.md: what a reader sees is measured.

python benchmarks/readme_demo.py
"""

from __future__ import annotations

import platform
import tempfile
from pathlib import Path
from time import perf_counter

from benchmarks_machine import machine

import streamlearn.cli.demo as demo_module
from streamlearn.report.accuracy import draw_accuracy
from streamlearn.report.data import ReportData
from streamlearn.report.history import draw_history
from streamlearn.report.svg import standalone

ROOT = Path(__file__).parents[1]
START, END = "<!-- demo-table:", "<!-- demo-table-end -->"


def main() -> None:
    """Run the demo once and rewrite the README's part."""
    kept: list[ReportData] = []
    write = demo_module.write_report

    def keep(path: Path, data: ReportData) -> None:
        kept.append(data)
        write(path, data)

    demo_module.write_report = keep  # type: ignore[attr-defined]
    start = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        demo_module.demo(None, "nrf52840", 0, Path(folder), None, quiet=True)
    seconds = perf_counter() - start
    data = kept[0]
    for name, draw in (("accuracy", draw_accuracy), ("sigma", draw_history)):
        picture = draw(data)
        if picture is None:
            raise RuntimeError(f"no data for the picture {name}")
        (ROOT / "docs" / "img" / f"{name}.svg").write_text(standalone(picture))
    readme = ROOT / "README.md"
    text = readme.read_text()
    head = text[: text.index("\n", text.index(START)) + 1]
    tail = text[text.index(END) :]
    readme.write_text(head + table(data.metrics, seconds) + tail)


def table(metrics: dict, seconds: float) -> str:  # type: ignore[type-arg]
    """Return the README's table."""
    rows = ["", "| learner | prequential accuracy | state SHA-256 |", "|---|---|---|"]
    for name, engine in metrics["engines"].items():
        rows.append(
            f"| MESU, {name} | {100 * engine['accuracy_prequential']:.2f} % "
            f"| `{engine['state_sha256'][:12]}` |"
        )
    device = metrics["device"]
    same = device["predictions_sha256"] == metrics["engines"]["q16 C"]["predictions_sha256"]
    accuracy = metrics["engines"]["q16 C"]["accuracy_prequential"]
    rows.append(
        f"| MESU, q16 on the {device['board']} ({device['core']}) "
        f"| {f'{100 * accuracy:.2f} %' if same else 'differs'} | `{device['state_sha256'][:12]}` |"
    )
    for name, accuracy in metrics["baselines"].items():
        rows.append(f"| {name} | {100 * accuracy:.2f} % | |")
    fidelity, count, ram = (
        metrics["fidelity"],
        device["instructions_per_sample"],
        device["ram_bytes"],
    )
    rows += [
        "",
        f"{100 * fidelity['agreement_q16_float64']:.2f} % of q16's predictions are float64's. "
        f"On the device: {device['flash_bytes']:,} bytes of flash, {ram['total']:,} bytes of RAM "
        f"(state {ram['state']:,}, scratch {ram['scratch']:,}, stack {ram['stack_peak']:,}), "
        f"{count['learn_median']:,} instructions to learn a sample, {count['predict_median']:,} "
        f"to predict one; modelled: {device['model']['ms_per_sample']:.1f} ms and "
        f"{device['model']['uj_per_sample']:.0f} µJ per learned sample. One run of "
        f"`streamlearn demo`, {seconds:.0f} s on {machine()}, Python "
        f"{platform.python_version()}. The SGD baseline is the same network behind the same front "
        "end at its best learning rate (`docs/data.md`); River's is a nearest neighbour among the "
        "last 500 samples, which it stores (256 KB).",
        "",
    ]
    return "\n".join(rows)


if __name__ == "__main__":
    main()
