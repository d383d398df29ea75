"""Scores of networks that were trained with several seeds: mean and standard deviation."""

import numpy as np

from keras_d3.report.table import Cell, Table


def seed_table(caption, columns, models, value_of, decimals):
    """Returns the `Table` of the networks that were trained more than once, or None without any.

    Args:
        caption: str.
        columns: tuple of str, names of the scores.
        models: sequence of entries with `name` and `group`, the name that runs of other seeds share.
        value_of: function of (model, column) to a number, or None where there is none.
        decimals: int.
    """
    groups = {}
    for model in models:
        groups.setdefault(model.group or model.name, []).append(model)
    groups = {name: group for name, group in groups.items() if len(group) > 1}
    if not groups:
        return None
    rows = []
    for name, group in groups.items():
        cells = [Cell(name), Cell(", ".join(str(model.seed) for model in group))]
        for column in columns:
            values = [value_of(model, column) for model in group]
            cells.append(Cell() if any(value is None for value in values) else _spread(values, decimals))
        rows.append(tuple(cells))
    return Table(
        f"{caption} Mean ± standard deviation over seeds (divided by n - 1).",
        ("Architecture", "Seeds", *columns),
        tuple(rows),
        text_columns=(0, 1),
    )


def _spread(values, decimals):
    numbers = np.asarray(values, "float64")
    return Cell(f"{numbers.mean():.{decimals}f} ± {numbers.std(ddof=1):.{decimals}f}")
