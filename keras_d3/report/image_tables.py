"""The tables of a report on segmentation networks without markup."""

from keras_d3.report.seed_table import seed_table
from keras_d3.report.table import Cell, Table
from keras_d3.report.tables import format_secs

MEAN = "mean IoU"


def network_table(data):
    """Returns the `Table` of size, cost and speed of every network."""
    rows = []
    for model in data.models:
        steps = "" if model.train_steps is None else f"{model.train_steps:,}"
        epochs = "" if model.train_epochs is None else f"{model.train_epochs:,} epochs"
        memory = "" if model.memory_bytes is None else f"{model.memory_bytes / 1e9:.2f}"
        rows.append(
            (
                Cell(model.name, detail=model.preset if model.preset != model.name else ""),
                Cell(model.paper),
                Cell("" if model.parameters is None else f"{model.parameters:,}"),
                Cell(format_secs(model.train_secs)),
                Cell(steps, detail=epochs),
                Cell("" if model.secs_per_image is None else f"{model.secs_per_image:.3g}"),
                Cell(memory),
            )
        )
    columns = ("Network", "Paper", "Parameters", "Training", "Steps", "s per image", "Memory (GB)")
    caption = "Networks. Seconds and memory: one whole image of the scored split, alone in a process."
    return Table(caption, columns, tuple(rows), text_columns=(0, 1))


def iou_table(data):
    """Returns the `Table` of mean IoU: published numbers and this run in separate columns."""
    origins = tuple(dict.fromkeys(item.column for model in data.models for item in model.published))
    best = max((mean_iou(model) or 0 for model in data.models), default=0)
    letters, rows = {}, []
    for model in data.models:
        by_origin = {item.column: item for item in model.published}
        cells = [Cell(model.name)]
        for origin in origins:
            item = by_origin.get(origin)
            mark = letters.setdefault(item.data_set, chr(ord("a") + len(letters))) if item else ""
            cells.append(Cell(f"{item.mean_iou_percent:.1f}", mark=mark) if item else Cell())
        value = mean_iou(model)
        accuracy = (model.scores or {}).get("pixel_accuracy")
        cells.append(
            Cell() if value is None else Cell(f"{value:.1f}", best=value == best and len(data.models) > 1)
        )
        cells.append(Cell("" if accuracy is None else f"{100 * accuracy:.1f}"))
        rows.append(tuple(cells))
    return Table(
        "Mean IoU in percent as published and of this run, and this run's share of right pixels. Only "
        "columns with the same data set can be compared.",
        ("Network", *origins, "This run", "Right pixels"),
        tuple(rows),
        notes=tuple((letter, text) for text, letter in letters.items()),
    )


def class_table(data):
    """Returns the `Table` of the IoU of every class; classes are rows."""
    scored = [model for model in data.models if model.scores]
    rows = []
    for name in data.label_set.names:
        values = [model.scores["iou"].get(name) for model in scored]
        best = max((value for value in values if value), default=None)
        cells = [
            Cell() if value is None else Cell(f"{100 * value:.1f}", best=value == best and len(values) > 1)
            for value in values
        ]
        rows.append((Cell(name), *cells))
    return Table(
        "IoU of every class in percent, this run. Empty: no pixel has the class, in truth or prediction.",
        ("Class", *(model.name for model in scored)),
        tuple(rows),
    )


def seeds_of_networks(data):
    """Returns the `Table` of networks trained with several seeds, or None."""
    return seed_table(
        "Mean IoU in percent.", (MEAN,), data.models, lambda model, _: mean_iou(model), decimals=1
    )


def runs_table(data):
    """Returns the `Table` of the runs."""
    rows = [
        (
            Cell(model.name),
            Cell(model.preset),
            Cell(model.config),
            Cell("" if model.seed is None else str(model.seed)),
            Cell(model.initial_weights),
            Cell(model.notes),
        )
        for model in data.models
    ]
    columns = ("Network", "Preset", "Config", "Seed", "Initial weights", "Notes")
    return Table("Runs", columns, tuple(rows), text_columns=tuple(range(6)))


def mean_iou(model):
    """Returns the mean IoU of this run in percent, or None."""
    value = (model.scores or {}).get("mean_iou")
    return None if value is None else 100 * value
