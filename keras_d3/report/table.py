"""A table without markup, and as text and Markdown."""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Args:
        text: str.
        detail: str, a second text in small print.
        mark: str, letter of a footnote.
        best: bool, whether the value is the best of its column.
        share: float in [0, 1], length of a bar; None for no bar.
    """

    text: str = ""
    detail: str = ""
    mark: str = ""
    best: bool = False
    share: float | None = None


@dataclasses.dataclass(frozen=True)
class Table:
    """Cells with one or two header rows.

    Args:
        caption: str, contents of the table, with the aggregation.
        columns: tuple of str, headers; the first column holds the headers of the rows.
        rows: tuple of tuples of `Cell`, one per column.
        groups: tuple of (label, number of columns), headers above those of the columns; or ().
        text_columns: tuple of ints, indices of the columns of text, which are aligned left.
        notes: tuple of (letter, text), the footnotes.
    """

    caption: str
    columns: tuple
    rows: tuple
    groups: tuple = ()
    text_columns: tuple = (0,)
    notes: tuple = ()


def table_as_text(table):
    """Returns a `Table` as aligned columns of plain text."""
    rows = [list(table.columns), *([_plain(cell) for cell in row] for row in table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.columns))]
    start = 0
    for label, width in table.groups:
        # A header above several columns may be wider than they are: the last of them gets the room.
        here = slice(start, start + width)
        missing = len(label) - sum(widths[here]) - 2 * (width - 1)
        widths[start + width - 1] += max(missing, 0)
        start += width
    lines = ["  ".join("-" * width for width in widths)]
    for row in rows[1:]:
        lines.append(_aligned(row, widths, table.text_columns))
    lines.insert(0, _aligned(rows[0], widths, table.text_columns))
    if any(label for label, _ in table.groups):
        lines.insert(0, _aligned_groups(table.groups, widths))
    notes = [f"({mark}) {text}" for mark, text in table.notes]
    return "\n".join([table.caption, "", *lines, *notes])


def _aligned(row, widths, text_columns):
    cells = [
        text.ljust(width) if column in text_columns else text.rjust(width)
        for column, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _aligned_groups(groups, widths):
    cells, start = [], 0
    for label, width in groups:
        room = sum(widths[start : start + width]) + 2 * (width - 1)
        cells.append(
            label.center(room, "-" if label and width > 1 else " ") if width > 1 else label.rjust(room)
        )
        start += width
    return "  ".join(cells).rstrip()


def _group_of_columns(table):
    return [label for label, width in table.groups for _ in range(width)] or [""] * len(table.columns)


def _plain(cell):
    text = f"{cell.text} ({cell.mark})" if cell.mark else cell.text
    return f"{text} ({cell.detail})" if cell.detail else text


def escape_markdown(text):
    """Returns text that Markdown shows as it stands, on one line and without HTML."""
    text = " ".join(str(text).split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", text)


def table_as_markdown(table):
    labels = list(table.columns)
    groups = _group_of_columns(table)
    labels = [f"{group}: {column}" if group else column for group, column in zip(groups, labels, strict=True)]
    rules = [":--" if column in table.text_columns else "--:" for column in range(len(labels))]
    rows = [[escape_markdown(label) for label in labels], rules]
    rows += [[_cell(cell) for cell in row] for row in table.rows]
    lines = [escape_markdown(table.caption), "", *(f"| {' | '.join(row)} |" for row in rows)]
    if table.notes:
        lines += ["", "; ".join(f"({mark}) {escape_markdown(text)}" for mark, text in table.notes)]
    return "\n".join(lines)


def _cell(cell):
    text = escape_markdown(cell.text)
    text = f"**{text}**" if cell.best and text else text
    text += f" ({cell.mark})" if cell.mark else ""
    return f"{text} ({escape_markdown(cell.detail)})" if cell.detail else text
