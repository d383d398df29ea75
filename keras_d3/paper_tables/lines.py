"""A table of a paper: printed rows, the authors' weights and this run side by side.

Columns of different origin are never mixed. A difference is shown where the run was made by a config of the
row and scored on the same data set, split and number of tracks or images, with the aggregation that the paper
states; both started from drawn weights, or both from others.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_d3.runs import PIXELS, RunScores
from keras_d3.settings import (
    MEAN_IOU,
    PARAMETERS,
    PublishedRow,
    PublishedTable,
    Recipe,
)

OFFICIAL = "official weights"
THIS_RUN = "this run"
DIFFERENCE = "difference"
AVERAGE = "average"
# The median over tracks is what scores here are compared by where a paper does not say what its own is of.
AGGREGATION_OF_STATISTIC = {"": "track_median", "mean": "all_frames_mean", "median": "all_frames_median"}


@dataclasses.dataclass(frozen=True)
class TableLine:
    """One line of a table: a printed row, runs of one config, or both.

    Args:
        labels: tuple of str, texts of the row; of a run of no row its display name.
        statistic: str, see `PublishedRow`.
        configs: str, the config of the runs and their seeds; "" without runs.
        values: dict of `(column, origin) -> list of numbers`, one per seed.
        runs: tuple of `RunScores`.
        differences: bool, whether the runs can be compared with the printed row.
    """

    labels: tuple[str, ...]
    statistic: str
    configs: str
    values: dict[tuple[str, str], list[float]]
    runs: tuple[RunScores, ...] = ()
    differences: bool = False


def table_lines(recipe: Recipe, table: PublishedTable, runs: Sequence[RunScores] = ()) -> list[TableLine]:
    """Joins the rows of a table with what the authors' weights and runs reached.

    Args:
        recipe: `Recipe` of the table.
        table: `PublishedTable`.
        runs: `RunScores`, of runs of that recipe on one data set.

    Returns:
        List of `TableLine`: every row, with further lines where several configs or settings stand for
        one row, and last the runs that belong to no row.

    Raises:
        ValueError: a run is of another recipe, runs were scored on different data sets, or one run stands
            there twice.
    """
    _check_runs(recipe, table, runs)
    groups = _by_config(runs)
    lines = []
    for row in table.rows:
        belonging = [group for group in groups if group[0].config in row.configs]
        printed = {(column, table.column): [value] for column, value in row.values.items()}
        printed.update(_official_values(recipe, table, row))
        lines += [
            _line(table, row, printed if number == 0 else {}, group)
            for number, group in enumerate(belonging or [()])
        ]
    known = table.configs
    for group in groups:
        if group[0].config not in known:
            name = recipe.entry(group[0].config).display_name
            statistics = dict.fromkeys(row.statistic for row in table.rows)
            lines += [
                _line(
                    table, PublishedRow((name, *[""] * (len(table.labels) - 1)), {}, (), statistic), {}, group
                )
                for statistic in statistics
            ]
    return lines


def _check_runs(recipe, table, runs):
    foreign = sorted({str(run.directory) for run in runs if run.recipe != recipe.name})
    if foreign:
        raise ValueError(
            f"`runs` must be of the recipe {recipe.name}, whose table {table.name} is asked for. "
            f"Received: {', '.join(foreign)}. Leave them out, or ask for a table of their recipe."
        )
    data_sets = sorted({f"{run.data_set} ({run.variant}), {run.num_items} items" for run in runs})
    if len(data_sets) > 1:
        raise ValueError(
            f"`runs` in one table must be scored on one data set. Received: {'; '.join(data_sets)}. "
            "Print a table of each."
        )
    seen = [(run.directory.resolve(), run.settings) for run in runs]
    twice = sorted({str(directory) for directory, settings in seen if seen.count((directory, settings)) > 1})
    if twice:
        raise ValueError(f"`runs` must be different directories. Received twice: {', '.join(twice)}.")


def _by_config(runs):
    """Runs that differ in their seed alone stand together."""
    groups: dict[tuple, list] = {}
    for run in runs:
        groups.setdefault((run.config, run.settings, run.initial_weights), []).append(run)
    for (config, *_), group in groups.items():
        seeds = [run.seed for run in group]
        if len(set(seeds)) < len(seeds):
            raise ValueError(
                f"`runs` of one config must have different seeds. Received: {config} with seeds "
                f"{', '.join(map(str, seeds))}. Leave all but one out, or train with `--set training.seed=`."
            )
    return list(groups.values())


def _official_values(recipe, table, row):
    """What the authors' weights reach, as the entries of the row's configs state it."""
    for config in row.configs:
        for item in recipe.entry(config).published:
            if item.column != OFFICIAL or item.data_set != table.scored_on:
                continue
            if table.metric == "IoU":
                return {(MEAN_IOU, OFFICIAL): [item.mean_iou_percent]}
            values = {(source, OFFICIAL): [value] for source, value in item.sdr_db.items()}
            averaged = _average(item.sdr_db, table)
            return values if averaged is None else {**values, (AVERAGE, OFFICIAL): [averaged]}
    return {}


def _line(table, row, printed, group):
    values, comparable = dict(printed), False
    if group:
        for column in table.columns:
            numbers = [_value_of(run, table, row, column) for run in group]
            if all(number is not None for number in numbers):
                values[column, THIS_RUN] = numbers
        comparable = bool(row.configs) and _can_be_compared(table, group[0])
    labels = (*row.labels, row.statistic) if any(other.statistic for other in table.rows) else row.labels
    if comparable:
        for column, value in row.values.items():
            if (column, THIS_RUN) in values:
                values[column, DIFFERENCE] = [float(np.mean(values[column, THIS_RUN])) - value]
    return TableLine(labels, row.statistic, _configs_in_words(group), values, tuple(group), comparable)


def _value_of(run, table, row, column):
    if column == PARAMETERS:
        return run.parameters / 1e6
    if table.metric == "IoU":
        return run.values[PIXELS].get(column)
    scores = run.values[aggregation_of(table, row.statistic)]
    return _average(scores, table) if column == AVERAGE else scores.get(column)


def _average(scores, table):
    """The mean over the sources that the table averages: all its columns but sums of them."""
    sources = [name for name in table.columns if name not in (AVERAGE, "accompaniment", PARAMETERS)]
    found = [scores[source] for source in sources if source in scores]
    return float(np.mean(found)) if len(found) == len(sources) else None


def _can_be_compared(table, run):
    same_data = (run.data_set, run.split, run.num_items) == (table.data_set, table.split, table.num_items)
    # Where the paper applied its networks in another way than the configs do, its runs must have been, too.
    same_settings = bool(run.settings) == bool(table.settings)
    same_start = bool(run.initial_weights) == bool(table.initial_weights)
    return same_data and same_settings and same_start and table.aggregation != "not_stated"


def _configs_in_words(group):
    if not group:
        return ""
    seeds = ", ".join(str(run.seed) for run in group)
    words = [group[0].config, f"seed{'s' * (len(group) > 1)} {seeds}", group[0].settings]
    if group[0].initial_weights:
        words.append(f"from {group[0].initial_weights}")
    return ", ".join(word for word in words if word)


def aggregation_of(table, statistic):
    """What this run's numbers in a row are of: a key of `RunScores.values`."""
    return PIXELS if table.metric == "IoU" else AGGREGATION_OF_STATISTIC[statistic]
