"""The tables of the experiments, published numbers beside ours (docs/reproduction.md)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from experiments.mesu.measures import FIVE, LATE, LATE_STATES, Summary, summarise
from experiments.mesu.runs import WINDOW
from experiments.tables import Record, cell, markdown, of

NAMES = {
    "mesu": "MESU, float32",
    "mesu-weights": "MESU, float32, weights drawn",
    "mesu-noisy": "MESU, float32, and σ's noise",
    "mesu-q16": "MESU, q16",
    "mesu-factored": "MESU, σ² = row · column, float32",
    "mesu-factored-q16": "MESU, σ² = row · column, q16",
    "bgd": "BGD (FOO-VB Diagonal)",
    "si": "SI",
    "ewc-online": "online EWC",
    "ewc-stream": "stream EWC",
    "sgd": "SGD",
}
#: What is drawn, in pictures and tables of their own.
SAMPLED = ("mesu", "mesu-weights", "mesu-noisy")
#: last task, newest five after 200 tasks, OOD AUC against Fashion-MNIST: the authors'
#: notebooks.
PUBLISHED = {
    "mesu": ("94.68 ± 0.14", "91.34", "0.94"),
    "bgd": ("68.80 ± 1.94", "68.66", "0.61"),
    "si": ("91.09 ± 0.61", "86.96", "0.87"),
    "ewc-online": ("92.75 ± 0.29", "88.54", "0.87"),
    "ewc-stream": ("93.30 ± 0.43", "65.73", "0.90"),
    "sgd": ("93.10 ± 0.22", "55.36", "0.86"),
}
#: newest twenty, all tasks, the five-before curve averaged over time, where they are known.
PUBLISHED_MORE = {"mesu": ("57.26", "15.58", "88.75"), "bgd": ("–", "40.15", "77.69")}
#: N and width: newest five, AUC, newest twenty, AUC; the authors' notebooks.
PUBLISHED_WINDOW = {
    (1.8e5, 50): (86.86, 0.972, 37.75, 0.968),
    (3e5, 50): (91.34, 0.941, 57.26, 0.955),
    (6e5, 50): (89.47, 0.897, 66.03, 0.911),
    (1.2e6, 50): (87.40, 0.881, 70.46, 0.889),
    (1e15, 50): (69.28, 0.593, 64.35, 0.605),
    (1.8e5, 256): (82.01, 0.954, 32.74, 0.948),
    (3e5, 256): (88.71, 0.952, 42.63, 0.956),
    (6e5, 256): (93.06, 0.946, 61.64, 0.946),
    (1.2e6, 256): (92.99, 0.913, 74.44, 0.924),
    (1e15, 256): (87.00, 0.833, 77.83, 0.852),
}
#: Bytes that one weight takes in the state of a device.
BYTES = {"mesu": 8, "mesu-q16": 4, "mesu-factored": 4, "mesu-factored-q16": 2}
MILESTONES = (1, 20, 50, 100, 150, 200)


def by_algorithm(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Return the records of each algorithm, in the order of the tables."""
    found: dict[str, list[Record]] = {}
    for name in NAMES:
        if mine := of(records, algorithm=name):
            found[name] = mine
    return found


def pmnist_table(records: Sequence[Record]) -> str:
    """Three tables: accuracy, ours below the published; uncertainty; cost."""
    found = [
        (name, mine, summary)
        for name, mine in by_algorithm(records).items()
        if (summary := summarise(mine)) is not None
    ]
    accuracies: list[list[str]] = []
    areas: list[list[str]] = []
    costs: list[list[str]] = []
    for name, mine, summary in found:
        last, last5, area = PUBLISHED.get(name, ("–",) * 3)
        paper = [last, last5, *PUBLISHED_MORE.get(name, ("–",) * 3), "–", "–"]
        if name in PUBLISHED:
            accuracies.append([NAMES[name], "paper", "200 × 5", *paper])
        measured = ("last", "last5", "last20", "all", "five_before", "five_over_time", "five_late")
        cells = [summary.cell(key) for key in measured]
        accuracies.append([NAMES[name], "ours", summary.extent, *cells])
        keys = ("auc5", "auc", "auc_plain", "auc_unseen", "aleatoric", "ece")
        cells = [summary.cell(key, 3) for key in keys]
        areas.append([NAMES[name], summary.extent, area, *cells])
        seconds = mean(summary.values["train_s"])
        speed = summary.tasks * _samples_per_task(mine) / max(seconds, 1e-9)
        row = [NAMES[name], summary.extent, f"{seconds / 60:.1f}", f"{speed:,.0f}"]
        costs.append([*row, summary.cell("growth", 3)])
    head = ["", "", "tasks × seeds", "last task %", "newest 5 %", "newest 20 %", "all %"]
    more = ["five before, over time %", "newest 5, over time %", f"newest 5, last {LATE} tasks %"]
    first = markdown([*head, *more], accuracies)
    foreign = records[0]["identity"].get("foreign", "CIFAR")
    head = ["", "tasks × seeds", "paper: AUC, 5, Fashion"]
    head += [f"AUC, 5, {foreign}", f"AUC, 1, {foreign}", f"AUC, 1, {foreign} unpermuted"]
    more = ["AUC, 1, unseen permutation", f"aleatoric AUC, 1, {foreign}"]
    second = markdown([*head, *more, "calibration error, 1"], areas)
    head = ["", "tasks × seeds", "training, CPU minutes a seed", "samples/s"]
    head.append(f"time a task, last {WINDOW} over first {WINDOW}")
    return f"{first}\n{second}\n{markdown(head, costs)}"


