"""The tables of the rivals, made from their sections of the result alone."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from experiments.speed.names import NUMBA
from experiments.tables import NOTHING, Record, markdown

BASE = "MESU, q16, C"


def _keys(rows: Sequence[Record]) -> list[tuple[str, int]]:
    return list(dict.fromkeys((row["data"], row["n_draws"]) for row in rows))


def _what(row: Record) -> str:
    zeros = round(100 * row["zeros"])
    return f"{zeros} % zeros, S = {row['n_draws']}"


def rivals_table(record: Record) -> str:
    """CPU microseconds per sample, and how many times as fast as numba's MESU in the same round."""
    parts = []
    for data, n_draws in _keys(record["rivals"]):
        rows = [r for r in record["rivals"] if (r["data"], r["n_draws"]) == (data, n_draws)]
        base = next((r for r in rows if r["name"] == NUMBA and "cpu_s" in r), None)
        ours = next(r for r in rows if r["name"] == BASE)
        lines = []
        for row in rows:
            if "missing" in row:
                lines.append([row["name"], row["missing"], *[NOTHING] * 3])
                continue
            cells = [f"{1e6 * median(row['cpu_s']):.1f}", f"{1e6 * min(row['cpu_s']):.1f}"]
            cells += [_ratio(ours, row), NOTHING if base is None else _ratio(base, row)]
            lines.append([row["name"], *cells])
        head = [_what(rows[0]), "µs per sample, CPU", "best round", "× q16", "× numba"]
        parts.append(markdown(head, lines))
    return "\n".join(parts)


def _ratio(base: Record, row: Record) -> str:
    """Return how many times as fast as `base`: the median over the rounds."""
    value = median(b / a for a, b in zip(row["cpu_s"], base["cpu_s"], strict=True))
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def cores_table(record: Record) -> str:
    """Instructions by core, for inputs without zeros and with; RAM and flash."""
    parts = []
    rows = record["cores"]
    for core in dict.fromkeys(row["core"] for row in rows):
        lines = []
        for row in (r for r in rows if r["core"] == core):
            draws = NOTHING if row["n_draws"] is None else str(row["n_draws"])
            counts = [f"{row[verb][data]:,}" for verb in ("learn", "predict")
                      for data in ("dense", "pixels")]  # fmt: skip
            sizes = [f"{row[key]:,}" for key in ("ram", "flash", "code")]
            lines.append([row["name"], draws, *counts, *sizes])
        zeros = f"{round(100 * record['zero_share'])} % zeros"
        head = [core, "S", "learn, dense", zeros, "predict, dense", zeros]
        parts.append(markdown([*head, "RAM, bytes", "flash, bytes", "of it code"], lines))
    return "\n".join(parts)


def along_table(record: Record) -> str:
    """The binary learner, task by task."""
    lines = [
        [
            str(row["task"]),
            f"{row['us']:.1f}",
            f"{row['accuracy']:.1f}",
            f"{100 * row['changing']:.0f}",
            *(f"{row[key]:,}" for key in ("learn_median", "learn_mean", "predict_median")),
        ]
        for row in record["along"]
    ]
    head = ["task", "µs per sample on the desk", "test-then-train accuracy, %"]
    head += ["last samples that changed a weight, %", "Cortex-M4F: learn, median"]
    return markdown([*head, "learn, mean", "predict, median"], lines)
