"""The side-by-side report: one HTML file with tables, curves, spectrograms and sound."""

from keras_d3.report.data import AGGREGATIONS, Excerpt, ModelEntry, PublishedScore, ReportData
from keras_d3.report.html_parts import fact_list, html_table, page_with_sections
from keras_d3.report.report_files import write_report
from keras_d3.report.table import Cell, Table, table_as_markdown, table_as_text

__all__ = [
    "AGGREGATIONS",
    "Cell",
    "Excerpt",
    "ModelEntry",
    "PublishedScore",
    "ReportData",
    "Table",
    "fact_list",
    "page_with_sections",
    "html_table",
    "table_as_markdown",
    "table_as_text",
    "write_report",
]
