"""The pictures of the experiments on binarized metaplastic networks."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from experiments.metaplastic.quadratic import BINS, two_weights
from experiments.metaplastic.tables import NAMES, Group, furthest, grouped, network
from experiments.pictures import legend_above, svg
from experiments.tables import Record
from streamlearn.report import colours
from streamlearn.report import svg as style

COLOURS = dict(
    zip(
        NAMES,
        (
            colours.VERMILLION,
            colours.ORANGE,
            colours.SKY,
            colours.BLUE,
            colours.BLUE,
            colours.YELLOW,
            colours.PURPLE,
            colours.GREY,
            colours.GREEN,
            colours.BLACK,
        ),
        strict=True,
    )
)


def _main(records: Sequence[Record]) -> tuple[Group, dict[str, list[Record]]]:
    """Return the group with the most runs: a picture is of one network."""
    groups = grouped(records)
    return max(groups.items(), key=lambda item: sum(map(len, item[1].values())))


def permuted_picture(records: Sequence[Record]) -> str:
    """Accuracy on each task after the last, by one state and by a state a task."""
    with style.drawing():
        figure = style.new_figure(6.0)
        above, below = figure.subplots(2, 1, sharex=True, sharey=True)
        group, algorithms = _main(records)
        for ax, state, label in (
            (above, "present", "one normalisation state, %"),
            (below, "own", "a state a task, %"),
        ):
            for name, some in algorithms.items():
                tasks, mine = furthest(some)
                rows = [record["windows"][str(tasks)][state] for record in mine]
                heights = [mean(column) for column in zip(*rows, strict=True)]
                at = range(1, len(heights) + 1)
                ax.plot(at, heights, "-o", color=COLOURS[name], ms=3, lw=1.1, label=NAMES[name])
            ax.set_ylabel(label)
        legend_above(above)
        below.set_xlabel(
            f"task, tested after the last ({network(group)}, {group[2]} epochs per task)"
        )
        return svg(figure)


def stream_picture(records: Sequence[Record]) -> str:
    """Test accuracy along the subsets; dashed: all data at once, after its last epoch."""
    with style.drawing():
        figure = style.new_figure(3.6)
        ax = figure.subplots()
        group, algorithms = _main(records)
        for name, mine in algorithms.items():
            shortest = min(len(record["newest"]) for record in mine)
            curve = [mean(r["newest"][t][-1] for r in mine) for t in range(shortest)]
            base = name.removesuffix("-all")
            if base == name:
                at = range(1, shortest + 1)
                ax.plot(at, curve, color=COLOURS[base], lw=1.1, label=f"{NAMES[base]}, subsets")
            else:
                label = f"{NAMES[base]}, all at once"
                ax.axhline(curve[-1], color=COLOURS[base], ls="--", lw=1.1, label=label)
        ax.set_xlabel(f"subsets learned ({group[0]}, {network(group)})")
        ax.set_ylabel("test accuracy, %")
        legend_above(ax, 2)
        return svg(figure)


def importance_picture(records: Sequence[Record]) -> str:
    """Loss added a switched weight against hidden magnitude, one panel a layer."""
    with style.drawing():
        group, algorithms = _main(records)
        depth = len(group[1]) - 1
        figure = style.new_figure(2.1 * depth)
        panels = np.atleast_1d(figure.subplots(depth, 1, sharex=True))
        for name, some in algorithms.items():
            epochs, mine = furthest(some)
            for layer, ax in enumerate(panels):
                found: dict[int, list[Record]] = {}
                for record in mine:
                    for one in record["windows"][str(epochs)]["layers"][layer]["bins"]:
                        found.setdefault(one["bin"], []).append(one)
                ax.errorbar(
                    [(number + 0.5) / BINS for number in sorted(found)],
                    [1e6 * mean(b["loss"][0] for b in found[n]) for n in sorted(found)],
                    [1e6 * mean(b["loss"][1] for b in found[n]) for n in sorted(found)],
                    fmt="-o",
                    color=COLOURS[name],
                    ms=3,
                    lw=1.1,
                    label=NAMES[name],
                )
                ax.set_ylabel(f"layer {layer + 1}, 10⁻⁶")
        legend_above(panels[0])
        panels[-1].set_xlabel("hidden magnitude, of the layer's largest")
        figure.supylabel("loss added by one switched weight", fontsize=10)
        return svg(figure)


def _contours(ax: Axes) -> None:
    """Draw where the loss of two weights is equal."""
    problem = two_weights()
    x, y = np.meshgrid(np.linspace(-1.5, 17, 200), np.linspace(-1.2, 1.2, 60))
    apart = np.stack([x, y], axis=-1) - problem.target
    height = np.einsum("...i,ij,...j->...", apart, problem.h, apart) / 2
    ax.contour(x, y, height, levels=[0.5, 2, 8, 32, 128], colors=colours.FAINT, linewidths=0.7)


def quadratic_picture(records: Sequence[Record]) -> str:
    """Two hidden weights on their way; importance against magnitude among 500."""
    with style.drawing():
        figure = style.new_figure(6.0)
        above, below = figure.subplots(2, 1)
        many = []
        for record in records:
            found = record["windows"]["1"]
            if record["identity"]["algorithm"] != "two-weights":
                many.append(found)
                continue
            x, y = found["path"]
            _contours(above)
            above.add_patch(Rectangle((-1, -1), 2, 2, facecolor="none", edgecolor=colours.GREY))
            above.plot(
                x[:40], y[:40], "-o", color=colours.BLUE, ms=2.5, lw=0.9, label="W_h, 40 steps"
            )
            above.plot(*found["target"], "*", color=colours.VERMILLION, ms=9, label="W*")
        above.set_xlabel("first hidden weight")
        above.set_ylabel("second")
        above.legend()
        for place, found in enumerate(many):
            if not place:
                below.plot(found["magnitude"], found["importance"], ".", color=colours.FAINT, ms=3)
            bins = [one for one in found["bins"] if one[1] > 1]
            below.errorbar(
                [(one[0] + 0.5) / BINS for one in bins],
                [one[2] for one in bins],
                [one[3] for one in bins],
                fmt="o",
                color=colours.PURPLE if place else colours.BLUE,
                ms=3,
                lw=0.9,
                alpha=0.4 if place else 1.0,
            )
        below.set_xlabel("hidden magnitude, of the largest")
        below.set_ylabel("loss added by the switch")
        return svg(figure)
