"""Devices that see parts of the gas stream, merged every so many samples, beside one that saw all.

``time``: each of the devices has its part of the months. ``turns``: at all times each has its share
of the rows. ``gas``: rows are sorted by gas first, so that a device knows one or two of them. Every
fifth row is kept apart and asked at the end; the others are predicted, then learned. FedAvg
averages μ and σ of the same learners, weighted by their samples. One learner saw all rows as the
stream has them, and one as the devices had them, a row of each in turn: with ``time`` that is
another order, in which all months come at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.options import add_seeds, count, names, numbers, seeds_of
from experiments.study import Record, Study, say
from experiments.tables import cell, markdown
from quant.image import decode_image, encode_image
from streamlearn import MesuClassifier
from streamlearn.errors import ConfigError
from streamlearn.fleet import LiveLearners, merge
from streamlearn.learners.loading import read
from streamlearn.streams.gas_drift import load_gas_drift

Rows = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]
Combine = Callable[[bytes, Sequence[bytes]], bytes]

SPLITS = ("time", "turns", "gas")
HIDDEN, KEPT_APART = 32, 5


def averaged(base: bytes, images: Sequence[bytes]) -> bytes:
    """Return FedAvg of learners in float32: the mean of weights and of their σ, by samples."""
    found, states = decode_image(merge(base, images, "mean")), [decode_image(i) for i in images]
    before = int(decode_image(base).state["n_samples"][0])
    fresh = [int(image.state["n_samples"][0]) - before for image in states]
    for name in ("mu", "sigma"):
        each = np.stack([image.state[name][0].astype(np.float64) for image in states])
        found.state[name][0] = np.average(each, axis=0, weights=fresh)
    return encode_image(found)


WAYS: dict[str, Combine | None] = {
    "alone": None,
    "FedAvg": averaged,
    "mean": lambda base, images: merge(base, images, "mean"),
    "sum": lambda base, images: merge(base, images, "sum"),
    "half the sum": lambda base, images: merge(base, images, "sum", 0.5),
}


def split(rows: Rows, kind: str, devices: int) -> list[Rows]:
    """Return the rows of each device, in the order of their times.

    Raises
    ------
    ConfigError
        If there is no such split.
    """
    if kind not in SPLITS:
        raise ConfigError(f"split {kind!r}: expected one of {', '.join(SPLITS)}")
    x, y = rows
    if kind == "turns":
        return [(x[i::devices], y[i::devices]) for i in range(devices)]
    order = np.argsort(y, kind="stable") if kind == "gas" else np.arange(len(y))
    return [(x[np.sort(part)], y[np.sort(part)]) for part in np.array_split(order, devices)]


def in_turns(parts: Sequence[Rows]) -> Rows:
    """Return all rows as the devices had them: the first of each, then the second, and so on."""
    place = np.concatenate([np.arange(len(y)) for _, y in parts])
    order = np.argsort(place, kind="stable")
    x, y = (np.concatenate([part[i] for part in parts])[order] for i in (0, 1))
    return x, y


def accuracy(image: bytes, rows: Rows) -> float:
    """Accuracy of an image on rows that it does not learn, in percent."""
    learner: Any = read(image, "image")
    found = np.array(learner.predict_many(rows[0]))
    return float(100 * np.mean(found == rows[1]))


def together(
    start: bytes, parts: Sequence[Rows], every: int, combine: Combine | None
) -> tuple[list[bytes], float]:
    """Let each device learn its part.

    Returns
    -------
    images : list of bytes
        At the end; one if they are merged.
    right : float
        Percent of all rows that were predicted right before they were learned.
    """
    live, images, right = LiveLearners(), [start] * len(parts), 0
    for first in range(0, max(len(y) for _, y in parts), every):
        for i, (x, y) in enumerate(parts):
            block = slice(first, first + every)
            images[i], found = live.learn_by_index(images[i], x[block], y[block])
            right += int(np.count_nonzero(found == y[block]))
        if combine is not None:
            start = combine(start, images)
            images = [start] * len(parts)
    share = 100 * right / sum(len(y) for _, y in parts)
    return (images if combine is None else [start]), share


def figures(seed: int, kind: str, options: argparse.Namespace) -> dict[str, list[float]]:
    """Return both accuracies by the way of learning: before a row is learned, and kept apart."""
    gas = load_gas_drift(seed)
    x, y = gas.x[: options.rows], gas.y[: options.rows].astype(np.int64)
    learned = np.arange(len(y)) % KEPT_APART < KEPT_APART - 1
    rows, kept = (x[learned], y[learned]), (x[~learned], y[~learned])
    layers = (x.shape[1], HIDDEN, gas.n_classes)
    learner = MesuClassifier(layers, classes=range(gas.n_classes), arithmetic="float32", seed=seed)
    start, parts = learner.to_bytes(), split(rows, kind, options.devices)
    found = {}
    for name, seen in (("one that saw all", rows), ("one, in their order", in_turns(parts))):
        (one,), right = together(start, [seen], max(options.every), None)
        found[name] = [right, accuracy(one, kept)]
    for every in options.every:
        for name, combine in WAYS.items():
            if combine is None and every != options.every[0]:
                continue  # without a merge it is the same
            images, right = together(start, parts, every, combine)
            each = [accuracy(image, kept) for image in images]
            way = name if combine is None else f"{name}, every {every}"
            found[way] = [right, float(np.mean(each))]
    return found


def measure(options: argparse.Namespace) -> Record:
    """Run every split with every seed."""
    if min(options.every) < 1:
        raise ConfigError("--every 0: expected 1 or more samples between two merges")
    seeds, rows = seeds_of(options), []
    for kind in options.splits:
        each = [figures(seed, kind, options) for seed in seeds]
        rows.append({"split": kind, "figures": each})
        say(f"{kind}: {each[-1]}")
    return {
        "seeds": list(seeds),
        "devices": options.devices,
        "every": [*options.every],
        "rows": rows,
    }


def tables(record: Record) -> Mapping[str, str]:
    """Return both accuracies of every way, split by split."""
    ways = list(record["rows"][0]["figures"][0])
    found = {}
    for at, name in enumerate(("prequential", "kept-apart")):
        rows: list[Any] = [
            [way, *(cell([one[way][at] for one in row["figures"]], 1) for row in record["rows"])]
            for way in ways
        ]
        found[name] = markdown(["way", *(row["split"] for row in record["rows"])], rows)
    return found


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_seeds(parser, 1)
    parser.add_argument(
        "--splits", type=names, default=("time",), metavar="A,B",
        help=f"some of {','.join(SPLITS)}; time if none",
    )  # fmt: skip
    parser.add_argument(
        "--devices", type=count(2), default=8, metavar="N", help="how many; 8 if none"
    )
    parser.add_argument(
        "--every", type=numbers, default=(100,), metavar="N,M",
        help="samples of each device between two merges; 100 if none",
    )  # fmt: skip
    parser.add_argument(
        "--rows", type=count(100), metavar="N", help="only the first rows to learn, for a short run"
    )


STUDY = Study("fleet-merge", measure, tables, add_options)
