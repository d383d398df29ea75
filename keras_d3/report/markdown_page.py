"""The report's tables as Markdown."""

from keras_d3.report import tables
from keras_d3.report.table import escape_markdown as escape
from keras_d3.report.table import table_as_markdown


def render_markdown(data):
    """Returns the text of `report.md`: the same tables as `report.html`."""
    parts = [f"# {escape(data.title)}"]
    parts += [f"> **{escape(data.notice)}**"] if data.notice else []
    parts += [escape(data.intro)] if data.intro else []
    parts += ["## Architectures", table_as_markdown(tables.architecture_table(data)), "## SDR of this run"]
    parts += [table_as_markdown(tables.sdr_table(data, aggregation)) for aggregation in tables.COMPUTED]
    seeds = tables.seeds_of_separators(data)
    parts += ["## Seeds", table_as_markdown(seeds)] if seeds else []
    parts += ["## Paper, official weights, this run", table_as_markdown(tables.published_table(data))]
    metrics = tables.metrics_table(data)
    parts += ["## All metrics", table_as_markdown(metrics)] if metrics.rows else []
    parts += ["## Runs", table_as_markdown(tables.run_table(data)), "## Provenance"]
    lines = [f"- {label}: {escape(text)}" for label, text in tables.facts(data)]
    lines += [f"- {escape(note)}" for note in data.footnotes]
    return "\n\n".join([*parts, "\n".join(lines)]).rstrip() + "\n"