def sampling_table(records: Sequence[Record]) -> str:
    """What is drawn, and what it does to old tasks; the AUC against Fashion-MNIST's images."""
    accuracies: list[list[str]] = [
        ["paper, weights drawn", "200 × 5", "94.68 ± 0.14", "91.34", "57.26", "–", "–", "–"]
    ]
    areas: list[list[str]] = [["paper", "200 × 5", "–", "0.941", "0.955", "–", "–", "–"]]
    for name, mine in by_algorithm(records).items():
        summary = summarise(mine)
        if summary is None:
            continue
        keys = ("last", "last5", "last20", "last20_late")
        row = [NAMES[name], summary.extent, *(summary.cell(key) for key in keys)]
        sigma = [record["sigma"][summary.tasks - 1][0] for record in mine[: len(summary.seeds)]]
        speed = summary.tasks * _samples_per_task(mine) / mean(summary.values["train_s"])
        accuracies.append([*row, cell(sigma, 3), f"{speed:,.0f}"])
        of_areas = ("auc", "auc5", "auc20", "auc_plain", "plain5", "plain20")
        areas.append([NAMES[name], summary.extent, *(summary.cell(key, 3) for key in of_areas)])
    head = ["what is drawn", "tasks × seeds", "last task %", "newest 5 %", "newest 20 %"]
    head += [f"newest 20, states of the last {LATE_STATES} tasks %", "mean σ, layer 1", "samples/s"]
    first = markdown(head, accuracies)
    head = ["AUC, Fashion", "tasks × seeds"]
    head += [f"permuted, {n}" for n in (1, 5, 20)] + [f"as it is, {n}" for n in (1, 5, 20)]
    return f"{first}\n{markdown(head, areas)}"


def _samples_per_task(records: Sequence[Record]) -> int:
    return min(record["identity"]["limit"] or 60_000 for record in records)


def window_table(records: Sequence[Record]) -> str:
    """Memory window by width: published / ours."""
    rows = []
    for (window, width), published in PUBLISHED_WINDOW.items():
        summary = summarise(of(records, memory_window=window, layers=[784, width, 10]))
        if summary is None:
            continue
        cells = [f"{window:.2g}".replace("e+0", "e").replace("e+", "e"), str(width), summary.extent]
        for value, key in zip(published, ("last5", "auc5", "last20", "auc20"), strict=True):
            decimals = 3 if key.startswith("auc") else 2
            cells += [f"{value:.{decimals}f}", summary.cell(key, decimals)]
        rows.append(cells)
    head = ["N", "hidden", "tasks × seeds"]
    for name in ("newest 5 %", "AUC 5", "newest 20 %", "AUC 20"):
        head += [f"{name}, paper", f"{name}, ours"]
    return markdown(head, rows)


def plasticity_table(records: Sequence[Record]) -> str:
    """Accuracy on the last task and mean σ of each layer along the tasks."""
    rows = []
    for name, mine in by_algorithm(records).items():
        reached = min(int(record["tasks_done"]) for record in mine)
        for tasks in (t for t in MILESTONES if t <= reached):
            newest = [record["newest"][tasks - 1][-1] for record in mine]
            row = [NAMES[name], str(len(mine)), str(tasks), f"{mean(newest):.2f}"]
            for layer in range(len(mine[0]["identity"]["layers"]) - 1):
                row.append(f"{mean(r['sigma'][tasks - 1][layer] for r in mine):.4f}")
            rows.append(row)
    head = ["", "seeds", "after task", "last task %", "mean σ, layer 1", "mean σ, layer 2"]
    return markdown(head, rows)


