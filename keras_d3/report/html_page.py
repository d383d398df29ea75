"""The report as one HTML file, with every text escaped and every picture and sound inside."""

import html
from pathlib import Path

from keras_d3.report import tables
from keras_d3.report.curves import curves_svg
from keras_d3.report.data import AGGREGATIONS
from keras_d3.report.listening import listening_section

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


def render_html(data):
    """Returns the text of `report.html`."""
    sections = [
        ("architectures", "Architectures", _table(tables.architecture_table(data))),
        ("scores", "Scores", _scores(data)),
        ("published", "Paper and this run", _table(tables.published_table(data))),
        ("curves", "Training", _curves(data)),
        ("listen", "Listen", listening_section(data)),
        ("notes", "Notes", _notes(data)),
    ]
    sections = [section for section in sections if section[2]]
    links = "".join(f'<a href="#{key}">{title}</a>' for key, title, _ in sections)
    body = "".join(
        f'<section id="{key}" aria-labeledby="{key}-title">'
        f'<h2 id="{key}-title">{title}</h2>{content}</section>'
        for key, title, content in sections
    )
    style = (_HERE / "style.css").read_text(encoding="utf-8") + _source_rules(len(data.sources))
    script = (_HERE / "script.js").read_text(encoding="utf-8")
    notice = f'<p class="notice" role="note">{escape(data.notice)}</p>' if data.notice else ""
    intro = f'<p class="intro">{escape(data.intro)}</p>' if data.intro else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<link rel="icon" href="data:,">
<title>{escape(data.title)}</title>
<style>{style}</style>
</head>
<body>
<header><h1>{escape(data.title)}</h1>{intro}{notice}{_headline_facts(data)}</header>
<nav aria-label="Sections">{links}</nav>
<main>{body}</main>
<script>{script}</script>
</body>
</html>
"""


def escape(text):
    """Returns text that is safe inside elements and quoted attributes."""
    return html.escape(str(text), quote=True)


def _headline_facts(data):
    wanted = ("Data set", "Scores", "Date", "Commit")
    return _fact_list([pair for pair in tables.facts(data) if pair[0] in wanted], "facts")


def _fact_list(pairs, kind):
    items = "".join(f"<div><dt>{label}</dt><dd>{escape(text)}</dd></div>" for label, text in pairs)
    return f'<dl class="{kind}">{items}</dl>' if items else ""


def _table(table):
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
        kind = ' class="baseline"' if row[0].text.startswith(tables.DO_NOTHING) else ""
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
    return f"{escape(cell.text)}{mark}{detail}{bar}"


def _scores(data):
    buttons = panels = ""
    for index, aggregation in enumerate(tables.COMPUTED):
        checked = " checked" if index == 0 else ""
        label = escape(AGGREGATIONS[aggregation])
        buttons += (
            f'<input type="radio" name="aggregation" id="by-{aggregation}"{checked}>'
            f'<label for="by-{aggregation}">{label}</label>'
        )
        panels += f'<div class="panel {aggregation}">{_table(tables.sdr_table(data, aggregation))}</div>'
    metrics = tables.metrics_table(data)
    summary = "<summary>All metrics (SDR, ISR, SIR, SAR), spread and dropped frames</summary>"
    details = f"<details>{summary}{_table(metrics)}</details>" if metrics.rows else ""
    return f'<fieldset class="switch"><legend>Aggregation</legend>{buttons}</fieldset>{panels}{details}'


def _curves(data):
    figures = ""
    for model in data.models:
        curves = model.labeled_curves()
        svg = curves_svg(model.name, curves)
        if not svg:
            continue
        keys = "".join(
            f'<span class="key line-{index % 8}">{escape(label)}</span>'
            for index, label in enumerate(curves)
            if label
        )
        figures += f'<figure class="curve"><figcaption>{escape(model.name)}{keys}</figcaption>{svg}</figure>'
    if not figures:
        return ""
    return (
        '<p class="hint"><span class="sample validation"></span> validation loss '
        '<span class="sample train"></span> training loss. Every architecture has its own loss '
        "and scale: compare shapes, not heights.</p>"
        f'<div class="curves">{figures}</div>'
    )


def _notes(data):
    extra = "".join(f"<li>{escape(note)}</li>" for note in data.footnotes)
    extra = f"<ul>{extra}</ul>" if extra else ""
    return _fact_list(tables.facts(data), "notes") + _table(tables.run_table(data)) + extra


def _source_rules(count):
    """CSS that shows one source at a time on a narrow screen."""
    rules = "".join(
        f'.bench:has(#source-{k}:checked) .clip:not([data-column="{k}"]):not(.alone){{display:none}}'
        for k in range(count)
    )
    return f"@media (max-width:760px){{{rules}}}"
