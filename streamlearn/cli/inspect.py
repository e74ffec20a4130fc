"""``streamlearn inspect`` and ``diff``: what a state holds, and what lies between two."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

import firmware_sim
from export import write_export
from streamlearn.cli.board_table import commits_of
from streamlearn.cli.common import console, progress
from streamlearn.cli.device import build as build_firmware
from streamlearn.cli.endings import CommandError, DifferentError
from streamlearn.cli.folders import METRICS_FILE, write_json
from streamlearn.cli.kept_learner import any_learner
from streamlearn.inspection import compare, describe
from streamlearn.inspection.describe import has_kernel
from streamlearn.learners.base import StreamLearner

#: Features that are listed one by one; of more of them, the blind ones.
LISTED = 12


def inspect(
    path: Path, build: bool, json_file: Path | None, quiet: bool, signed_by: Path | None = None
) -> None:
    """Say what a state image, an export folder or a run folder holds.

    Parameters
    ----------
    path : Path
    build : bool
        Also build the firmware of every board, to say how much flash and RAM it takes.
    json_file : Path, optional
    quiet : bool
    signed_by : Path, optional
        The public key that an export has to be signed by.

    Raises
    ------
    CommandError, StateFormatError, ExportError
        If it holds no whole learner.
    """
    kind, learner = any_learner(path, signed_by)
    if build and not has_kernel(learner):
        raise CommandError(
            f"--build: no board runs a learner in {learner.arithmetic}; leave it out"
        )
    found = {"file": str(path), "kind": kind, **describe(learner)}
    found["saturations"] = _saturations(path)
    found["boards"] = _boards(learner, build, quiet)
    if json_file is not None:
        write_json(json_file, found)
    to = console(quiet, results=True)
    to.print(_headline(found), soft_wrap=True)
    for table in _tables(found):
        to.print(table)


def _saturations(path: Path) -> dict[str, int] | None:
    """Return what a run counted; a state alone does not know."""
    try:
        found = json.loads((path / METRICS_FILE).read_text("utf-8")).get("saturations")
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, dict) else None


def diff(before: Path, after: Path, json_file: Path | None, quiet: bool) -> None:
    """Say which layers moved from one state to another, and by how many standard deviations.

    Raises
    ------
    DifferentError
        If the states differ, so that a script can tell.
    ConfigError
        If they are of different networks.
    """
    (_, one), (_, other) = any_learner(before), any_learner(after)
    found = {"before": str(before), "after": str(after), **compare(one, other)}
    if json_file is not None:
        write_json(json_file, found)
    to = console(quiet, results=True)
    if found["same"]:
        to.print(f"{before} and {after} hold the same state, in every bit", soft_wrap=True)
        return
    for name, (ours, theirs) in found["config"].items():
        to.print(f"{name}: {ours} and {theirs}", soft_wrap=True)
    if found["fields"] is not None:
        to.print(f"different: {', '.join(found['fields'])}", soft_wrap=True)
    if found["layers"] is not None:
        to.print(_movement(found["layers"]))
    n = found["n_samples"]
    count = f"{abs(n):,} samples {'fewer' if n < 0 else 'more'}" if n else "as many samples"
    raise DifferentError(f"the states differ: {after} has learned {count}")


def _movement(layers: list[dict[str, Any]]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    posterior = "sigmas" in layers[0]
    for name in ("layer", "moved by, rms", "largest", "in σ, rms", "beyond 1 σ", "sign", "settled"):
        if posterior or "σ" not in name:
            table.add_column(name, justify="right")
    for i, layer in enumerate(layers):
        row = [str(i), f"{layer['rms']:.3g}", f"{layer['largest']:.3g}"]
        if posterior:
            row += [f"{layer['sigmas']:.3g}", f"{layer['moved']:.1%}"]
        settled = "–" if layer["settled"] is None else f"× {layer['settled']:.3g}"
        table.add_row(*row, f"{layer['flipped']:.1%}", settled)
    return table


def _headline(found: dict[str, Any]) -> str:
    layers = "-".join(map(str, found["network"]["layers"]))
    taught = "a number"
    if found["taught"] is not None:
        names = ", ".join("(no label)" if t is None else str(t) for t in found["taught"])
        taught = f"{len(found['taught'])} of {found['network']['layers'][-1]} classes: {names}"
    levels, counted = found["levels"], found["saturations"]
    article = "an" if found["kind"].startswith("e") else "a"
    saturated = ""
    if counted is not None:
        some = ", ".join(f"{name} {n:,}" for name, n in counted.items() if n)
        saturated = f"; saturations of the run: {some or 'none'}"
    return (
        f"{found['file']}: {article} {found['kind']}\n"
        f"{found['rule']}, {layers}, {found['arithmetic']}; "
        f"{found['n_samples']:,} samples learned, seed {found['seed']}\n"
        f"taught {taught}\n"
        f"blind features {levels['blind']}; step × {levels['step']:.3g}{saturated}\n"
        f"state {found['state_bytes']:,} bytes, SHA-256 {found['state_sha256']}"
    )


def _tables(found: dict[str, Any]) -> list[Table]:
    tables = [_layer_table(found)]
    inputs = found["inputs"] or []
    listed = inputs if len(inputs) <= LISTED else [one for one in inputs if one["blind"]]
    if listed:
        table = Table("feature", "mean", "standard deviation", "", box=SIMPLE_HEAD, pad_edge=False)
        for one in listed:
            blind = "blind" if one["blind"] else ""
            table.add_row(str(one["feature"]), f"{one['mean']:.6g}", f"{one['sd']:.3g}", blind)
        tables.append(table)
    table = Table("field", "count", "least", "most", "at its end", box=SIMPLE_HEAD, pad_edge=False)
    for field in found["fields"]:
        row = [f"{field['count']:,}", f"{field['least']:.6g}", f"{field['most']:.6g}"]
        table.add_row(field["name"], *row, f"{field['at_end']:,}" if "at_end" in field else "")
    return [*tables, table, _board_table(found)]


def _layer_table(found: dict[str, Any]) -> Table:
    table = Table("layer", "size", box=SIMPLE_HEAD, pad_edge=False)
    if found["certainty"] is not None:
        table.add_column("weights")
        table.add_column(f"{found['certainty']['quantity']}: 5 %, median, 95 %")
    for i, layer in enumerate(found["layers"]):
        row = [str(i), f"{layer['rows']} × {layer['columns']}"]
        if "weights" in layer:
            row.append(f"{layer['weights']['least']:.3g} to {layer['weights']['most']:.3g}")
        if "settled" in layer:
            row.append(", ".join(f"{value:.3g}" for value in layer["settled"].values()))
        table.add_row(*row)
    return table


def _board_table(found: dict[str, Any]) -> Table:
    table = Table("board", "state / RAM", "commits", box=SIMPLE_HEAD, pad_edge=False)
    built = any("flash_bytes" in board for board in found["boards"])
    for name in ("flash", "RAM") if built else ():
        table.add_column(name, justify="right")
    for board in found["boards"]:
        row = [board["name"], f"{board['state_share']:.1%}", board["commits"]]
        if "flash_bytes" in board:
            row += [f"{board['flash_share']:.1%}", f"{board['ram_share']:.1%}"]
        elif "refused" in board:
            row += [board["refused"].split(";")[0], ""]
        table.add_row(*row)
    return table


def _boards(learner: StreamLearner, build: bool, quiet: bool) -> list[dict[str, Any]]:
    size, boards = learner.state.nbytes, firmware_sim.list_boards()
    found: list[dict[str, Any]] = [
        {
            "name": board.name,
            "state_share": size / board.ram.bytes,
            "commits": commits_of(board, size),
        }
        for board in boards
    ]
    if not build:
        return found
    with TemporaryDirectory() as folder, progress(console(quiet)) as display:
        export = Path(folder) / "export"
        write_export(learner, export)
        task = display.add_task("build", total=len(boards))
        for board, one in zip(boards, found, strict=True):
            try:
                firmware = build_firmware(export, board, Path(folder) / board.name)
            except firmware_sim.DeviceTooSmallError as error:
                one["refused"] = str(error)
            else:
                ram = firmware.ram_bytes.total
                one |= {"flash_bytes": firmware.flash_bytes, "ram_bytes": ram}
                one["flash_share"] = firmware.flash_bytes / board.flash.bytes
                one["ram_share"] = ram / board.ram.bytes
            display.advance(task)
    return found
