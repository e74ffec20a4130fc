"""The page of ``streamlearn fidelity``: tables, and what quantisation does along the stream."""

from __future__ import annotations

from typing import Any

from streamlearn.report.colours import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION
from streamlearn.report.figure import Figure
from streamlearn.report.page import html_page, section
from streamlearn.report.picture import Picture, on_every_sheet
from streamlearn.report.sheet import Sheet
from streamlearn.report.stream_axis import finish
from streamlearn.report.text import ABSENT, count, percent, significant, table

COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, GREY)
PAIRS = ("right %", "floats", "same %", "parted", "KL", "ECE %", "clamped")
LAYERS = ("μ, rms", "ln σ, rms", "ln σ, mean", "μ lost", "ln σ lost")
COSTS = ("right %", "same %", "μ, rms", "ln σ, rms", "ln σ, mean")


def pair_rows(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return a row per rule and format, its name first."""
    return [
        (
            name,
            f"{100 * one['accuracy']['quantised']:.2f}",
            f"{100 * one['accuracy']['reference']:.2f}",
            f"{100 * one['agreement']:.2f}",
            "never" if one["parted"] is None else count(one["parted"]),
            f"{one['kl_bits']:.2g}",
            f"{100 * (errors['quantised'] - errors['reference']):+.2f}",
            count(sum(one["saturations"].values()) - one["saturations"]["front_end"]),
        )
        for name, one in found["pairs"].items()
        for errors in (one["calibration_error"],)
    ]


def layer_rows(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return a row per rule, format and layer."""
    return [
        (
            f"{name}, {i}",
            significant(layer["mu"]),
            significant(layer["ln_sigma"]),
            signed_percent(layer["ln_sigma_bias"]),
            signed_percent(layer["lost_mu"]),
            signed_percent(layer["lost_ln_sigma"]),
        )
        for name, one in found["pairs"].items()
        for i, layer in enumerate(one["layers"])
    ]


def cost_rows(costs: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return a row per quantisation and layer; accuracy and agreement stand in the first."""
    rows: list[tuple[str, ...]] = []
    for name, one in costs.items():
        shares = tuple(f"{100 * one[share]:.2f}" for share in ("accuracy", "agreement"))
        for i, layer in enumerate(one["layers"]):
            rows.append(
                (
                    f"{name}, {i}",
                    *(shares if i == 0 else ("", "")),
                    significant(layer["mu"]),
                    significant(layer["ln_sigma"]),
                    signed_percent(layer["ln_sigma_bias"]),
                )
            )
    return rows


def signed_percent(value: float | None) -> str:
    """Return "+0.35 %", or a dash."""
    return ABSENT if value is None else f"{100 * value:+.2f} %"


def quantised_page(found: dict[str, Any]) -> str:
    """Return the page as a string.

    Parameters
    ----------
    found : dict
        ``stream``, ``pairs`` (:func:`streamlearn.fidelity.fidelity` by name) and ``costs``
        (:func:`streamlearn.fidelity.costs` by rule).
    """
    parts = {
        "pairs": "<h2>Integers against floats</h2>"
        + table(pair_rows(found), ("", *PAIRS), "numbers"),
        "difference": section(_difference(found["pairs"])),
        "layers": "<h2>Layers, from 0, at the end</h2>"
        + table(layer_rows(found), ("", *LAYERS), "numbers"),
    }
    if any(any(one["course"]["ln_sigma_bias"][-1]) for one in found["pairs"].values()):
        parts["sigma"] = section(_sigma(found["pairs"]))
    for rule, costs in found["costs"].items():
        parts[f"costs of {rule}"] = (
            f"<h2>{rule}: each quantisation alone, against none</h2>"
            + table(cost_rows(costs), ("", *COSTS), "numbers")
        )
        parts[f"picture of {rule}"] = section(_costs(rule, costs))
    return html_page(f"streamlearn fidelity: {found['stream']}", parts)


def _difference(pairs: dict[str, Any]) -> Picture:
    name, one = max(pairs.items(), key=lambda item: abs(item[1]["course"]["difference"][-1]))
    finding = (
        f"{name} ends {100 * one['course']['difference'][-1]:+.2f} points of accuracy from its "
        "float reference, the largest difference"
    )
    curves = {
        name: (one["course"]["after"], [100 * d for d in one["course"]["difference"]])
        for name, one in pairs.items()
    }
    svg = on_every_sheet(
        lambda sheet: _lines(curves, "points of accuracy\nsince the first sample", sheet),
        "difference",
        finding,
    )
    return Picture(finding, svg, "Above 0 the integers were right more often. Early means are few.")


def _sigma(pairs: dict[str, Any]) -> Picture:
    curves = {}
    for name, one in pairs.items():
        course = one["course"]
        for i in range(len(one["layers"])):
            values = [errors[i] for errors in course["ln_sigma_bias"]]
            if None not in values:
                curves[f"{name}, layer {i}"] = (course["after"], [100 * v for v in values])
    name = max(curves, key=lambda key: abs(curves[key][1][-1]))
    finding = f"σ of {name} ends {curves[name][1][-1]:+.2f} % from the reference's, in the mean"
    svg = on_every_sheet(
        lambda sheet: _lines(curves, "mean of ln σ, less the\nreference's (%)", sheet),
        "sigma",
        finding,
    )
    return Picture(finding, svg, "A curve that keeps moving is a bias; one that wanders is noise.")


def _lines(curves: dict[str, tuple[list[int], list[float]]], label: str, sheet: Sheet) -> Figure:
    figure = Figure(3.2 + 0.24 * -(-len(curves) // sheet.n_columns), sheet)
    (ax,) = figure.panels()
    ax.level(0, GREY, 0.8)
    for i, (name, (after, values)) in enumerate(curves.items()):
        colour, dashes = COLOURS[i % len(COLOURS)], ((), (4, 2))[i // len(COLOURS) % 2]
        ax.line(after, values, colour, 1.3, dashes, label=name)
    ax.y.label, ax.y.grid = label, True
    finish(ax, max(after[-1] for after, _ in curves.values()), sheet)
    figure.legend()
    return figure


def _costs(rule: str, costs: dict[str, Any]) -> Picture:
    shown = {name: one for name, one in costs.items() if name != "nothing"}
    worst = min(shown, key=lambda name: float(shown[name]["agreement"]))
    finding = (
        f"{rule}: {worst!r} changes the most decisions, {percent(1 - shown[worst]['agreement'])}"
    )
    svg = on_every_sheet(lambda sheet: _bars(shown, sheet), f"costs-{rule}", finding)
    reading = "Decisions that differ from those of the reference, in which nothing is quantised."
    return Picture(finding, svg, reading)


def _bars(costs: dict[str, Any], sheet: Sheet) -> Figure:
    figure = Figure(0.8 + 0.3 * len(costs), sheet)
    (ax,) = figure.panels()
    for row, one in enumerate(costs.values()):
        ax.box(0, row + 0.2, 100 * (1 - one["agreement"]), 0.6, BLUE)
    ax.x.label, ax.x.grid = "other decisions than the reference (%)", True
    ax.x.limit(0, max(0.1, 105 * max(1 - one["agreement"] for one in costs.values())))
    ax.y.limit(len(costs), 0)
    ax.y.name([row + 0.5 for row in range(len(costs))], list(costs))
    return figure
