"""The side-by-side report: one HTML file with tables, curves, spectrograms and sound."""

from keras_d3.report.data import AGGREGATIONS, Excerpt, ModelEntry, PublishedScore, ReportData
from keras_d3.report.report_files import write_report

__all__ = ["AGGREGATIONS", "Excerpt", "ModelEntry", "PublishedScore", "ReportData", "write_report"]
