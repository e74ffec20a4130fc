"""The report of a run: one HTML page that needs nothing but a browser."""

from __future__ import annotations

import os

from streamlearn.report.data import Baseline, Engine, LayerHistory, ReportData

__all__ = ["Baseline", "Engine", "LayerHistory", "ReportData", "write_report"]


def write_report(path: str | os.PathLike[str], data: ReportData) -> None:
    """Write the page: :func:`streamlearn.report.page.write_report`.

    What draws its pictures is loaded here, and not by every command that may end with a page.
    """
    from streamlearn.report import page

    page.write_report(path, data)
