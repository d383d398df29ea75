"""The side-by-side report: one HTML file with tables, curves, spectrograms and sound."""

from keras_d3.report.curves import curves_svg
from keras_d3.report.data import AGGREGATIONS, Excerpt, ModelEntry, PublishedScore, ReportData
from keras_d3.report.html_parts import escape, fact_list, html_table, page_with_sections
from keras_d3.report.image_data import ExampleImage, PublishedIoU, SegmentationEntry, SegmentationReportData
from keras_d3.report.image_tables import iou_table, seeds_of_networks
from keras_d3.report.report_files import write_report, write_segmentation_report
from keras_d3.report.table import Cell, Table, table_as_markdown, table_as_text
from keras_d3.report.tables import seeds_of_separators

__all__ = [
    "AGGREGATIONS",
    "Cell",
    "ExampleImage",
    "Excerpt",
    "ModelEntry",
    "PublishedIoU",
    "PublishedScore",
    "ReportData",
    "SegmentationEntry",
    "SegmentationReportData",
    "Table",
    "curves_svg",
    "escape",
    "fact_list",
    "page_with_sections",
    "html_table",
    "table_as_markdown",
    "table_as_text",
    "iou_table",
    "seeds_of_networks",
    "seeds_of_separators",
    "write_report",
    "write_segmentation_report",
]
