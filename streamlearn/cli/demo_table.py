"""The demo's tables: what every engine reached, and what the device needs."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from streamlearn.cli.device import DeviceRun
from streamlearn.cli.figures import percent
from streamlearn.streams.base import Stream

DIGITS = 8


def print_tables(
    stream: Stream, metrics: dict[str, Any], device: DeviceRun | None, to: Console
) -> None:
    """Print the demo's findings; what an interruption left out is left out."""
    to.print(_accuracies(stream, metrics, device))
    to.print(
        f"accuracy: prequential; state, predictions: the first {DIGITS} digits of their SHA-256"
    )
    fidelity = metrics["fidelity"]
    for statement, holds in (
        ("golden = host C = device, state and predictions, every bit", fidelity["bit_exact"]),
        ("ONNX Runtime predicts the same from the exported state", fidelity["onnx_exact"]),
    ):
        if holds is not None:
            verdict = ("yes", "bold green") if holds else ("NO", "bold red")
            to.print(Text.assemble(f"{statement}: ", verdict))
    if fidelity["agreement_q16_float64"] is not None:
        to.print(
            f"q16 against float64: {percent(fidelity['agreement_q16_float64'])} of the predictions "
            f"agree, accuracy {100 * fidelity['accuracy_difference']:+.2f} points"
        )
    if device is not None:
        to.print(device_table(metrics["device"], device))


def _accuracies(stream: Stream, metrics: dict[str, Any], device: DeviceRun | None) -> Table:
    table = Table(title=f"{stream.name}: {metrics.get('n_samples', 0)} samples, test, then train")
    for column in ("learner", "accuracy", "samples/s", "state", "predictions"):
        figures = column in ("accuracy", "samples/s")
        table.add_column(column, justify="right" if figures else "left", no_wrap=True)
    for name, engine in metrics["engines"].items():
        speed = engine["samples_per_s"]
        table.add_row(
            f"MESU {name}",
            percent(engine["accuracy_prequential"]),
            "–" if speed is None else f"{speed:,.0f}",
            engine["state_sha256"][:DIGITS],
            engine["predictions_sha256"][:DIGITS],
        )
    if device is not None:
        labels = stream.y[: len(device.predictions)]
        table.add_row(
            f"MESU q16 on {device.board.name}",
            percent(float((device.predictions == labels).mean()) if len(labels) else None),
            "",
            metrics["device"]["state_sha256"][:DIGITS],
            metrics["device"]["predictions_sha256"][:DIGITS],
        )
    table.add_section()
    for name, accuracy in metrics["baselines"].items():
        table.add_row(name, percent(accuracy), "", "", "")
    return table


def device_table(values: dict[str, Any], device: DeviceRun) -> Table:
    """Return the table of a device run, from its ``--json`` values."""
    board, ram = device.board, values["ram_bytes"]
    count, model = values["instructions_per_sample"], values["model"]
    table = Table(title=f"{board.title} ({values['core']})", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("flash", f"{values['flash_bytes']:,} of {board.flash.bytes:,} bytes")
    table.add_row("RAM", f"{ram['total']:,} of {board.ram.bytes:,} bytes")
    table.add_row("  state", f"{ram['state']:,}")
    table.add_row("  scratch", f"{ram['scratch']:,}")
    table.add_row("  stack, peak", f"{ram['stack_peak']:,}")
    table.add_row("instructions to learn a sample, median", f"{count['learn_median']:,}")
    table.add_row("instructions to learn a sample, maximum", f"{count['learn_max']:,}")
    table.add_row("instructions to predict a sample, median", f"{count['predict_median']:,}")
    table.add_row("model: time to learn a sample", f"{model['ms_per_sample']:.2f} ms")
    energy = model["uj_per_sample"]
    table.add_row(
        "model: energy to learn a sample",
        "not modelled for this board" if energy is None else f"{energy:.1f} µJ",
    )
    return table
