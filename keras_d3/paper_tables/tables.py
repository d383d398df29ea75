"""The lines of a paper's table as tables for printing, and number by number."""

from collections.abc import Iterable, Sequence

import numpy as np

from keras_d3.paper_tables.lines import (
    AVERAGE,
    DIFFERENCE,
    OFFICIAL,
    THIS_RUN,
    aggregation_of,
    table_lines,
)
from keras_d3.report import AGGREGATIONS, Cell, Table
from keras_d3.runs import RunScores
from keras_d3.settings import MEAN_IOU, PARAMETERS, UNITS, PublishedTable, Recipe

LABELS = {PARAMETERS: "parameters (M)", MEAN_IOU: "mean IoU", AVERAGE: "average"}


def published_tables(
    recipe: Recipe, table: PublishedTable, runs: Sequence[RunScores] = ()
) -> tuple[Table, ...]:
    """Returns a table of a paper for printing, and where it prints scores of classes a second one of these.

    Args:
        recipe, table, runs: see `table_lines`.

    Returns:
        Tuple of `keras_d3.report.Table`.

    Raises:
        ValueError: see `table_lines`.
    """
    lines = table_lines(recipe, table, runs)
    columns = list(table.columns)
    classes = [] if table.metric == "SDR" else [name for name in columns if name not in LABELS]
    tables = [_main_table(recipe, table, lines, [name for name in columns if name not in classes])]
    if classes:
        tables.append(_class_table(table, lines, classes))
    return tuple(tables)


def table_as_rows(recipe: Recipe, table: PublishedTable, runs: Sequence[RunScores] = ()) -> list[dict]:
    """Returns every number of a table as a row of its own, for spreadsheets and programs.

    Args:
        recipe, table, runs: see `table_lines`.

    Returns:
        List of dicts of one set of keys; for several seeds there is one row each.
    """
    rows = []
    for line in table_lines(recipe, table, runs):
        for (column, origin), values in line.values.items():
            for number, value in enumerate(values):
                run = line.runs[number] if origin == THIS_RUN else None
                rows.append(
                    {
                        "table": f"{recipe.name}/{table.name}",
                        "row": ", ".join(label for label in line.labels if label),
                        "origin": origin,
                        "config": run.config if run else "",
                        "seed": run.seed if run else "",
                        "settings": run.settings if run else table.settings,
                        "data_set": f"{run.data_set} {run.split}" if run else table.scored_on,
                        "aggregation": aggregation_of(table, line.statistic) if run else table.aggregation,
                        "column": column,
                        "unit": "" if column == PARAMETERS else UNITS[table.metric],
                        "value": value,
                        "comparable": line.differences if run else "",
                    }
                )
    return rows


def _main_table(recipe, table, lines, columns):
    origins = _origins(table, lines)
    pairs = [
        (column, origin)
        for column in columns
        for origin in origins
        if any((column, origin) in line.values for line in lines)
    ]
    has_runs = any(line.runs for line in lines)
    texts = [*table.labels, *(["statistic"] if any(row.statistic for row in table.rows) else [])]
    texts += ["config"] if has_runs else []
    rows = [
        (
            *(Cell(label) for label in line.labels),
            *([Cell(line.configs)] if has_runs else []),
            *(_cell(table, line.values.get(pair), *pair) for pair in pairs),
        )
        for line in lines
    ]
    groups = [("", len(texts))] + [
        (LABELS.get(column, column), sum(pair[0] == column for pair in pairs)) for column in columns
    ]
    return Table(
        caption=f"{recipe.citation}, {table.reference}: {table.title}{_unit(table)}.",
        columns=(*texts, *(origin for _, origin in pairs)),
        rows=tuple(rows),
        groups=tuple(groups),
        text_columns=tuple(range(len(texts))),
        notes=tuple(enumerate(_notes(recipe, table, lines), 1)),
    )


def _class_table(table, lines, classes):
    """Classes as rows: there are more of them than networks."""
    pairs = [
        (line, origin)
        for line in lines
        for origin in _origins(table, lines)
        if any((name, origin) in line.values for name in classes)
    ]
    rows = [
        (
            Cell(LABELS.get(name, name)),
            *(_cell(table, line.values.get((name, origin)), name, origin) for line, origin in pairs),
        )
        for name in (*classes, MEAN_IOU)
    ]
    groups: list[tuple[str, int]] = [("", 1)]
    for line in lines:
        width = sum(pair[0] is line for pair in pairs)
        if width:
            groups.append((", ".join(label for label in line.labels if label), width))
    return Table(
        caption=f"Table {table.name} by class: IoU in percent.",
        columns=("class", *(origin for _, origin in pairs)),
        rows=tuple(rows),
        groups=tuple(groups),
    )


def _origins(table, lines):
    found = {origin for line in lines for _, origin in line.values}
    return [origin for origin in (table.column, OFFICIAL, THIS_RUN, DIFFERENCE) if origin in found]


def _cell(table, values, column, origin):
    if not values:
        return Cell()
    decimals = table.decimals
    if column == PARAMETERS:
        # As printed; a small network's count would be 0.0 then.
        decimals = 1 if np.mean(values) >= 1 else 3
    sign = "+" if origin == DIFFERENCE else ""
    text = f"{np.mean(values):{sign}.{decimals}f}"
    # The sample's standard deviation: the seeds stand for all there could be.
    spread = f" ± {np.std(values, ddof=1):.{decimals}f}" if len(values) > 1 else ""
    return Cell(text + spread)


def _unit(table):
    return "" if table.metric == "SDR" else "; IoU in percent"


def _notes(recipe, table, lines) -> Iterable[str]:
    stated = AGGREGATIONS[table.aggregation] if table.metric == "SDR" else ""
    words = [f"{table.column}: {table.scored_on}, {table.num_items} {_items(table)}", stated, table.settings]
    words += [f"from {table.initial_weights}"] if table.initial_weights else []
    yield "; ".join(word for word in words if word)
    for reference in _official_references(recipe, table):
        yield f"{OFFICIAL}: {reference}"
    yield from table.notes
    for line in lines:
        if line.runs:
            yield _run_note(table, line)


def _official_references(recipe, table):
    items = [item for name in table.configs for item in recipe.entry(name).published]
    return dict.fromkeys(
        item.reference for item in items if item.column == OFFICIAL and item.data_set == table.scored_on
    )


def _run_note(table, line):
    run = line.runs[0]
    aggregation = aggregation_of(table, line.statistic)
    words = [
        f"{THIS_RUN}, {line.configs}: {run.data_set} ({run.variant}) {run.split}, "
        f"{run.num_items} {_items(table)}",
        AGGREGATIONS.get(aggregation, ""),
        f"commit {', '.join(dict.fromkeys(item.commit for item in line.runs))}",
        "mean ± standard deviation over seeds" if len(line.runs) > 1 else "",
        "" if line.differences else "no difference: not what the paper scored",
    ]
    return "; ".join(word for word in words if word)


def _items(table):
    return "tracks" if table.metric == "SDR" else "images"
