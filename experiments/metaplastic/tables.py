"""The tables of the experiments on binarized metaplastic networks (docs/reproduction.md)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from experiments.tables import Record, cell, markdown

Group = tuple[str, tuple[int, ...], int]

NAMES = {
    "m0": "m = 0",
    "m0.5": "m = 0.5",
    "m1": "m = 1",
    "m1.35": "m = 1.35",
    "m2.5": "m = 2.5",
    "m3": "m = 3",
    "m4": "m = 4",
    "m5.4": "m = 5.4",
    "ewc": "EWC",
    "random": "random consolidation",
}


def group_of(record: Record) -> Group:
    """Return data, layers and epochs: what runs must share to stand side by side."""
    identity = record["identity"]
    return identity["data"], tuple(identity["layers"]), int(identity["epochs"])


def grouped(records: Sequence[Record]) -> dict[Group, dict[str, list[Record]]]:
    """Return the records by group and algorithm, in the order of :data:`NAMES`."""
    found: dict[Group, dict[str, list[Record]]] = {}
    for group in sorted({group_of(record) for record in records}):
        for name in [*NAMES, *(f"{name}-all" for name in NAMES)]:
            mine = [
                record
                for record in records
                if group_of(record) == group and record["identity"]["algorithm"] == name
            ]
            if mine:
                found.setdefault(group, {})[name] = mine
    return found


def network(group: Group) -> str:
    """Return the layers as they are written in the text."""
    return "-".join(map(str, group[1]))


def furthest(records: Sequence[Record]) -> tuple[int, list[Record]]:
    """Return the most tasks that any run was measured after, and the runs that got there."""
    tasks = max(int(at) for record in records for at in record["windows"])
    return tasks, [record for record in records if str(tasks) in record["windows"]]


def permuted_table(records: Sequence[Record]) -> str:
    """Two tables: accuracy under each use of the normalisation's states; cost."""
    rows, costs = [], []
    for group, algorithms in grouped(records).items():
        for name, some in algorithms.items():
            tasks, mine = furthest(some)
            found = [record["windows"][str(tasks)] for record in mine]
            setting = [NAMES[name], network(group), str(group[2]), f"{tasks} × {len(mine)}"]
            row = list(setting)
            for state in ("present", "own"):
                row.append(cell([mean(one[state]) for one in found]))
                row.append(cell([one[state][0] for one in found]))
            row.append(cell([one["present"][-1] for one in found]))
            for state in ("present_batch", "own_batch"):
                row.append(cell([mean(one[state]) for one in found if state in one]))
            rows.append(row)
            seconds = [sum(record["train_s"][:tasks]) for record in mine]
            n_samples = tasks * group[2] * (mine[0]["identity"]["limit"] or 60_000)
            speed = f"{n_samples / max(mean(seconds), 1e-9):,.0f}"
            where = ", ".join(sorted({s["device"] for r in mine for s in r["sessions"]}))
            costs.append([*setting, f"{mean(seconds) / 60:.1f}", speed, where])
    head = ["", "network", "epochs", "tasks × seeds", "one state: mean %", "first task %"]
    head += ["a state a task: mean %", "first task %", "last task %"]
    head += ["one state, batch statistics: mean %", "a state a task, batch statistics: mean %"]
    first = markdown(head, rows)
    head = ["", "network", "epochs", "tasks × seeds", "training, minutes a seed", "samples/s", "on"]
    return f"{first}\n{markdown(head, costs)}"


def stream_table(records: Sequence[Record]) -> str:
    """Subsets one after the other against all data at once."""
    rows = []
    for group, algorithms in grouped(records).items():
        for name in NAMES:
            row = [NAMES[name], group[0], network(group)]
            finals: list[list[float]] = []
            for kind in (name, f"{name}-all"):
                mine = algorithms.get(kind, [])
                done, whole = furthest(mine) if mine else (0, [])
                finals.append([record["newest"][done - 1][-1] for record in whole])
                trained = [record["windows"][str(done)]["train"] for record in whole]
                row += [f"{done} × {len(whole)}", cell(finals[-1]), cell(trained)]
            if all(finals):
                row.append(f"{mean(finals[0]) - mean(finals[1]):+.2f}")
                rows.append(row)
            elif any(finals):
                rows.append([*row, "–"])
    head = ["", "data", "network", "subsets × seeds", "subsets: test %", "train %"]
    head += ["epochs × seeds", "at once: test %", "train %", "subsets minus at once"]
    return markdown(head, rows)


