"""Measures the sections of ``speed``, on one core; those of NEEDY need PyTorch and numba."""

from __future__ import annotations

import argparse
import datetime
import os
import time
from collections.abc import Sequence
from typing import Any

from experiments.data import standardised
from experiments.machine import origin, version_of
from experiments.needs import missing_packages
from experiments.speed.contenders import Images, Labels
from experiments.speed.names import NEEDY
from experiments.speed.rivals.along import measure_along
from experiments.speed.rivals.board import measure_on_cores
from experiments.speed.rivals.host import measure_rivals
from experiments.speed.rounds import Say
from experiments.study import Record, say
from streamlearn.streams import load_mnist


def measure_sections(
    sections: Sequence[str], options: argparse.Namespace, record: Record
) -> Record:
    """Return the record with these sections measured anew."""
    if not missing_packages(["torch"]):
        one_torch_thread()
    mnist = load_mnist("train")
    pixels, y = mnist.x[: options.limit_samples], mnist.y[: options.limit_samples]
    x = standardised(pixels)
    rounds, round_s = options.rounds, options.round_ms / 1000
    started = time.perf_counter()

    def tell(what: str) -> None:
        say(f"{time.perf_counter() - started:6.0f} s  {what}")

    before = os.getloadavg()[0]
    for section in sections:
        if section == "rivals":
            record[section] = measure_rivals(pixels, x, y, rounds, round_s, tell)
        elif section == "cores":
            record[section] = measure_on_cores(pixels, x, y, tell)
            record["zero_share"] = round(float((pixels == 0).mean()), 4)
        elif section == "along":
            record[section] = measure_along(pixels, y, tell)
        else:
            assert section in NEEDY
            record[section] = _beside_torch(section, pixels, x, y, options, tell)
    tell("done")
    made = {
        **origin(options.command),
        "date": datetime.date.today().isoformat(),
        **{name: version_of(name) for name in ("torch", "numba", "jax")},
        "load": round(before, 1),
        "load_after": round(os.getloadavg()[0], 1),
        "seconds": round(time.perf_counter() - started),
    }
    record["origin"] = {**record.get("origin", {}), **dict.fromkeys(sections, made)}
    return record


def _beside_torch(
    section: str, pixels: Images, x: Images, y: Labels, options: argparse.Namespace, tell: Say
) -> Any:
    """Measure a section whose contenders are written in PyTorch."""
    from experiments.speed import sections
    from experiments.speed.metaplastic import measure_metaplastic

    rounds, round_s = options.rounds, options.round_ms / 1000
    if section == "speed":
        return sections.measure_speed(x, y, rounds, round_s, tell)
    if section == "bytes":
        return sections.measure_bytes()
    if section == "width":
        widths = sections.WIDTHS, lambda n: (784, n, 10), lambda _: 10
        return sections.measure_scan(*widths, x, y, rounds, round_s, tell)
    if section == "draws":
        draws = sections.DRAWS, lambda _: sections.NETWORKS[0], lambda n: n
        return sections.measure_scan(*draws, x, y, rounds, round_s, tell)
    if section == "zeros":
        return sections.measure_zeros(pixels, x, y, rounds, round_s, tell)
    if section == "metaplastic":
        return measure_metaplastic(pixels, y, rounds, round_s, tell)
    return sections.measure_length(x, y, options.tasks, tell)


def one_torch_thread() -> None:
    """Let PyTorch use one thread."""
    import torch  # type: ignore[import-not-found, unused-ignore]

    torch.set_num_threads(1)
