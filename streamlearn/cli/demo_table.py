"""The demo's tables: what every engine reached, and what the device needs."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from streamlearn.cli.common import percent
from streamlearn.cli.device import DeviceRun
from streamlearn.streams.base import Stream


def print_tables(
    stream: Stream, metrics: dict[str, Any], device: DeviceRun | None, to: Console
) -> None:
    """Print the demo's findings; what an interruption left out is left out."""
    to.print(_accuracies(stream, metrics, device))
    fidelity = metrics["fidelity"]
    if fidelity["bit_exact"] is not None:
        to.print(
            "golden = host C = device, state and predictions, every bit: "
            + ("[bold green]yes[/]" if fidelity["bit_exact"] else "[bold red]NO[/]")
        )
    if fidelity["onnx_exact"] is not None:
        to.print(
            "ONNX Runtime predicts the same from the exported state: "
            + ("[bold green]yes[/]" if fidelity["onnx_exact"] else "[bold red]NO[/]")
        )
    if fidelity["agreement_q16_float64"] is not None:
        to.print(
            f"q16 against float64: {percent(fidelity['agreement_q16_float64'])} of the predictions "
            f"agree, accuracy {100 * fidelity['accuracy_difference']:+.2f} points"
        )
    if device is not None:
        to.print(device_table(metrics["device"], device))


def _accuracies(stream: Stream, metrics: dict[str, Any], device: DeviceRun | None) -> Table:
    table = Table(title=f"{stream.name}: {metrics.get('n_samples', 0)} samples, test, then train")
    for column, justify in (
        ("learner", "left"), ("prequential accuracy", "right"), ("samples/s", "right"),
        ("state SHA-256", "left"), ("predictions SHA-256", "left"),
    ):  # fmt: skip
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for name, engine in metrics["engines"].items():
        table.add_row(
            f"MESU {name}",
            percent(engine["accuracy_prequential"]),
            f"{engine['samples_per_s'] or 0:,.0f}",
            engine["state_sha256"][:16],
            engine["predictions_sha256"][:16],
        )
    if device is not None:
        labels = stream.y[: len(device.predictions)]
        table.add_row(
            f"MESU q16 on {device.board.name}",
            percent(float((device.predictions == labels).mean()) if len(labels) else None),
            "",
            metrics["device"]["state_sha256"][:16],
            metrics["device"]["predictions_sha256"][:16],
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