def importance_table(records: Sequence[Record]) -> str:
    """The lowest, the middle and the highest full bin of each layer."""
    rows = []
    for group, algorithms in grouped(records).items():
        for name, some in algorithms.items():
            epochs, mine = furthest(some)
            found = [record["windows"][str(epochs)] for record in mine]
            for layer in range(len(group[1]) - 1):
                for title, place in (("smallest", 0), ("middle", 1), ("largest", 2)):
                    bins = [_three(one["layers"][layer]["bins"])[place] for one in found]
                    tops = [one["layers"][layer]["largest"] for one in found]
                    low = mean(b["bin"] * t / 15 for b, t in zip(bins, tops, strict=True))
                    high = mean((b["bin"] + 1) * t / 15 for b, t in zip(bins, tops, strict=True))
                    rows.append(
                        [
                            NAMES[name],
                            f"{network(group)}, {epochs} epochs, {len(mine)} "
                            f"seed{'s' * (len(mine) > 1)}",
                            str(layer + 1),
                            title,
                            f"{low:.3g} to {high:.3g}",
                            f"{mean(b['weights'] for b in bins):,.0f}",
                            f"{mean(b['switched'] for b in bins):,.0f}",
                            f"{1e6 * mean(b['loss'][0] for b in bins):.3g} ± "
                            f"{1e6 * mean(b['loss'][1] for b in bins):.2g}",
                            f"{mean(b['accuracy'][0] for b in bins):.2f} ± "
                            f"{mean(b['accuracy'][1] for b in bins):.2f}",
                        ]
                    )
    head = ["", "network", "layer", "bin", "hidden magnitude", "weights in it", "switched"]
    head += ["loss added a switched weight, 10⁻⁶", "accuracy lost, points"]
    return markdown(head, rows)


def _three(bins: Sequence[Record]) -> tuple[Record, Record, Record]:
    """Return the first, the middle and the last bin that have as many weights as are switched."""
    most = max(one["switched"] for one in bins)
    full = [one for one in bins if one["switched"] == most]
    return full[0], full[len(full) // 2], full[-1]


def quadratic_table(records: Sequence[Record]) -> str:
    """Two tables: the two weights; the relation among 500."""
    two, many = ([], [])  # type: tuple[list[list[str]], list[list[str]]]
    for record in records:
        found = record["windows"]["1"]
        if record["identity"]["algorithm"] == "two-weights":
            for i, target in enumerate(found["target"]):
                path = found["path"][i]
                steady = found["steady"][i]
                two.append(
                    [
                        f"{i + 1}",
                        f"{target:g}",
                        "diverges" if steady else "oscillates",
                        f"{path[-1]:.3f}",
                        f"{100 * mean(value >= 0 for value in path):.1f}",
                        f"{found['growth'][i]:.4f}",
                        f"{found['importance'][i]:.3f}",
                        f"{found['predicted'][i]:.3f}" if steady else "–",
                    ]
                )
            continue
        many.append(
            [
                str(record["identity"]["seed"]),
                f"{found['outside']}",
                f"{found['steady']}",
                f"{found['steady_outside']}",
                f"{found['correlation']:.3f}",
                f"{found['correlation_steady']:.4f}",
                f"{found['slope']:.2f}",
                f"{2 / found['lr']:.0f}",
                f"{found['largest_error']:.1e}",
            ]
        )
    head = ["weight", "W*", "W_h", "W_h after 500 steps", "steps with sign +, %"]
    head += ["growth of abs W_h a step", "mean ΔL", "2 H_ii + (2/lr) growth"]
    first = markdown(head, two)
    head = ["seed", "abs W* > 1", "keep their sign", "both", "correlation of abs W_h and ΔL, all"]
    head += ["of growth and mean ΔL, those that keep", "slope", "2/lr", "largest error, exact"]
    return f"{first}\n{markdown(head, many)}"
