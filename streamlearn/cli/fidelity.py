"""``streamlearn fidelity``: is the quantised learner the float learner?"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.box import SIMPLE_HEAD
from rich.progress import Progress, TaskID
from rich.table import Table

from quant.durable import write_durably
from quant.rule import RULES
from streamlearn.cli.common import console, progress
from streamlearn.cli.endings import CommandError
from streamlearn.cli.folders import write_json
from streamlearn.cli.rules import new_learner, rule_names
from streamlearn.fidelity import costs, fidelity, forms_of
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.report.quantised import (
    COSTS,
    LAYERS,
    PAIRS,
    cost_rows,
    layer_rows,
    pair_rows,
    quantised_page,
)
from streamlearn.streams import load_gas_drift
from streamlearn.streams.csv_stream import CsvStream

REFERENCE = "float64"
BUNDLED = "the bundled gas-sensor stream"


@dataclass(frozen=True)
class Asked:
    """What the command line asks for."""

    stream: Path | None
    label: str | None
    rules: tuple[str, ...]
    hidden: tuple[int, ...]
    limit: int | None
    seed: int
    each: bool


def run(asked: Asked, html: Path | None, json_file: Path | None, quiet: bool) -> None:
    """Compare every format of the rules with float64 along a stream, and switch quantisations.

    Raises
    ------
    CommandError
        If the stream needs a label's column, or has no sample.
    """
    to = console(quiet)
    with progress(to) as display:
        found = compare(asked, display)
    _say(found, quiet)
    if json_file is not None:
        write_json(json_file, found)
    if html is not None:
        write_durably(html, quantised_page(found))
        to.print(f"page: {html}", soft_wrap=True)


def compare(asked: Asked, display: Progress) -> dict[str, Any]:
    """Return what ``run`` shows, as JSON values.

    Returns
    -------
    dict
        ``stream``, ``n_samples``, ``layers`` and ``seed``; ``pairs``, of
        :func:`streamlearn.fidelity.fidelity`, by rule and format; ``costs``, of
        :func:`streamlearn.fidelity.costs`, by rule.

    Raises
    ------
    CommandError
        As :func:`run` does.
    """
    name, x, labels = _stream(asked)
    classes = sorted(set(labels), key=labels.index)
    if len(classes) < 2:
        raise CommandError(f"{name}: {len(x)} samples of one class; give a stream with two or more")
    layers = (x.shape[1], *asked.hidden, len(classes))
    found: dict[str, Any] = {
        "stream": name,
        "n_samples": len(x),
        "layers": list(layers),
        "seed": asked.seed,
        "pairs": {},
        "costs": {},
    }
    given: dict[str, Any] = {"classes": classes, "seed": asked.seed}
    for rule in asked.rules or rule_names():
        for arithmetic in RULES[rule].arithmetics:
            if arithmetic == REFERENCE:
                continue
            pair = [
                new_learner(rule, "categorical", layers, {}, arithmetic=one, **given)
                for one in (REFERENCE, arithmetic)
            ]
            task = display.add_task(f"{rule} {arithmetic}", total=len(x))
            done = partial(_done, display, task)
            found["pairs"][f"{rule} {arithmetic}"] = fidelity(pair[0], pair[1], x, labels, done)
        if asked.each and forms_of(rule) is not None:
            found["costs"][rule] = _costs(pair[0], x, labels, asked.seed, display)
    return found


def _done(display: Progress, task: TaskID, n: int) -> None:
    display.update(task, completed=n)


def _costs(
    like: StreamClassifier, x: npt.NDArray[Any], labels: list[Any], seed: int, display: Progress
) -> dict[str, Any]:
    index = {label: i for i, label in enumerate(like.labels)}
    y = np.array([index[label] for label in labels], np.int64)
    tasks: dict[str, Any] = {}

    def done(name: str, n: int) -> None:
        if name not in tasks:
            tasks[name] = display.add_task(f"{like.config.rule}: {name}", total=len(x))
        display.update(tasks[name], completed=n)

    return costs(like.spec, like.config, x, y, seed, progress=done)


def _stream(asked: Asked) -> tuple[str, npt.NDArray[Any], list[Any]]:
    """Return a stream's name, its samples and their labels."""
    if asked.stream is None:
        stream = load_gas_drift(limit=asked.limit)
        return BUNDLED, stream.x, [stream.classes[k] for k in stream.y]
    if asked.label is None:
        raise CommandError("--label: name the column with the label, as --stream is given")
    with closing(CsvStream(asked.stream, asked.label)) as rows:
        some = list(islice(rows, asked.limit))
        classes = rows.classes
    if not some:
        raise CommandError(f"{asked.stream} has no sample")
    x = np.array([row[0] for row in some])
    return asked.stream.name, x, [classes[row[1]] for row in some]


def _say(found: dict[str, Any], quiet: bool) -> None:
    to = console(quiet, results=True)
    layers = "-".join(map(str, found["layers"]))
    to.print(f"{found['stream']}: {found['n_samples']:,} samples, {layers}, against {REFERENCE}")
    to.print(_table(PAIRS, pair_rows(found)))
    to.print(_table(LAYERS, layer_rows(found)))
    for rule, each in found["costs"].items():
        to.print(f"{rule}: each quantisation alone, in the float reference, against none")
        to.print(_table(COSTS, cost_rows(each)))


def _table(head: Sequence[str], rows: list[tuple[str, ...]]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("", no_wrap=True)
    for name in head:
        table.add_column(name.strip(), justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table
