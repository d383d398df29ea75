"""The contents of a report on segmentation networks as plain data, without files or networks."""

import dataclasses

import numpy as np

from keras_d3.images import LabelSet


@dataclasses.dataclass(frozen=True)
class PublishedIoU:
    """A published mean IoU, which is never mixed with those of this run.

    Args:
        column: str, its origin: "paper", "paper, COCO", "official weights".
        mean_iou_percent: float.
        data_set: str, what was scored, and where the number stands.
    """

    column: str
    mean_iou_percent: float
    data_set: str


@dataclasses.dataclass(frozen=True)
class SegmentationEntry:
    """One network of the report; unknown values stay None or empty and are shown as empty cells.

    Args:
        name: str, display name; unique.
        group: str, the name that runs of other seeds share.
        preset, paper: str, name of the preset and its citation.
        parameters: int, number of trainable parameters.
        train_secs: float, duration of the training in seconds.
        train_steps, train_epochs: int, length of the training.
        secs_per_image: float, of one whole image of the scored split, alone in a process.
        memory_bytes: int, the largest memory of that process.
        scores: dict, from `keras_d3.evaluation.segmentation_scores`.
        published: tuple of `PublishedIoU`.
        curves: list of dicts with "epoch", "loss", "val_loss" and "val_mean_iou".
        config, notes: str, for the table of runs.
        seed: int, random seed.
        initial_weights: str, what the training started from, such as "from scratch".
        predictions: dict of an image's name to its label map, an integer array (height, width).
    """

    name: str
    group: str = ""
    preset: str = ""
    paper: str = ""
    parameters: int | None = None
    train_secs: float | None = None
    train_steps: int | None = None
    train_epochs: int | None = None
    secs_per_image: float | None = None
    memory_bytes: int | None = None
    scores: dict | None = None
    published: tuple = ()
    curves: list = dataclasses.field(default_factory=list)
    config: str = ""
    notes: str = ""
    seed: int | None = None
    initial_weights: str = ""
    predictions: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ExampleImage:
    """An image that the report shows with the labels of every network.

    Args:
        name: str.
        pixels: uint8 array (height, width, 3).
        labels: integer array (height, width), the true classes.
    """

    name: str
    pixels: np.ndarray
    labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class SegmentationReportData:
    """Everything that `write_segmentation_report` shows.

    Args:
        title: str, heading.
        label_set: `LabelSet`, classes and colors.
        models: tuple of `SegmentationEntry`.
        images: tuple of `ExampleImage`.
        intro: str, one or two sentences under the heading.
        data_set: str, data set, variant and split.
        commit, machine, date, command: str, of the run.
        footnotes: tuple of str, further notes.

    Raises:
        ValueError: names are not unique, or a prediction has another size than its image.
    """

    title: str
    label_set: LabelSet
    models: tuple
    images: tuple = ()
    intro: str = ""
    data_set: str = ""
    commit: str = ""
    machine: str = ""
    date: str = ""
    command: str = ""
    footnotes: tuple = ()

    def __post_init__(self):
        names = [model.name for model in self.models]
        if len(set(names)) != len(names):
            raise ValueError(f"`models` must have unique names. Received: {', '.join(names)}.")
        for image in self.images:
            for model in self.models:
                labels = model.predictions.get(image.name)
                if labels is not None and np.shape(labels) != image.pixels.shape[:2]:
                    raise ValueError(
                        f"Predictions must have the size of their image. Received: {np.shape(labels)} of "
                        f"{model.name} for {image.name!r} of {image.pixels.shape[:2]}."
                    )

    @property
    def facts(self):
        """The provenance as (label, text) pairs; empty ones are left out."""
        pairs = (
            ("Data set", self.data_set),
            ("Scores", "IoU of the pixels of all images together, then the mean over classes"),
            ("Commit", self.commit),
            ("Machine", self.machine),
            ("Date", self.date),
            ("Command", self.command),
        )
        return tuple((label, text) for label, text in pairs if text)
