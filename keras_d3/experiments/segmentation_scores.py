"""Scores of segmenters: whole images through a run's network, mean IoU, pictures, label maps.

RUN/scores/<split>[_<settings>].json      IoU of every class, the confusion matrix, and what was scored
RUN/overlays/<split>/<image>.png          image, prediction and labels side by side
RUN/labels/<split>/<image>_labels.png     label maps, where asked for; with the data set's ids, under the
                                          names that its server wants
"""

from pathlib import Path

from tqdm import tqdm

from keras_d3.data import check_image_records, load_manifest
from keras_d3.evaluation import confusion_matrix, segmentation_scores
from keras_d3.experiments.segmented_images import LabelMaps, Overlays, has_labels, images_of
from keras_d3.runs import Run
from keras_d3.segmentation import segmenter_from_run
from keras_d3.settings import to_dict
from keras_d3.utils import current_commit, write_checked_json

# Facts of the data, not settings.
NO_SETTINGS = ("normalization", "label_set")


def score_segmentation_run(
    run_dir, data_dir, split="validation", changes=None, num_overlays=0, label_ids=None
):
    """Scores a finished run on whole images.

    Args:
        run_dir: run directory of a segmentation recipe.
        data_dir: directory of image records.
        split: str, whose images are scored; one that the run was trained on is refused.
        changes: dict of settings of `keras_d3.settings.SegmenterConfig` that replace the run's, such as
            `{"flip": True}`. The score file's name says them.
        num_overlays: int, of how many images pictures are written.
        label_ids: str, "classes" or "dataset", to write a label map per image, also where there are no
            labels to score with; None, not to.

    Returns:
        `(scores, path of the score file)`; see `segmentation_scores`. "selected_on_this_split" says whether
        these images also chose the weights. `(None, path of the label maps)` without labels.

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
    refuse_leaks(manifest, split, run.tracks().get("train", ()), run_dir)
    is_labeled = check_labels(manifest, split, label_ids)
    segmenter = segmenter_from_run(run_dir, config.training.selection, changes)
    outputs = wanted_outputs(run_dir, segmenter, manifest, split, num_overlays, label_ids)
    matrix = sum(found for _, found in confusions(segmenter, manifest, split, outputs))
    if not is_labeled:
        return None, run_dir / "labels" / split
    scores = {
        **scores_of_matrix(matrix, manifest, split, segmenter.config),
        "selected_on_this_split": split == "validation" and config.training.selection == "best",
        "run": made_from,
        "seed": config.training.seed,
        "commit": current_commit(),
    }
    path = run_dir / "scores" / f"{split}{suffix_of(changes)}.json"
    write_checked_json(path, scores)
    return scores, path


def refuse_leaks(manifest, split, trained, model):
    """Raises ValueError if images of a split are among those that a model was trained on."""
    leaked = sorted({image.name for image in manifest.images(split)} & set(trained))
    if leaked:
        raise ValueError(
            f"Images must not be scored that the run was trained on. Of `{split}` these were, {len(leaked)}: "
            f"{', '.join(leaked[:3])} (`{model}`). Score another split or other records."
        )


def check_labels(manifest, split, label_ids):
    """Returns whether there are labels to score with; without them, label maps must be asked for.

    Raises:
        ValueError: no labels, and `label_ids` is None.
    """
    is_labeled = has_labels(manifest, split)
    if not is_labeled and label_ids is None:
        raise ValueError(
            f"No pixel of `{split}` in `{manifest.directory}` has a class: there is nothing to score. Labels "
            "that a benchmark keeps are scored by its server alone: write label maps for it by "
            "`--label-ids dataset`, or by `keras-d3 segment --model SAVED_MODEL --data "
            f"{manifest.directory} --split {split} --label-ids dataset --out DIR`."
        )
    return is_labeled


def wanted_outputs(out_dir, segmenter, manifest, split, num_overlays, label_ids):
    """Lists what is to be written of every image; see `score_segmentation_run`."""
    outputs = [Overlays(out_dir / "overlays" / split, manifest, split, num_overlays)]
    if label_ids is not None:
        outputs.append(LabelMaps(out_dir / "labels" / split, segmenter, label_ids))
    return outputs


def confusions(segmenter, manifest, split, outputs, skip=()):
    """Yields name and confusion matrix of every image, and writes what is to be written of it."""
    total = len(manifest.images(split))
    for image in tqdm(images_of(manifest, split), desc="segment", unit="image", total=total):
        name = image["image_name"]
        if name not in skip:
            predictions, _ = segmenter.segment(image["pixels"])
            for output in outputs:
                output.write(image, predictions)
            num_classes = len(segmenter.classes)
            yield name, confusion_matrix(image["label"], predictions, num_classes, manifest.ignored_label)


def scores_of_matrix(matrix, manifest, split, config):
    """Returns the part of a score file that tells of figures, data and settings."""
    return {
        **segmentation_scores(matrix, manifest.classes),
        "confusion_matrix": matrix.tolist(),
        "data_set": manifest.dataset,
        "variant": manifest.variant,
        "split": split,
        "images": len(manifest.images(split)),
        "aggregation": "pixels of all images together, then the mean over classes",
        "settings": settings_of(config),
    }


def settings_of(config):
    """Returns the settings of a `SegmenterConfig` that scores depend on, as a dict."""
    return {name: value for name, value in to_dict(config).items() if name not in NO_SETTINGS}


def suffix_of(changes):
    """Returns the part of a score file's name that tells which settings were changed."""
    return "".join(f"_{name}-{_word(value)}" for name, value in sorted(changes.items()))


def _word(value):
    values = value if isinstance(value, (list, tuple)) else [value]
    return "-".join(str(item) for item in values)
