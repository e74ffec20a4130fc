"""The report of a run: one HTML page that needs nothing but a browser."""

from streamlearn.report.data import Baseline, Engine, LayerHistory, ReportData
from streamlearn.report.page import write_report

__all__ = ["Baseline", "Engine", "LayerHistory", "ReportData", "write_report"]
