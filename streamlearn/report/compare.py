"""The page that sets runs side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streamlearn.evaluation.curve import Curve
from streamlearn.evaluation.metrics import WINDOW
from streamlearn.evaluation.paired import Paired
from streamlearn.evaluation.paired_errors import PairedErrors
from streamlearn.report.accuracy import BASELINE_LOOKS, INTEGER_LOOKS
from streamlearn.report.figure import Figure
from streamlearn.report.page import html_page, section
from streamlearn.report.picture import Picture, on_every_sheet
from streamlearn.report.sheet import Sheet
from streamlearn.report.stream_axis import finish, thinned, warm_up
from streamlearn.report.text import ABSENT, count, escaped, percent, shortened, significant, table

LOOKS = (
    INTEGER_LOOKS[0],
    BASELINE_LOOKS[4],
    BASELINE_LOOKS[0],
    BASELINE_LOOKS[1],
    BASELINE_LOOKS[2],
)


@dataclass(frozen=True)
class Pair:
    """Two runs whose predictions were compared sample by sample."""

    first: str
    second: str
    found: Paired | PairedErrors


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Parameters
    ----------
    names
        Of the runs.
    figures
        Name, a value per run or None, and how it is written: count, percent, ratio or number.
    settings
        Those that differ: name, and a text per run.
    curves
        How accuracy went, by the run's name.
    pairs
        Tests against the first run.
    other
        Why the runs are not of the same samples; None: they are, as far as their folders tell.
    """

    names: list[str]
    figures: list[tuple[str, list[Any], str]]
    settings: list[tuple[str, list[str]]]
    curves: Mapping[str, Curve]
    pairs: list[Pair]
    other: str | None

    def figure_rows(self) -> list[tuple[str, ...]]:
        """Return the figures as text, the name first."""
        return [
            (name, *(written(value, kind) for value in values))
            for name, values, kind in self.figures
        ]

    def sentences(self) -> list[str]:
        """Return what follows, in words."""
        if self.other:
            return [
                f"{self.other}: figures of different samples do not say which learner is better"
            ]
        if not self.pairs:
            return [
                "whether a difference is more than chance is not known: it takes runs that were "
                "made with --predictions, all of them"
            ]
        said = [_sentence(pair) for pair in self.pairs]
        errors = [p.found for p in self.pairs if isinstance(p.found, PairedErrors)]
        said.append(
            f"Interval (95 %) and p (Diebold and Mariano) take into account that errors up to "
            f"{errors[0].lag} samples apart resemble each other. If they do so over longer "
            "stretches, the interval is too narrow and p too small."
            if errors
            else "Interval (95 %) and p (McNemar) take the samples as independent. On a stream "
            "whose samples resemble their neighbours, the interval is too narrow and p too small."
        )
        return said


def written(value: Any, kind: str) -> str:
    """Return a figure as people read it."""
    if kind == "percent":
        return percent(value)
    if kind == "count":
        return count(value)
    if value is None:
        return ABSENT
    return f"{value:.3f}" if kind == "ratio" else significant(value)


def _sentence(pair: Pair) -> str:
    found = pair.found
    chance = "p < 0.0001" if found.p_value < 1e-4 else f"p = {found.p_value:.4f}"
    if isinstance(found, PairedErrors):
        return (
            f"{pair.second} against {pair.first}: mean absolute error "
            f"{_signed(found.difference)} ({_signed(found.low)} to {_signed(found.high)}), "
            f"{chance}; {count(found.n_samples)} samples"
        )
    points = 100 * found.difference
    low, high = 100 * found.low, 100 * found.high
    return (
        f"{pair.second} against {pair.first}: {points:+.2f} points of accuracy "
        f"({low:+.2f} to {high:+.2f}), {chance}; of {count(found.n_samples)} samples only "
        f"{pair.first} was right on {count(found.only_first)}, only {pair.second} on "
        f"{count(found.only_second)}"
    )


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{significant(value)}"


def compare_page(found: Comparison) -> str:
    """Return the page as a string."""
    words = found.sentences()
    if found.other:
        top = f'<div class="verdict differs"><strong>{escaped(words[0])}</strong></div>'
    else:
        top = "".join(f"<p>{escaped(_full(sentence))}</p>" for sentence in words)
    head = ("", *found.names)
    settings = table([(name, *values) for name, values in found.settings], head, "sides")
    if not found.settings:
        settings = "<p>The settings are the same.</p>"
    picture = _draw(found.curves)
    return html_page(
        "streamlearn compare: " + ", ".join(found.names),
        {
            "words": top,
            "figures": "<h2>Figures</h2>" + table(found.figure_rows(), head, "numbers"),
            "accuracy": "" if picture is None else section(picture),
            "settings": "<h2>Settings that differ</h2>" + settings,
        },
    )


def _full(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:].rstrip(".") + "."


def _draw(curves: Mapping[str, Curve]) -> Picture | None:
    drawn = {name: curve for name, curve in curves.items() if curve.n_samples}
    if not drawn:
        return None
    best = max(drawn, key=lambda name: drawn[name].accuracy)
    top = drawn[best].accuracy
    finding = f"{best} has the highest accuracy, {percent(top)}"
    if len(drawn) > 1 and all(curve.accuracy == top for curve in drawn.values()):
        finding = f"All have the same accuracy, {percent(top)}"
    svg = on_every_sheet(lambda sheet: _figure(drawn, sheet), "compare", finding)
    window = max(WINDOW, *(curve.width for curve in drawn.values()))
    reading = (
        f"Share of right predictions among the latest {count(window)} samples, each predicted "
        "before it was learned."
    )
    return Picture(finding, svg, reading)


def _figure(curves: Mapping[str, Curve], sheet: Sheet) -> Figure:
    figure = Figure(3.3 + 0.24 * -(-len(curves) // sheet.n_columns), sheet)
    (ax,) = figure.panels()
    end = max(curve.n_samples for curve in curves.values())
    for i, (name, curve) in enumerate(curves.items()):
        look = LOOKS[i % len(LOOKS)]
        after, accuracy = curve.over_time(WINDOW)
        begin = min(warm_up(end), len(after) - 1) if curve.width == 1 else 0
        at = thinned(len(after), sheet.max_points, begin)
        label = shortened(name, sheet.n_chars // sheet.n_columns)
        ax.line(after[at], 100 * accuracy[at], look.colour, 1.3, look.dashes, label=label)
    ax.y.limit(0, 102)
    ax.y.label, ax.y.grid = "right of the latest (%)", True
    finish(ax, end, sheet)
    figure.legend()
    return figure
