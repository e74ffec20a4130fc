"""The tables of ``speed``, made from its result alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median

import numpy as np
import numpy.typing as npt

from experiments.speed.names import FACTORED, METAPLASTIC, TORCH_LOCAL, TORCH_PLAIN
from experiments.speed.rivals.tables import along_table, cores_table, rivals_table
from experiments.tables import Record, markdown

Row = Record
#: Tasks before the cost along a stream is called settled.
SETTLING = 5


def rate(row: Row, clock: str = "cpu_s") -> float:
    """Return samples/s of the median round."""
    return 1 / float(median(row[clock]))


def ratio(row: Row, base: Row) -> float:
    """Return the median over rounds of how many times as fast as `base` in the same round."""
    return float(median(b / a for a, b in zip(row["cpu_s"], base["cpu_s"], strict=True)))


def _named(rows: Sequence[Row], name: str) -> Row:
    return next(row for row in rows if row["name"] == name)


def _per_second(value: float) -> str:
    return f"{value:,.0f}"


def _times(value: float) -> str:
    return f"{value:,.1f}" if value >= 0.95 else f"{value:.2g}"


def speed_table(record: Record) -> str:
    """Samples/s and ratios to PyTorch's local loop, one table a network and number of draws."""
    parts = []
    for key in dict.fromkeys((tuple(r["layers"]), r["n_draws"]) for r in record["speed"]):
        rows = [r for r in record["speed"] if (tuple(r["layers"]), r["n_draws"]) == key]
        base = _named(rows, TORCH_LOCAL)
        lines = []
        for row in rows:
            cells = [_per_second(rate(row)), _per_second(1 / min(row["cpu_s"]))]
            cells += [_per_second(rate(row, "wall_s")), _times(ratio(row, base))]
            lines.append([row["name"], *cells])
        head = [f"{'-'.join(map(str, key[0]))}, S = {key[1]}", "samples/s, CPU", "best round"]
        parts.append(markdown([*head, "wall clock", "× PyTorch local"], lines))
    return "\n".join(parts)


def bytes_table(record: Record) -> str:
    """Bytes per synapse in the state, the state, and the scratch of the C kernel."""
    lines = [
        [
            f"{row['arithmetic']}, {'-'.join(map(str, row['layers']))}, S = {row['n_draws']}",
            f"{row['synapses']:,}",
            f"{row['synapse_bytes']:.2f}".rstrip("0").rstrip("."),
            f"{row['state_bytes']:,}",
            "–" if row["scratch_bytes"] is None else f"{row['scratch_bytes']:,}",
            "–"
            if row["scratch_bytes"] is None
            else f"{(row['state_bytes'] + row['scratch_bytes']) / row['synapses']:.2f}",
        ]
        for row in record["bytes"]
    ]
    head = ["", "synapses", "bytes per synapse", "state, bytes", "C scratch, bytes"]
    return markdown([*head, "state and scratch, bytes per synapse"], lines)


def _scan_table(rows: Sequence[Row], head: str) -> str:
    names = list(dict.fromkeys(row["name"] for row in rows))
    lines = []
    for at in dict.fromkeys(row["at"] for row in rows):
        here = [row for row in rows if row["at"] == at]
        base = _named(here, TORCH_LOCAL)
        line = [f"{at:,}", *(f"{1e6 / rate(_named(here, name)):.1f}" for name in names)]
        line += [_times(ratio(_named(here, n), base)) for n in names if n != TORCH_LOCAL]
        lines.append(line)
    titles = [f"{name}, µs" for name in names]
    titles += [f"{name}, × PyTorch" for name in names if name != TORCH_LOCAL]
    return markdown([head, *titles], lines)


def width_table(record: Record) -> str:
    """CPU microseconds a sample by the width of the hidden layer."""
    return _scan_table(record["width"], "hidden units")


def draws_table(record: Record) -> str:
    """CPU microseconds a sample by the number of draws."""
    return _scan_table(record["draws"], "draws")


