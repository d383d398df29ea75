"""All claims of a ledger on one HTML page that fetches nothing, and as text."""

from collections.abc import Sequence

from keras_d3.claims.forest import CLASSES, RULES, forest_svg
from keras_d3.claims.ledger import LedgerRow
from keras_d3.claims.listing import claims_table
from keras_d3.claims.results import ContrastResult
from keras_d3.claims.tables import config_name, results_table, runs_table, scores_table, spread_table
from keras_d3.report import curves_svg, escape, fact_list, html_table, page_with_sections, table_as_text

INTRO = (
    "Orderings that the papers claim, tested on runs of this package. An effect is the mean difference of "
    "two networks over seeds and over songs or images; a claim holds where the whole 95 % interval is above "
    "the dashed line, is reversed where it is below, and is undecided otherwise. Small networks on open "
    "material say nothing about the papers' own figures."
)
METHOD = (
    "Networks of one seed are trained on the same excerpts in the same order. Differences are paired by seed "
    "and by song or image. Their interval takes both as random (two crossed factors: variance of the mean = "
    "(MS seeds + MS songs - MS rest) / (seeds x songs), at least that of either factor alone; t interval "
    "with Satterthwaite's degrees of freedom), so it is about further seeds and further songs.",
    "SDR of a song: median of its frames of 1 s. Mean IoU is no mean over images: an image counts by its "
    "jackknife pseudo-value, n T - (n - 1) T(without it), whose mean estimates the mean IoU T of all images.",
    "Seeds that would decide: two-sided t test at 5 %, power 80 %, for the effect and the spread that were "
    "measured. No correction for the number of claims.",
    "What is counted or compared without training has no interval: it is as the paper says, or it is not.",
)


def claims_page(results: Sequence[ContrastResult], rows: Sequence[LedgerRow]) -> str:
    """Returns the text of the page. The same ledger gives the same bytes: it has no date.

    Args:
        results: sequence of `ContrastResult`.
        rows: sequence of `LedgerRow`, those that the results are of.
    """
    named = list({result.named.name: result.named for result in results}.values())
    spread = spread_table(results)
    sections = [
        ("claims", "Claims", _forests(results)),
        ("results", "Effects", html_table(results_table(results)) + _problems(results)),
        ("spread", "Spread", html_table(spread) if spread else ""),
        ("scores", "Scores", html_table(scores_table(rows)) if rows else ""),
        ("curves", "Training", _curves(rows)),
        ("what", "What is claimed", html_table(claims_table(named))),
        ("runs", "Runs", html_table(runs_table(rows)) if rows else ""),
        ("method", "Method", "".join(f"<p>{escape(text)}</p>" for text in (*METHOD, *_notes(named)))),
    ]
    header = f'<p class="intro">{escape(INTRO)}</p>{fact_list(_facts(rows), "facts")}'
    used = [section for section in sections if section[2]]
    return page_with_sections("Claims of the papers, tested", header, used, RULES)


def claims_text(results: Sequence[ContrastResult]) -> str:
    """Returns effects and verdicts as text, with what was not compared and why."""
    lines = [f"{_title(result)}: {problem}" for result in results for problem in result.problems]
    return "\n\n".join([table_as_text(results_table(results)), *(["\n".join(lines)] if lines else [])])


def _title(result):
    return f"{result.named.name}, {result.contrast.label}"


def _forests(results):
    counts = {verdict: 0 for verdict in CLASSES}
    for result in results:
        counts[result.verdict] = counts.get(result.verdict, 0) + 1
    legend = "".join(
        f'<span class="{CLASSES.get(verdict, "")}"><b>{count}</b> {escape(verdict)}</span>'
        for verdict, count in counts.items()
        if count or verdict in CLASSES
    )
    parts = [f'<p class="verdicts">{legend}</p>']
    by_unit: dict[str, list[ContrastResult]] = {}
    for result in results:
        by_unit.setdefault(result.named.claim.unit, []).append(result)
    for unit, group in by_unit.items():
        metrics = ", ".join(dict.fromkeys(result.named.claim.metric for result in group))
        caption = escape(
            f"{metrics}, effects in {unit}; hollow: the effect of the paper's numbers, own scale"
        )
        parts.append(
            f'<p class="caption">{caption}</p><div class="scroll forest">{forest_svg(unit, group)}</div>'
        )
    return "".join(parts)


def _problems(results):
    items = "".join(
        f"<li>{escape(_title(result))}: {escape(problem)}</li>"
        for result in results
        for problem in result.problems
    )
    return f"<h3>Not compared, or not in full</h3><ul>{items}</ul>" if items else ""


def _curves(rows):
    groups: dict[str, dict[str, list]] = {}
    for row in rows:
        if row.curves:
            groups.setdefault(config_name(row), {})[f"seed {row.seed}"] = list(row.curves)
    figures = "".join(
        f'<figure class="curve"><figcaption>{escape(name)}</figcaption>{curves_svg(name, curves)}</figure>'
        for name, curves in groups.items()
    )
    if not figures:
        return ""
    key = (
        '<p class="marks"><span class="sample"></span>validation loss'
        '<span class="sample train"></span>training loss; one color per seed</p>'
    )
    return f'{key}<div class="curves">{figures}</div>'


def _notes(named):
    return [f"{item.name}: {note}" for item in named for note in item.claim.notes]


def _facts(rows):
    def listed(values):
        return ", ".join(sorted({str(value) for value in values if value not in (None, "")}))

    seeds = sorted({row.seed for row in rows if row.seed is not None})
    pairs = [
        ("Runs", str(len(rows))),
        ("Seeds", ", ".join(map(str, seeds))),
        ("Data sets", listed(f"{row.data_set} {row.split}, {row.corpus[:12]}" for row in rows if row.corpus)),
        ("Commits", listed(row.commit for row in rows)),
        ("Machines", listed(row.machine for row in rows)),
    ]
    return [pair for pair in pairs if pair[1]]
