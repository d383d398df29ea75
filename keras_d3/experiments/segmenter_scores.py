"""Scores of any segmenter: a SavedModel on a split of records, beside what was published for it.

OUT/scores/<split>[_<settings>].json            IoU of every class, the confusion matrix, and what was scored
OUT/scores/<split>[_<settings>].unfinished      from which it goes on after an interruption
OUT/overlays/<split>/, OUT/labels/<split>/      as of a run, see `segmentation_scores`
"""

import dataclasses
import json
from pathlib import Path

import numpy as np

from keras_d3.data import check_kind, load_manifest
from keras_d3.experiments.model_origin import model_origin, records_sha256, trained_names
from keras_d3.experiments.published import entry_of_model, published_mean_iou
from keras_d3.experiments.segmentation_scores import (
    check_labels,
    confusions,
    refuse_leaks,
    scores_of_matrix,
    settings_of,
    suffix_of,
    wanted_outputs,
)
from keras_d3.segmentation import load_segmenter, read_segmenter_metadata, segmenter_config
from keras_d3.settings import to_dict
from keras_d3.utils import atomic_path, current_commit, write_checked_json


def score_segmenter(
    saved_model, data_dir, out_dir, split="validation", changes=None, num_overlays=0, label_ids=None
):
    """Scores a segmenter's SavedModel on whole images, whatever made it.

    After an interruption it goes on with the images that are left, if SavedModel, records and settings are
    the same.

    Args:
        saved_model: path of the SavedModel.
        out_dir: directory of scores, pictures and label maps.
        data_dir, split, changes, num_overlays, label_ids: see `score_segmentation_run`; the changes replace
            settings that the SavedModel was exported with.

    Returns:
        `(scores, path of the score file, published, reason)`, the last two from `published_mean_iou`; scores
        are None, and the path that of the label maps, without labels.

    Raises:
        FileNotFoundError: no SavedModel or no records.
        ValueError: other classes than the records', images that the model was trained on as far as its
            metadata name them, or no pixel has a class.

    Example:

    >>> scores, path, _, _ = score_segmenter("d3net_s", "records/cityscapes", "d3net_s_scores")
    """
    metadata, manifest, out_dir = read_segmenter_metadata(saved_model), load_manifest(data_dir), Path(out_dir)
    changes = dict(changes or {})
    check_segmenter(metadata, manifest, split)
    refuse_leaks(manifest, split, trained_names(metadata, "train") or (), saved_model)
    config = segmenter_config(metadata, changes)
    is_labeled = check_labels(manifest, split, label_ids)
    origin = model_origin(saved_model, metadata)
    segmenter = load_segmenter(saved_model, changes)
    outputs = wanted_outputs(out_dir, segmenter, manifest, split, num_overlays, label_ids)
    path = out_dir / "scores" / f"{split}{suffix_of(changes)}.json"
    identity = {
        "model": origin["sha256"],
        "records": records_sha256(manifest, split),
        "settings": to_dict(config),
    }
    progress = _Progress(path.with_suffix(".unfinished"), identity, len(config.label_set))
    done = {
        name: matrix for name, matrix in progress.read().items() if all(item.has(name) for item in outputs)
    }
    matrix = sum(done.values())
    for name, found in confusions(segmenter, manifest, split, outputs, skip=done):
        progress.add(name, found)
        matrix = matrix + found
    published, reason = published_mean_iou(entry_of_model(metadata), manifest, split, settings_of(config))
    if not is_labeled:
        progress.remove()
        return None, out_dir / "labels" / split, (), ""
    scores = {
        **scores_of_matrix(matrix, manifest, split, config),
        "records_sha256": records_sha256(manifest, split),
        "trained_images_known": trained_names(metadata) is not None,
        "model": origin,
        "published": [dataclasses.asdict(item) for item in published],
        "commit": current_commit(),
    }
    write_checked_json(path, scores)
    progress.remove()
    return scores, path, published, reason


def check_segmenter(metadata, manifest, split):
    """Refuses records that a segmenter cannot be scored on.

    Args:
        metadata: of the segmenter's SavedModel.
        manifest: `ImageManifest` of the records.
        split: str.

    Raises:
        ValueError: records of another kind, without the split, or of other classes.
    """
    check_kind(manifest, "images")
    manifest.split(split)
    ours, theirs = tuple(metadata["classes"]), tuple(manifest.classes)
    if ours != theirs:
        number = next(
            (place for place, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), None
        )
        first = "" if number is None else f", class {number} {ours[number]!r} instead of {theirs[number]!r}"
        raise ValueError(
            f"`model` must have the classes of the records, {len(theirs)} in `{manifest.directory}`. "
            f"Received: a model of {len(ours)} classes{first}. Take records of the data set that it was "
            "trained for."
        )


class _Progress:
    """The confusion matrices of the images that are done: a line of JSON each, after one that says of what.

    A line that was cut off is not counted.
    """

    def __init__(self, path, identity, num_classes):
        self._path, self._shape = path, (num_classes, num_classes)
        self._identity = json.loads(json.dumps(identity))

    def read(self):
        """Returns a dict of image name to matrix; starts anew where the file is of anything else."""
        lines = self._path.read_text(encoding="utf-8").split("\n")[:-1] if self._path.is_file() else []
        if not lines or json.loads(lines[0]) != self._identity:
            lines = [json.dumps(self._identity)]
        # What follows the last whole line would run into the next one.
        with atomic_path(self._path) as temporary:
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
        done = map(json.loads, lines[1:])
        return {item["image"]: np.array(item["matrix"], "int64").reshape(self._shape) for item in done}

    def add(self, name, matrix):
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"image": name, "matrix": matrix.ravel().tolist()}) + "\n")

    def remove(self):
        self._path.unlink(missing_ok=True)