def zeros_table(record: Record) -> str:
    """CPU microseconds a sample by the share of zero inputs, and how much faster than dense."""
    rows = record["zeros"]
    names = list(dict.fromkeys(row["name"] for row in rows))
    lines = []
    for layers in dict.fromkeys(tuple(row["layers"]) for row in rows):
        mine = [row for row in rows if tuple(row["layers"]) == layers]
        sets = sorted(dict.fromkeys((row["share"], row["data"]) for row in mine))
        for share, data in sets:
            here = [row for row in mine if (row["share"], row["data"]) == (share, data)]
            what = "MNIST's pixels in [0, 1]" if data == "pixels" else "standardised, erased"
            line = [f"{layers[1]}, {what}" if share else f"{layers[1]}, standardised"]
            line.append(f"{100 * share:.0f} %")
            for name in names:
                line.append(f"{1e6 / rate(_named(here, name)):.1f}")
            for name in names:
                dense = _named([row for row in mine if row["share"] == 0], name)
                line.append(_times(ratio(_named(here, name), dense)))
            lines.append(line)
    titles = [f"{name}, µs" for name in names] + [f"{name}, × dense" for name in names]
    return markdown(["hidden units, input", "zeros", *titles], lines)


def _trend(millions: npt.NDArray[np.float64], costs: npt.NDArray[np.float64]) -> str:
    """Return the slope of the cost in % of its median a million samples, ± standard error.

    The first tasks are left out: the share of hidden units that are active, and with it the cost,
    still changes then.
    """
    millions, costs = millions[SETTLING:], costs[SETTLING:]
    if len(costs) < SETTLING:
        return "–"
    (slope, _), covariance = np.polyfit(millions, 100 * costs / np.median(costs), 1, cov=True)
    return f"{slope:+.2f} ± {np.sqrt(covariance[0, 0]):.2f} %"


def length_table(record: Record) -> str:
    """Cost and health along a stream: its first two tasks of 60,000 against its last five."""
    lines = []
    for row in record["length"]:
        costs = [1e6 * value for value in row["cpu_s"]]
        first, last = median(costs[:2]), median(costs[-5:])
        low, high = np.percentile(costs, [25, 75])
        counted = {name: n for name, n in row["saturations"].items() if n}
        lines.append(
            [
                row["name"],
                f"{len(costs) * row['block'] / 1e6:.2f} million",
                f"{first:.1f}",
                f"{last:.1f}",
                f"{low:.1f} – {high:.1f}",
                _trend(np.arange(len(costs)) * row["block"] / 1e6, np.array(costs)),
                f"{np.mean(row['accuracy'][:5]):.1f} → {np.mean(row['accuracy'][-5:]):.1f}",
                " / ".join(f"{value:g}" for value in row["sigma"][-1]),
                " / ".join(f"{value:g}" for value in row["mu"][-1]),
                "yes" if row["finite"] else "NO",
                ", ".join(f"{n:,} {name}" for name, n in counted.items()) or "none",
            ]
        )
    head = ["", "samples", "first 2 tasks, µs", "last 5 tasks, µs", "middle half of all tasks, µs"]
    head += [
        f"trend a million, from task {SETTLING + 1} on",
        "test-then-train accuracy, first 5 → last 5 tasks, %",
    ]
    head += ["mean σ of the layers at the end", "largest \\|μ\\| of the layers at the end"]
    return markdown([*head, "all finite, σ > 0", "values that met the end of their format"], lines)


