"""The page: verdict, tables and pictures in the order in which a reader asks for them."""

from __future__ import annotations

from os import PathLike

from quant.durable import write_durably
from streamlearn.report import figures, tables
from streamlearn.report.accuracy import draw_accuracy
from streamlearn.report.confusion import draw_confusion
from streamlearn.report.data import ReportData
from streamlearn.report.engines import joined
from streamlearn.report.fidelity import draw_fidelity
from streamlearn.report.history import draw_history
from streamlearn.report.html import document, glossary, section
from streamlearn.report.instructions import draw_instructions
from streamlearn.report.memory import draw_memory
from streamlearn.report.text import count, escaped
from streamlearn.report.verdict import judge

MARKS = {"same": "✓", "differs": "✗", "unknown": "–"}
PICTURES = (
    ("accuracy over the stream", draw_accuracy),
    ("integers against floating point", draw_fidelity),
    ("weights over the stream", draw_history),
    ("memory", draw_memory),
    ("confusion matrix", draw_confusion),
    ("instructions", draw_instructions),
)


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
    Equal data give equal bytes with the same version of matplotlib. Curves are thinned to 600
    points, which keeps the page far below 1.5 MB for streams of any length.
    """
    write_durably(path, render(data))


def render(data: ReportData) -> str:
    """Return the page as a string."""
    drawn = [(name, draw(data)) for name, draw in PICTURES]
    missing = [name for name, picture in drawn if picture is None and data.compares]
    body = [
        f"<h1>{escaped(data.title)}</h1>",
        f'<p class="sub">{escaped(_sub(data))}</p>',
        _verdict(data) if data.compares else "",
        figures.advice_box(data),
        "<h2>Summary</h2>",
        tables.summary(data),
        figures.kappas(data),
        tables.device(data),
        *(section(picture) for _, picture in drawn if picture is not None),
        f'<p class="left-out">Not drawn, the data is missing: {escaped(joined(missing))}.</p>'
        if missing
        else "",
        figures.classes(data),
        tables.saturations(data),
        tables.hashes(data),
        tables.configuration(data),
    ]
    body.append(glossary(" ".join(body)))
    return document(data.title, body)


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
