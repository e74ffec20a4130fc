"""Measures the sections of ``speed``, on one core; needs PyTorch and numba."""

from __future__ import annotations

import argparse
import datetime
import os
import time
from collections.abc import Sequence

import torch  # type: ignore[import-not-found, unused-ignore]

from experiments.data import standardised
from experiments.machine import origin
from experiments.speed.metaplastic import measure_metaplastic
from experiments.speed.sections import (
    DRAWS,
    NETWORKS,
    WIDTHS,
    measure_bytes,
    measure_length,
    measure_scan,
    measure_speed,
    measure_zeros,
)
from experiments.study import Record, say
from streamlearn.streams import load_mnist


def measure_sections(
    sections: Sequence[str], options: argparse.Namespace, record: Record
) -> Record:
    """Return the record with these sections measured anew."""
    torch.set_num_threads(1)
    mnist = load_mnist("train")
    pixels, y = mnist.x[: options.limit_samples], mnist.y[: options.limit_samples]
    x = standardised(pixels)
    rounds, round_s = options.rounds, options.round_ms / 1000
    started = time.perf_counter()

    def tell(what: str) -> None:
        say(f"{time.perf_counter() - started:6.0f} s  {what}")

    before = os.getloadavg()[0]
    for section in sections:
        if section == "speed":
            record[section] = measure_speed(x, y, rounds, round_s, tell)
        elif section == "bytes":
            record[section] = measure_bytes()
        elif section == "width":
            record[section] = measure_scan(
                WIDTHS, lambda n: (784, n, 10), lambda _: 10, x, y, rounds, round_s, tell
            )
        elif section == "draws":
            record[section] = measure_scan(
                DRAWS, lambda _: NETWORKS[0], lambda n: n, x, y, rounds, round_s, tell
            )
        elif section == "zeros":
            record[section] = measure_zeros(pixels, x, y, rounds, round_s, tell)
        elif section == "metaplastic":
            record[section] = measure_metaplastic(pixels, y, rounds, round_s, tell)
        else:
            record[section] = measure_length(x, y, options.tasks, tell)
    tell("done")
    made = {
        **origin(options.command),
        "date": datetime.date.today().isoformat(),
        "torch": str(torch.__version__),
        "load": round(before, 1),
        "load_after": round(os.getloadavg()[0], 1),
        "seconds": round(time.perf_counter() - started),
    }
    record["origin"] = {**record.get("origin", {}), **dict.fromkeys(sections, made)}
    return record
