"""The report of a run: one HTML page that needs nothing but a browser."""

from streamlearn.report.data import ReportData
from streamlearn.report.page import write_report

__all__ = ["ReportData", "write_report"]
