"""The page: verdict, tables and pictures in the order in which a reader asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike

from quant.durable import write_durably
from streamlearn.report import figures, regression, run_tables, tables
from streamlearn.report.accuracy import draw_accuracy
from streamlearn.report.confusion import draw_confusion
from streamlearn.report.css import CSS
from streamlearn.report.data import ReportData
from streamlearn.report.engines import joined
from streamlearn.report.fidelity import draw_fidelity
from streamlearn.report.glossary import GLOSSARY
from streamlearn.report.health import draw_health
from streamlearn.report.history import draw_history
from streamlearn.report.instructions import draw_instructions
from streamlearn.report.memory import draw_memory
from streamlearn.report.picture import Picture
from streamlearn.report.regression_pictures import draw_errors, draw_intervals, draw_points
from streamlearn.report.text import count, escaped
from streamlearn.report.uncertainty import draw_uncertainty
from streamlearn.report.verdict import judge

#: Pictures that a page of a comparison never has.
OF_A_RUN = (
    "uncertainty over the stream", "health over the stream",
    "error over the stream", "predicted against true", "intervals",
)  # fmt: skip
MARKS = {"same": "✓", "differs": "✗", "unknown": "–"}
PICTURES = (
    ("accuracy over the stream", draw_accuracy),
    ("error over the stream", draw_errors),
    ("predicted against true", draw_points),
    ("intervals", draw_intervals),
    ("integers against floating point", draw_fidelity),
    ("uncertainty over the stream", draw_uncertainty),
    ("health over the stream", draw_health),
    ("weights over the stream", draw_history),
    ("memory", draw_memory),
    ("confusion matrix", draw_confusion),
    ("instructions", draw_instructions),
)
PICTURE_NAMES = tuple(name for name, _ in PICTURES)


def write_report(path: str | PathLike[str], data: ReportData) -> None:
    """Write one HTML page that loads nothing from elsewhere.

    Parameters
    ----------
    path
        File to write, in a folder that exists; an old file is overwritten.
    data
        What to show. What an interrupted run did not reach is left out, and the page says so.

    Raises
    ------
    OSError
        The file cannot be written.

    Notes
    -----
    Equal data give equal bytes. Curves are thinned to 600
    points, which keeps the page far below 1.5 MB for streams of any length.
    """
    write_durably(path, render(data))


def render(data: ReportData) -> str:
    """Return the page as a string."""
    return html_page(data.title, {**quick_parts(data), **pictures(data), **rest(data)})


def quick_parts(data: ReportData) -> dict[str, str]:
    """Return what stands above the pictures, by name: it costs next to nothing."""
    if data.targets is not None:
        return regression.quick_parts(data)
    return {
        "sub": f'<p class="sub">{escaped(_sub(data))}</p>',
        "verdict": _verdict(data) if data.compares else "",
        "advice": figures.advice_box(data),
        "summary": "<h2>Summary</h2>\n" + tables.summary(data) + run_tables.beside(data),
        "kappas": figures.kappas(data),
        "device": tables.device(data),
    }


def pictures(data: ReportData) -> dict[str, str]:
    """Return the pictures, by name; what has no data is empty."""
    drawn = [(name, draw(data)) for name, draw in PICTURES]
    missing = [name for name, found in drawn if found is None and name not in OF_A_RUN]
    missing = missing if data.compares else []
    left_out = f"Not drawn, the data is missing: {escaped(joined(missing))}."
    return {
        **{name: "" if found is None else section(found) for name, found in drawn},
        "left out": f'<p class="left-out">{left_out}</p>' if missing else "",
    }


def picture_part(name: str, data: ReportData) -> str:
    """Return one of the pictures, by its name in `PICTURE_NAMES`; empty without data."""
    found = dict(PICTURES)[name](data)
    return "" if found is None else section(found)


def rest(data: ReportData) -> dict[str, str]:
    """Return what stands below the pictures, by name."""
    return {
        "classes": figures.classes(data),
        "dropped": run_tables.dropped(data),
        "saturations": tables.saturations(data),
        "bytes": run_tables.memory(data),
        "hashes": tables.hashes(data),
        "configuration": tables.configuration(data),
    }


def html_page(title: str, parts: Mapping[str, str], head: str = "", *, empty: bool = False) -> str:
    """Return a whole page: a heading, parts in their order, and a glossary of the words in them.

    Parameters
    ----------
    title
        Not escaped.
    parts
        HTML by name; each stands in an element of its own, whose ``data-part`` is the name.
    head
        HTML that the page's head has beside title and style.
    empty
        Whether parts without content have their place too, to be filled later.
    """
    shown = {name: html for name, html in parts.items() if html or empty}
    body = [
        f"<h1>{escaped(title)}</h1>",
        *(f'<div data-part="{escaped(name)}">{html}</div>' for name, html in shown.items()),
        glossary(" ".join(parts.values())),
    ]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escaped(title)}</title>",
            f"<style>{CSS}</style>",
            *([head] if head else []),
            "</head>",
            "<body>",
            "<main>",
            *body,
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _sub(data: ReportData) -> str:
    n, done = data.n, _n_done(data)
    text = f"{count(n)} samples, {count(len(data.classes))} classes"
    rules = dict.fromkeys(f"rule {engine.rule}" for engine in data.engines)
    text += "".join(f", {rule}" for rule in rules)
    if data.metrics.get("seed") is not None:
        text += f", seed {data.metrics['seed']}"
    if done < n or data.metrics.get("interrupted"):
        text += f". Interrupted: {count(done)} of {count(n)} samples were done"
    return text + "."


def _n_done(data: ReportData) -> int:
    """Return how many samples the engines did; baselines may have done more."""
    engines = [engine.n_samples for engine in data.engines if engine.n_samples]
    return min(max(engines, default=data.n_done), data.n)


def _verdict(data: ReportData) -> str:
    verdict = judge(data)
    details = "".join(f"<p>{escaped(detail)}</p>" for detail in verdict.details)
    return (
        f'<div class="verdict {verdict.kind}"><strong>{MARKS[verdict.kind]} '
        f"{escaped(verdict.sentence)}</strong>{details}</div>"
    )


def section(picture: Picture) -> str:
    """Return a picture with the sentences above and below it."""
    return (
        f"<section><h2>{escaped(picture.finding)}</h2>\n<figure>"
        f'<div class="card">{picture.svg}</div>\n'
        f"<figcaption>{escaped(picture.reading)}</figcaption></figure></section>"
    )


def glossary(body: str) -> str:
    """Explain the terms that a page uses."""
    words = (*GLOSSARY, *regression.WORDS)
    used = [(term, text) for term, seen, text in words if any(word in body for word in seen)]
    terms = "\n".join(f"<dt>{escaped(t)}</dt><dd>{escaped(text)}</dd>" for t, text in used)
    return f"<h2>Glossary</h2>\n<dl>{terms}</dl>"