def fixed_point_table(records: Sequence[Record]) -> str:
    """Fixed point against float32 on the seeds and tasks that both have: at the end, and along."""
    found = by_algorithm(records)
    rows = []
    for name, mine in found.items():
        common = _common(found.get("mesu", []), mine)
        if common is None:
            continue
        base, ours = common
        row = [NAMES[name], str(BYTES[name]), ours.extent]
        for key in ("last", "last5", "last20", "all"):
            row.append(ours.cell(key))
            if key != "all":
                gap = [a - b for a, b in zip(ours.of(key), base.of(key), strict=True)]
                row.append(f"{mean(gap):+.2f}" if gap else "–")
        counts: dict[str, int] = {}
        for record in mine:
            for what, count in record["counters"].items():
                counts[what] = counts.get(what, 0) + count
        row.append(", ".join(f"{n:,} {what}" for what, n in counts.items() if n) or "none")
        rows.append(row)
    head = ["", "bytes per weight", "tasks × seeds"]
    for title in ("last task %", "newest 5 %", "newest 20 %"):
        head += [title, "minus float32"]
    end = markdown([*head, "all %", "values that met the end of their format"], rows)
    return f"{end}\n{_along_table(found)}"


def _along_table(found: dict[str, list[Record]]) -> str:
    """The same differences averaged over all full measures of a run: one state alone is noisy."""
    base = {record["identity"]["seed"]: record for record in found.get("mesu", [])}
    rows = []
    for name, mine in found.items():
        pairs = [(r, base[r["identity"]["seed"]]) for r in mine if r["identity"]["seed"] in base]
        pairs = [(a, b) for a, b in pairs if a["windows"].keys() & b["windows"].keys()]
        if name == "mesu" or not pairs:
            continue
        row = [NAMES[name], str(len(pairs))]
        for newest in (1, FIVE, WINDOW):
            gaps = [mean(_gaps(ours, theirs, newest)) for ours, theirs in pairs]
            row.append(cell(gaps, sign="+"))
        for layer in range(len(pairs[0][0]["sigma"][-1])):
            gaps = [100 * _sigma_gap(ours, theirs, layer) for ours, theirs in pairs]
            row.append(cell(gaps, sign="+"))
        rows.append(row)
    title = "minus float32, mean over the states after 20, 40, … tasks: "
    head = ["", "seeds", f"{title}last task", "newest 5", "newest 20"]
    return markdown([*head, "mean σ of layer 1 at the end, %", "of layer 2, %"], rows)


def _sigma_gap(ours: Record, theirs: Record, layer: int) -> float:
    """Return how far a layer's mean σ is from the other's after the tasks that both have."""
    a, b = (record["sigma"][min(map(len, (ours["sigma"], theirs["sigma"]))) - 1][layer]
            for record in (ours, theirs))  # fmt: skip
    return float(a / b - 1)


def _gaps(ours: Record, theirs: Record, newest: int) -> list[float]:
    """Return the difference of accuracy on the last tasks after each full measure of both."""
    both = ours["windows"].keys() & theirs["windows"].keys()
    tails = [
        [record["windows"][tasks]["accuracy"][-newest:] for record in (ours, theirs)]
        for tasks in both
    ]
    return [mean(a) - mean(b) for a, b in tails]


def _common(base: Sequence[Record], other: Sequence[Record]) -> tuple[Summary, Summary] | None:
    """Return summaries of both over the seeds and the number of tasks that they share."""
    seeds = {r["identity"]["seed"] for r in base} & {r["identity"]["seed"] for r in other}
    pairs = [[r for r in some if r["identity"]["seed"] in seeds] for some in (base, other)]
    at = [set(map(int, record["windows"])) for some in pairs for record in some]
    shared = set.intersection(*at) if at else set()
    if not shared:
        return None
    cut = [[_until(record, max(shared)) for record in some] for some in pairs]
    first, second = summarise(cut[0]), summarise(cut[1])
    return None if first is None or second is None else (first, second)


def _until(record: Record, tasks: int) -> Record:
    windows = {at: values for at, values in record["windows"].items() if int(at) <= tasks}
    return {**record, "windows": windows}
