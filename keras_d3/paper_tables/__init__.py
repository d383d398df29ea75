"""The papers' tables: printed rows, the authors' weights and this run side by side."""

from keras_d3.paper_tables.lines import TableLine, table_lines
from keras_d3.paper_tables.page import tables_page
from keras_d3.paper_tables.tables import published_tables, table_as_rows

__all__ = ["TableLine", "published_tables", "table_as_rows", "table_lines", "tables_page"]