def metaplastic_table(record: Record) -> str:
    """Samples/s of the metaplastic learner beside float networks, and what a step changes."""
    parts = []
    for layers in dict.fromkeys(tuple(row["layers"]) for row in record["metaplastic"]):
        rows = [row for row in record["metaplastic"] if tuple(row["layers"]) == layers]
        q8 = _named(rows, METAPLASTIC)
        lines = []
        for row in rows:
            cells = [_per_second(rate(row)), _per_second(1 / min(row["cpu_s"]))]
            cells += [_per_second(rate(row, "wall_s")), _times(ratio(q8, row))]
            if "changed" in row:
                share = 100 * row["changed"] / row["synapses"]
                cells += [f"{row['changed']:,.0f}", f"{share:.2f}", f"{100 * row['changing']:.0f}"]
            else:
                cells += ["–"] * 3
            lines.append([row["name"], *cells])
        head = ["-".join(map(str, layers)), "samples/s, CPU", "best round", "wall clock"]
        head += ["q8's kernel is × as fast", "weights changed a step", "% of all"]
        parts.append(markdown([*head, "steps that change any, %"], lines))
    return "\n".join(parts)


def bar_table(record: Record) -> str:
    """What was aimed at, and what this run reached."""
    rows = [r for r in record["speed"] if r["layers"] == [784, 50, 10] and r["n_draws"] == 10]
    names = (TORCH_LOCAL, TORCH_PLAIN, "float32, C", "q16, C", FACTORED)
    base, plain, f32, q16, factored = (_named(rows, name) for name in names)
    zeros = [r for r in record["zeros"] if r["layers"] == [784, 50, 10]]
    dense = _named([r for r in zeros if r["share"] == 0], "float32, C")
    pixels = _named([r for r in zeros if r["data"] == "pixels"], "float32, C")
    found = [
        ("float32, 784-50-10, S = 10", 6e4, rate(f32), "samples/s"),
        ("the same against PyTorch's local loop, tuned", 15, ratio(f32, base), "×"),
        ("the same against PyTorch's local loop, plain", 15, ratio(f32, plain), "×"),
        ("q16 against float32", 1, ratio(q16, f32), "×"),
        ("q16 factored against float32", 1, ratio(factored, f32), "×"),
        ("float32, 81 % zero inputs against none", 3, ratio(pixels, dense), "×"),
    ]
    lines = []
    for what, aim, got, unit in found:
        shown = _per_second(got) if aim > 1000 else f"{got:.2f}"
        verdict = "reached" if got >= aim else "missed"
        lines.append([what, f"≥ {aim:,.0f} {unit}", f"{shown} {unit}", verdict])
    return markdown(["", "aim", "this run", ""], lines)


def origin(record: Record) -> str:
    """Return what, where and when: one line for each run that sections of the record are from."""
    lines: dict[str, list[str]] = {}
    for section, made in record["origin"].items():
        line = (
            f"`{made['command']}` on {made['date']}, {made['machine']}, one thread; "
            f"Python {made['python']}, NumPy {made['numpy']}, {_packages(made)}; "
            f"C sources {made['kernel']}; load average {made['load']} before and "
            f"{made['load_after']} after, {made['seconds']} s."
        )
        lines.setdefault(line, []).append(section)
    if len(lines) == 1:
        return "".join(f"{line}\n" for line in lines)
    return "".join(f"* {', '.join(sections)}: {line}\n" for line, sections in lines.items())


def _packages(made: Record) -> str:
    """Return which of the optional packages there were, and their versions."""
    titles = {"torch": "PyTorch", "numba": "numba", "jax": "JAX"}
    return ", ".join(f"{title} {made[name]}" for name, title in titles.items() if name in made)


TABLES: dict[str, Callable[[Record], str]] = {
    "origin": origin,
    "bar": bar_table,
    "speed": speed_table,
    "bytes": bytes_table,
    "width": width_table,
    "draws": draws_table,
    "zeros": zeros_table,
    "length": length_table,
    "metaplastic": metaplastic_table,
    "rivals": rivals_table,
    "cores": cores_table,
    "along": along_table,
}


def tables(record: Record) -> Mapping[str, str]:
    """Return every table by the name of its file."""
    there = {name: name in record for name in TABLES} | {"bar": {"speed", "zeros"} <= {*record}}
    return {name: make(record) for name, make in TABLES.items() if there[name]}
