"""Parts of the HTML pages: the frame with its style, tables, lists of facts. Every text is escaped."""

import html
import re
from pathlib import Path

_HERE = Path(__file__).parent
# The page may fetch nothing, even if a name slipped through the escaping.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "img-src data:",
        "media-src data:",
        "style-src 'unsafe-inline'",
        "script-src 'unsafe-inline'",
    )
)
# Rows of the estimate that does nothing begin with it.
DO_NOTHING = "Do nothing"


def page_with_sections(title, header, sections, rules="", script=""):
    """Returns a whole page that fetches nothing.

    Args:
        title: str.
        header: str of HTML, shown below the title.
        sections: list of (key, title, HTML).
        rules: str, CSS beside the common style.
        script: str, JavaScript.
    """
    links = "".join(f'<a href="#{key}">{escape(title)}</a>' for key, title, _ in sections)
    body = "".join(
        f'<section id="{key}" aria-labelledby="{key}-title">'
        f'<h2 id="{key}-title">{escape(title)}</h2>{content}</section>'
        for key, title, content in sections
    )
    style = (_HERE / "style.css").read_text(encoding="utf-8")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>{style + rules}</style>
</head>
<body>
<header><h1>{escape(title)}</h1>{header}</header>
<nav aria-label="Sections">{links}</nav>
<main>{body}</main>
{script and f"<script>{script}</script>"}
</body>
</html>
"""


def escape(text):
    """Returns text that is safe inside elements and quoted attributes."""
    return html.escape(str(text), quote=True)


def prose(text):
    """Returns text that is safe inside elements, with what stands in backticks as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def fact_list(pairs, kind):
    """Returns (label, text) pairs as a list of definitions; "" for none."""
    items = "".join(f"<div><dt>{label}</dt><dd>{escape(text)}</dd></div>" for label, text in pairs)
    return f'<dl class="{kind}">{items}</dl>' if items else ""


def html_table(table):
    """Returns a `Table` with its caption and footnotes."""
    head = ""
    starts = set()
    if table.groups:
        cells, column = "", 0
        for label, width in table.groups:
            starts.add(column)
            tag = f'<th scope="colgroup" class="group" colspan="{width}">{escape(label)}</th>'
            cells += tag if label else f'<td colspan="{width}"></td>'
            column += width
        head += f"<tr>{cells}</tr>"
    cells = ""
    for column, label in enumerate(table.columns):
        cells += f'<th scope="col"{_classes(table, column, starts)}>{escape(label)}</th>'
    head += f"<tr>{cells}</tr>"
    rows = ""
    for row in table.rows:
        cells = f'<th scope="row"{_classes(table, 0, starts)}>{_cell(row[0])}</th>'
        for column, cell in enumerate(row[1:], 1):
            cells += f"<td{_classes(table, column, starts, cell.best)}>{_cell(cell)}</td>"
        kind = ' class="baseline"' if row[0].text.startswith(DO_NOTHING) else ""
        rows += f"<tr{kind}>{cells}</tr>"
    caption = escape(table.caption)
    wide = ' class="wide"' if len(table.columns) > 8 else ""
    notes = "; ".join(f"<sup>{mark}</sup> {escape(text)}" for mark, text in table.notes)
    return (
        f'<p class="caption">{caption}</p>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}">'
        f'<table{wide} aria-label="{caption}"><thead>{head}</thead><tbody>{rows}</tbody></table></div>'
        + (f'<p class="marks">{notes}.</p>' if notes else "")
    )


def _classes(table, column, starts, best=False):
    names = ["words"] if column in table.text_columns else []
    names += ["first"] if column and column in starts else []
    names += ["best"] if best else []
    return f' class="{" ".join(names)}"' if names else ""


def _cell(cell):
    mark = f"<sup>{cell.mark}</sup>" if cell.mark else ""
    # Names of presets may break after an underscore on a narrow screen.
    detail = f"<small>{escape(cell.detail).replace('_', '_<wbr>')}</small>" if cell.detail else ""
    bar = "" if cell.share is None else f'<span class="bar" style="--share:{cell.share:.3f}"></span>'
    return f"{prose(cell.text)}{mark}{detail}{bar}"
