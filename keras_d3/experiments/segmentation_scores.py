"""Scores of segmenters: whole images through a run's network, mean IoU, pictures.

RUN/scores/<split>[_<settings>].json      IoU of every class, the confusion matrix, and what was scored
RUN/overlays/<split>/<image>.png          image, prediction and labels side by side
"""

from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_d3.data import check_image_records, load_manifest, read_image, reraise_with_shard_name
from keras_d3.evaluation import confusion_matrix, segmentation_scores
from keras_d3.images import overlay, write_image
from keras_d3.runs import Run
from keras_d3.segmentation import segmenter_from_run
from keras_d3.settings import to_dict
from keras_d3.utils import current_commit, write_json


def score_segmentation_run(run_dir, data_dir, split="validation", changes=None, num_overlays=0):
    """Scores a finished run on whole images.

    Args:
        run_dir: run directory of a segmentation recipe.
        data_dir: directory of image records.
        split: str, whose images are scored; one that the run was trained on is refused.
        changes: dict of settings of `keras_d3.settings.SegmenterConfig` that replace the run's, such as
            `{"flip": True}`. The score file's name says them.
        num_overlays: int, of how many images pictures are written.

    Returns:
        `(scores, path of the score file)`; see `segmentation_scores`. "selected_on_this_split" says whether
        these images also chose the weights.

    Raises:
        FileNotFoundError: no run or no records.
        ValueError: the run is not finished, was trained on these images, or does not fit the records; no
            pixel has a class.
    """
    run_dir, changes, run = Path(run_dir), dict(changes or {}), Run(run_dir)
    made_from, config = run.describe(), run.config
    if config.data.kind != "images":
        raise ValueError(f"`{run_dir}` must be a run on images. Received: one on {config.data.kind}.")
    manifest = load_manifest(data_dir)
    check_image_records(manifest, config.data, split)
    leaked = sorted({image.name for image in manifest.images(split)} & set(run.tracks().get("train", ())))
    if leaked:
        raise ValueError(
            f"Images must not be scored that the run was trained on. Of `{split}` these were, {len(leaked)}: "
            f"{', '.join(leaked[:3])}. Score another split or other records."
        )
    segmenter = segmenter_from_run(run_dir, config.training.selection, changes)
    classes = config.data.classes
    matrix = np.zeros((len(classes), len(classes)), "int64")
    images = tqdm(
        images_of_split(manifest, split), desc="segment", unit="image", total=len(manifest.images(split))
    )
    with reraise_with_shard_name(manifest):
        for number, image in enumerate(images):
            predictions, _ = segmenter.segment(image["pixels"])
            matrix += confusion_matrix(image["label"], predictions, len(classes), manifest.ignored_label)
            if number < num_overlays:
                path = run_dir / "overlays" / split / f"{image['image_name']}.png"
                write_image(path, _side_by_side(image, predictions, manifest.palette))
    if not matrix.sum():
        raise ValueError(f"No pixel of `{split}` in `{data_dir}` has a class: there is nothing to score.")
    scores = {
        **segmentation_scores(matrix, classes),
        "confusion_matrix": matrix.tolist(),
        "data_set": manifest.dataset,
        "variant": manifest.variant,
        "split": split,
        "images": len(manifest.images(split)),
        "aggregation": "pixels of all images together, then the mean over classes",
        "settings": {
            name: value
            for name, value in to_dict(segmenter.config).items()
            if name not in ("normalization", "label_set")
        },
        "selected_on_this_split": split == "validation" and config.training.selection == "best",
        "run": made_from,
        "seed": config.training.seed,
        "commit": current_commit(),
    }
    suffix = "".join(f"_{name}-{_word(value)}" for name, value in sorted(changes.items()))
    path = run_dir / "scores" / f"{split}{suffix}.json"
    write_json(path, scores)
    return scores, path


def images_of_split(manifest, split):
    """Yields what `read_image` returns for every image of a split, in order."""
    for group in manifest.groups(split):
        for data in tf.data.TFRecordDataset(list(group.paths)).as_numpy_iterator():
            yield read_image(data)


def _side_by_side(image, predictions, palette):
    pixels = image["pixels"]
    shown = [overlay(pixels, labels, palette, 0.6) for labels in (predictions, image["label"])]
    return np.concatenate([pixels, *shown], axis=1)


def _word(value):
    values = value if isinstance(value, (list, tuple)) else [value]
    return "-".join(str(item) for item in values)
