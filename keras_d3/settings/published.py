"""Scores that publications state, and their tables: never mixed with what a run here reaches."""

import csv
import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from keras_d3.utils import check_choice

METRICS = ("SDR", "IoU")
UNITS = {"SDR": "dB", "IoU": "%"}
# Columns of a table that are no scores.
CONFIGS, PARAMETERS, STATISTIC = "configs", "parameters_millions", "statistic"
MEAN_IOU = "mean_iou"


@dataclasses.dataclass(frozen=True)
class PublishedScores:
    """SDR that a publication states for a network.

    Args:
        column: str, "paper" or "official weights".
        sdr_db: dict of `source -> SDR in dB`.
        aggregation: str, key of `keras_d3.report.AGGREGATIONS`.
        data_set: str, what it was scored on.
        reference: str, where the numbers stand.
    """

    column: str
    sdr_db: dict[str, float]
    aggregation: str
    data_set: str
    reference: str


@dataclasses.dataclass(frozen=True)
class PublishedMeanIoU:
    """Mean IoU that a publication states for a network.

    Args:
        column: str, "paper", "paper, COCO" (the weights it started from), "official weights".
        mean_iou_percent: float, in percent.
        data_set: str, data set and split of the score.
        reference: str, where the number is printed.
        class_iou_percent: dict of `class -> IoU in percent`; empty where none is printed.
    """

    column: str
    mean_iou_percent: float
    data_set: str
    reference: str
    class_iou_percent: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class PublishedRow:
    """One row of a published table.

    Args:
        labels: tuple of str, its texts, such as method and backbone.
        values: dict of `column -> number as printed`; columns without a number are left out.
        configs: tuple of str, the configs of the recipe that train what the row describes.
        statistic: str, what the row's numbers are of all frames, "mean" or "median", where a table has both.
    """

    labels: tuple[str, ...]
    values: Mapping[str, float]
    configs: tuple[str, ...] = ()
    statistic: str = ""

    @property
    def name(self) -> str:
        """The texts as one."""
        return ", ".join(label for label in self.labels if label)


@dataclasses.dataclass(frozen=True)
class PublishedTable:
    """A table of a paper: every row it prints, and which configs of a recipe train which of them.

    Args:
        name: str, the table's number in the paper.
        title: str, what it shows.
        metric: str, "SDR" (dB) or "IoU" (percent).
        data_set: str, name that records of its data set have (`--dataset-name` of `tfrecords_tools`).
        split: str, the split that was scored.
        num_items: int, tracks or images of that split.
        labels: tuple of str, headers of the texts.
        rows: tuple of `PublishedRow`.
        aggregation: str, key of `keras_d3.report.AGGREGATIONS`; "" for IoU.
        decimals: int, as printed.
        column: str, the origin of its numbers in reports, "paper" or "paper, COCO".
        initial_weights: str, what the paper's networks started from; "" for drawn weights.
        settings: str, how the networks were applied where not as in the configs, such as "six scales".
        notes: tuple of str, what else a reader must know.

    Raises:
        ValueError: `metric` is unknown, or two rows have one name.

    Example:

    >>> table = PublishedTable("1", "A table", "SDR", "MUSDB18", "test", 50, ("method",),
    ...     (PublishedRow(("Ours",), {"vocals": 7.24}, ("paper",)),), "track_median")
    >>> table.row("Ours").values["vocals"]
    7.24
    """

    name: str
    title: str
    metric: str
    data_set: str
    split: str
    num_items: int
    labels: tuple[str, ...]
    rows: tuple[PublishedRow, ...]
    aggregation: str = ""
    decimals: int = 1
    column: str = "paper"
    initial_weights: str = ""
    settings: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        check_choice("metric", self.metric, METRICS)
        names = [(row.name, row.statistic) for row in self.rows]
        twice = sorted({name for name, _ in names if names.count((name, _)) > 1})
        if twice:
            raise ValueError(f"`rows` must have different names. Received twice: {', '.join(twice)}.")

    @property
    def reference(self) -> str:
        """Where the numbers stand, such as "table 4"."""
        return f"table {self.name}"

    @property
    def scored_on(self) -> str:
        """Data set and split in words, such as "MUSDB18 test"."""
        return f"{self.data_set} {'val' if self.split == 'validation' else self.split}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of numbers, in order."""
        return tuple(dict.fromkeys(column for row in self.rows for column in row.values))

    @property
    def configs(self) -> tuple[str, ...]:
        """Names of the configs that train rows of it."""
        return tuple(dict.fromkeys(config for row in self.rows for config in row.configs))

    def row(self, name: str, statistic: str = "") -> PublishedRow:
        """Returns the row of that name.

        Raises:
            ValueError: there is none.
        """
        for row in self.rows:
            if (row.name, row.statistic) == (name, statistic):
                return row
        raise ValueError(
            f"`name` must be a row of table {self.name}: {'; '.join(row.name for row in self.rows)}. "
            f"Received: name={name!r}."
        )

    def published(self, name: str, statistic: str = "") -> PublishedScores | PublishedMeanIoU:
        """Returns the scores of a row, for the entry of a config."""
        row = self.row(name, statistic)
        scores = {column: value for column, value in row.values.items() if column != PARAMETERS}
        if self.metric == "SDR":
            scores.pop("average", None)
            return PublishedScores(self.column, scores, self.aggregation, self.scored_on, self.reference)
        mean = scores.pop(MEAN_IOU)
        return PublishedMeanIoU(self.column, mean, self.scored_on, self.reference, scores)


def read_rows(path: str | Path, labels: Sequence[str]) -> tuple[PublishedRow, ...]:
    """Reads the rows of a published table from a CSV file.

    Its columns are the texts that `labels` names, `configs` (names with spaces between), `statistic` where a
    table has means and medians, and numbers as printed; a cell may be empty.

    Args:
        path: path of the file.
        labels: names of the columns of text.

    Returns:
        Tuple of `PublishedRow`.
    """
    with open(path, newline="", encoding="utf-8") as file:
        return tuple(_row(cells, labels) for cells in csv.DictReader(file))


def _row(cells, labels):
    numbers = {
        column: float(text)
        for column, text in cells.items()
        if text and column not in (*labels, CONFIGS, STATISTIC)
    }
    return PublishedRow(
        tuple(cells[label] for label in labels),
        numbers,
        tuple(cells[CONFIGS].split()),
        cells.get(STATISTIC, ""),
    )


def find_by_name(name: str, known: Iterable[str], argument: str, of: str = "") -> str:
    """Returns `name` if it is known.

    Raises:
        ValueError: it is not; the message names close ones and all.
    """
    known = tuple(known)
    if name in known:
        return name
    close = difflib.get_close_matches(str(name), known, n=3)
    hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    where = f" for {of}" if of else ""
    raise ValueError(
        f"`{argument}` must be one of {', '.join(known)}{where}. Received: {argument}={name!r}.{hint}"
    )
