"""The report's tables as Markdown."""

import re

from keras_d3.report import tables


def render_markdown(data):
    """Returns the text of `report.md`: the same tables as `report.html`."""
    parts = [f"# {escape(data.title)}"]
    parts += [f"> **{escape(data.notice)}**"] if data.notice else []
    parts += [escape(data.intro)] if data.intro else []
    parts += ["## Architectures", _table(tables.architecture_table(data)), "## SDR of this run"]
    parts += [_table(tables.sdr_table(data, aggregation)) for aggregation in tables.COMPUTED]
    parts += ["## Paper, official weights, this run", _table(tables.published_table(data))]
    metrics = tables.metrics_table(data)
    parts += ["## All metrics", _table(metrics)] if metrics.rows else []
    parts += ["## Runs", _table(tables.run_table(data)), "## Provenance"]
    lines = [f"- {label}: {escape(text)}" for label, text in tables.facts(data)]
    lines += [f"- {escape(note)}" for note in data.footnotes]
    return "\n\n".join([*parts, "\n".join(lines)]).rstrip() + "\n"


def escape(text):
    """Returns text that Markdown shows as it stands, on one line and without HTML."""
    text = " ".join(str(text).split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", text)


def _table(table):
    labels = list(table.columns)
    if table.groups:
        groups = [label for label, width in table.groups for _ in range(width)]
        pairs = zip(groups, labels, strict=True)
        labels = [f"{group}: {column}" if group else column for group, column in pairs]
    rules = [":--" if column in table.text_columns else "--:" for column in range(len(labels))]
    rows = [[escape(label) for label in labels], rules]
    rows += [[_cell(cell) for cell in row] for row in table.rows]
    lines = [escape(table.caption), "", *(f"| {' | '.join(row)} |" for row in rows)]
    if table.notes:
        lines += ["", "; ".join(f"({mark}) {escape(text)}" for mark, text in table.notes)]
    return "\n".join(lines)


def _cell(cell):
    text = escape(cell.text)
    text = f"**{text}**" if cell.best and text else text
    text += f" ({cell.mark})" if cell.mark else ""
    return f"{text} ({escape(cell.detail)})" if cell.detail else text
