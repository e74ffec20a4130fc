"""The pictures of the bench: every stream against SGD, and mean ranks."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes

from experiments.pictures import legend_above, svg
from experiments.streams.analysis import Results
from experiments.streams.records import unpack
from experiments.streams.sources import SOURCES
from experiments.tables import Record
from streamlearn.report import colours
from streamlearn.report import svg as style

#: By title of a line: colour, mark and size.
MARKS = {
    "MESU": (colours.BLUE, "o", 6.5),
    "MESU with memory": (colours.GREEN, "s", 5.5),
    "binary rule": (colours.PURPLE, "D", 4.5),
    "logistic regression": (colours.GREY, "x", 5.0),
    "nearest of 18 KB": (colours.ORANGE, "^", 5.5),
    "adaptive random forest": (colours.VERMILLION, "v", 5.5),
}
#: Points beyond which a mark stands at the edge.
EDGE = 15.0
OURS = ("MESU", "binary rule")


def pictures(record: Record) -> Mapping[str, str]:
    """Return both pictures by name."""
    results = Results(unpack(record["runs"]))
    return {"picture": against_sgd(results), "ranks": ranks_picture(results)}


def against_sgd(results: Results) -> str:
    """Draw, for each stream, how many points each learner is above SGD of MESU's shape."""
    streams = list(reversed(results.streams))
    sgd = results.best("sgd", results.streams, "accuracy")
    with style.drawing():
        figure = style.new_figure(1.4 + 0.27 * len(streams))
        ax = figure.subplots()
        for line in results.lines():
            if line.title not in MARKS or sgd is None:
                continue
            colour, mark, size = MARKS[line.title]
            found = [results.differences(line.name, sgd.name, stream) for stream in streams]
            points = [
                (min(max(sum(d) / len(d), -EDGE), EDGE), place)
                for place, d in enumerate(found)
                if d
            ]
            if points:
                across, up = zip(*points, strict=True)
                ax.plot(across, up, mark, color=colour, ms=size, label=line.title, mew=1.3)
        _windows(ax, results, streams, "" if sgd is None else sgd.name)
        ax.axvline(0, color=colours.INK, lw=0.9)
        ax.set_xlim(-EDGE - 0.8, EDGE + 0.8)
        ax.set_ylim(-0.7, len(streams) - 0.3)
        ax.set_yticks(range(len(streams)), streams)
        ax.grid(axis="y", color=colours.GRID, lw=0.7)
        ax.set_axisbelow(True)
        for place in range(1, len(streams)):
            if SOURCES[streams[place]].kind != SOURCES[streams[place - 1]].kind:
                ax.axhline(place - 0.5, color=colours.FAINT, lw=0.8, ls="--")
        setting = "" if sgd is None else f" (rate {sgd.setting}, the best single one)"
        ax.set_xlabel(f"points of accuracy above SGD of MESU's shape{setting}")
        if ax.get_legend_handles_labels()[0]:
            legend_above(ax)
        return svg(figure)


def _windows(ax: Axes, results: Results, streams: list[str], sgd: str) -> None:
    """Draw the reference: MESU at the best fixed window of each stream."""
    points = []
    for place, stream in enumerate(streams):
        window = results.best_window(stream)
        found = results.differences(window[0], sgd, stream) if window else []
        if found:
            points.append((min(max(sum(found) / len(found), -EDGE), EDGE), place))
    if points:
        across, up = zip(*points, strict=True)
        label = "MESU, best window for each"
        ax.plot(across, up, "|", color=colours.INK, ms=11, mew=1.4, label=label)


def ranks_picture(results: Results) -> str:
    """Draw the mean ranks; a bar is as long as what chance may give."""
    ranks = sorted(results.ranks().items(), key=lambda item: -item[1])
    with style.drawing():
        figure = style.new_figure(1.0 + 0.27 * max(2, len(ranks)))
        ax = figure.subplots()
        for place, (title, rank) in enumerate(ranks):
            ours = title.startswith(OURS)
            ax.plot(rank, place, "o", color=colours.BLUE if ours else colours.ORANGE, ms=6.5)
        if len(ranks) > 1:
            best, wide = ranks[-1][1], results.critical_difference(len(ranks))
            ax.axvspan(best, best + wide, color=colours.GRID, lw=0)
        ax.set_yticks(range(len(ranks)), [title for title, _ in ranks])
        ax.grid(axis="y", color=colours.GRID, lw=0.7)
        ax.set_axisbelow(True)
        ax.set_xlabel(f"mean rank over {len(results.streams)} streams; within the band: by chance")
        return svg(figure)
