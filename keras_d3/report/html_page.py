"""The report as one HTML file, with every text escaped and every picture and sound inside."""

from pathlib import Path

from keras_d3.report import tables
from keras_d3.report.curves import curves_svg
from keras_d3.report.data import AGGREGATIONS
from keras_d3.report.html_parts import escape, fact_list, html_table, page_with_sections, prose
from keras_d3.report.listening import listening_section


def render_html(data):
    """Returns the text of `report.html`."""
    sections = [
        ("architectures", "Architectures", html_table(tables.architecture_table(data))),
        ("scores", "Scores", _scores(data)),
        ("published", "Paper and this run", html_table(tables.published_table(data))),
        ("curves", "Training", _curves(data)),
        ("listen", "Listen", listening_section(data)),
        ("notes", "Notes", _notes(data)),
    ]
    sections = [section for section in sections if section[2]]
    notice = f'<p class="notice" role="note">{escape(data.notice)}</p>' if data.notice else ""
    intro = f'<p class="intro">{prose(data.intro)}</p>' if data.intro else ""
    header = f"{intro}{notice}{_headline_facts(data)}"
    script = (Path(__file__).parent / "script.js").read_text(encoding="utf-8")
    return page_with_sections(data.title, header, sections, _source_rules(len(data.sources)), script)


def _headline_facts(data):
    wanted = ("Data set", "Scores", "Date", "Commit")
    return fact_list([pair for pair in tables.facts(data) if pair[0] in wanted], "facts")


def _scores(data):
    buttons = panels = ""
    for index, aggregation in enumerate(tables.COMPUTED):
        checked = " checked" if index == 0 else ""
        label = escape(AGGREGATIONS[aggregation])
        buttons += (
            f'<input type="radio" name="aggregation" id="by-{aggregation}"{checked}>'
            f'<label for="by-{aggregation}">{label}</label>'
        )
        panels += f'<div class="panel {aggregation}">{html_table(tables.sdr_table(data, aggregation))}</div>'
    seeds = tables.seeds_of_separators(data)
    panels += html_table(seeds) if seeds else ""
    metrics = tables.metrics_table(data)
    summary = "<summary>All metrics (SDR, ISR, SIR, SAR), spread and dropped frames</summary>"
    details = f"<details>{summary}{html_table(metrics)}</details>" if metrics.rows else ""
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
    extra = "".join(f"<li>{prose(note)}</li>" for note in data.footnotes)
    extra = f"<ul>{extra}</ul>" if extra else ""
    return fact_list(tables.facts(data), "notes") + html_table(tables.run_table(data)) + extra


def _source_rules(count):
    """CSS that shows one source at a time on a narrow screen."""
    rules = "".join(
        f'.bench:has(#source-{k}:checked) .clip:not([data-column="{k}"]):not(.alone){{display:none}}'
        for k in range(count)
    )
    return f"@media (max-width:760px){{{rules}}}"
