"""The rows of a fleet's stream, by the key that says whose learner they teach."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from streamlearn.errors import InputValueError
from streamlearn.fleet.folder import FleetPlan
from streamlearn.sources import Opening, Source, open_source
from streamlearn.streams.csv_options import ReadOptions
from streamlearn.streams.csv_stream import CsvStream
from streamlearn.streams.csv_targets import CsvTargets

#: The key that stands for the topic of a message.
TOPIC_KEY = "topic"
#: The key that stands for a message's own key, in Kafka.
MESSAGE_KEY = "message key"


class Rows(NamedTuple):
    """Rows of one key, in their order.

    Attributes
    ----------
    key : str
    x : float32[n, n_features]
    y : int64[n] or float32[n]
        Class indices, -1 without a label; or targets.
    lines : int64[n]
    """

    key: str
    x: npt.NDArray[np.float32]
    y: npt.NDArray[Any]
    lines: npt.NDArray[np.int64]


def open_rows(plan: FleetPlan, source: Source | None = None) -> CsvStream | CsvTargets:
    """Return the rows of a fleet's stream.

    Parameters
    ----------
    plan : FleetPlan
    source : Source, optional
        Where they come from, if from topics.

    Raises
    ------
    StreamlearnError
        If the file cannot be read as it was when the fleet began.
    """
    options, stream = ReadOptions.from_dict(plan.reading), source or plan.stream
    if plan.classes is None:
        return CsvTargets(stream, plan.label, plan.on_bad, options=options)
    return CsvStream(
        stream, plan.label, plan.classes, plan.on_bad, options=options, unlabelled="predict"
    )


def open_topics(plan: FleetPlan, folder: Path, fresh: bool) -> Source:
    """Return the source of a fleet's topics: JSON lines, with the topic of each in a column.

    Parameters
    ----------
    plan : FleetPlan
    folder : Path
        Of the fleet; it names the client that the broker knows.
    fresh : bool
        Whether what the broker kept for a fleet in this folder is thrown away.

    Raises
    ------
    ConfigError
        If the address is wrong, or paho-mqtt is not installed.
    """
    key = str(plan.reading["key"])
    topic_as = key if key == TOPIC_KEY else None
    return open_source(
        plan.stream, Opening(format="jsonl", out=folder, fresh=fresh, topic_as=topic_as)
    )


def by_key(
    keys: Sequence[str],
    x: npt.NDArray[np.float32],
    y: npt.NDArray[Any],
    lines: npt.NDArray[Any],
    name: str,
) -> list[tuple[str, Rows]]:
    """Return the rows of each key, in their order, the keys by their first row.

    Raises
    ------
    InputValueError
        If a row has no key.
    """
    index: dict[str, int] = {}
    code = np.fromiter((index.setdefault(key, len(index)) for key in keys), np.int64, len(keys))
    if "" in index:
        line = lines[int(np.argmax(code == index[""]))]
        raise InputValueError(
            f"{name} line {line}: no key; every row needs one, for it says whose learner it teaches"
        )
    order = np.argsort(code, kind="stable")
    x, y, lines = x[order], y[order], lines[order]
    ends = np.cumsum(np.bincount(code, minlength=len(index))).tolist()
    return [
        (key, Rows(key, x[a:b], y[a:b], lines[a:b]))
        for key, a, b in zip(index, [0, *ends], ends, strict=False)
    ]
