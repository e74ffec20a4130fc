"""Which engine a sentence of the page is about, from the facts that each engine came with."""

from __future__ import annotations

from collections.abc import Iterable

from streamlearn.report.data import Engine, ReportData


def spoken(engine: Engine) -> str:
    """Return what a sentence calls it."""
    if not engine.exact:
        return engine.name
    return {"numpy": "golden model", "c": "host C", "device": "the device"}[engine.backend]


def golden_first(engines: Iterable[Engine]) -> list[Engine]:
    """Return the engines in order: golden model, other engines as given, device."""
    order = {"numpy": 0, "c": 1, "device": 2}
    return sorted(engines, key=lambda engine: order[engine.backend])


def exact_engine(data: ReportData) -> Engine | None:
    """Return the engine in integers that stands for all of them: the golden model before others."""
    found = golden_first(e for e in data.engines if e.exact and e.n_samples)
    return next(iter(found), None)


def float_reference(data: ReportData) -> Engine | None:
    """Return the engine to compare integers with: the first in floating point."""
    return next((e for e in data.engines if not e.exact and e.n_samples), None)


def main_engine(data: ReportData) -> Engine | None:
    """Return the engine that the page is about: the integers' one, else the first that ran."""
    return exact_engine(data) or float_reference(data)


def joined(names: list[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
