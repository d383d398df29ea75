"""Intersection over union of label maps, as the Cityscapes and PASCAL VOC benchmarks take it."""

import numpy as np

from keras_d3.images import IGNORED_LABEL


def confusion_matrix(labels, predictions, num_classes, ignored_label=IGNORED_LABEL):
    """Counts pixels by true and predicted class; the matrices of several images are added up.

    Args:
        labels: integer array of any shape, 0 to `num_classes - 1` or `ignored_label`.
        predictions: integer array of the same shape, 0 to `num_classes - 1`.
        num_classes: int.
        ignored_label: int; pixels of this label are not counted, whatever is predicted there.

    Returns:
        int64 array (num_classes, num_classes): pixels of class `row` that were taken for `column`.

    Raises:
        ValueError: shapes differ, or there are other labels or predictions.

    Example:

    >>> import numpy as np
    >>> from keras_d3.evaluation import confusion_matrix
    >>> confusion_matrix(np.array([0, 1, 1, 255]), np.array([0, 1, 0, 0]), 2).tolist()
    [[1, 0], [1, 1]]
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape:
        raise ValueError(
            "`labels` and `predictions` must have one shape. "
            f"Received: labels {labels.shape}, predictions {predictions.shape}."
        )
    is_labeled = labels != ignored_label
    true, predicted = labels[is_labeled].astype("int64"), predictions[is_labeled].astype("int64")
    for name, values in (("labels", true), ("predictions", predicted)):
        if values.size and not 0 <= values.min() <= values.max() < num_classes:
            raise ValueError(
                f"`{name}` must be 0 to {num_classes - 1}. Received: {values.min()} to {values.max()}."
            )
    counts = np.bincount(true * num_classes + predicted, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def segmentation_scores(matrix, classes):
    """Scores of a data set from its confusion matrix.

        IoU(class) = TP / (TP + FP + FN)

    over the pixels of all images together (Everingham et al., 2010; Cordts et al., 2016). A class that is
    neither in the labels nor predicted has no IoU and is left out of the mean; one that is predicted
    although no pixel has it counts 0. Both are what the official Cityscapes script does.

    Args:
        matrix: from `confusion_matrix`, summed over all images.
        classes: names, one per row.

    Returns:
        JSON-ready dict: "mean_iou"; "iou": `{class: IoU or None}`; "pixels": `{class: labeled pixels}`;
        "pixel_accuracy"; "classes_scored": how many the mean is over. The scores are fractions, None where
        there is nothing to score.

    Raises:
        ValueError: matrix and classes differ in number.
    """
    matrix = np.asarray(matrix)
    if matrix.shape != (len(classes), len(classes)):
        raise ValueError(
            "`matrix` must have a row and a column per class. "
            f"Received: {matrix.shape}, {len(classes)} classes."
        )
    hits, pixels = np.diagonal(matrix), matrix.sum(axis=1)
    unions = pixels + matrix.sum(axis=0) - hits
    ious = [int(hit) / int(union) if union else None for hit, union in zip(hits, unions, strict=True)]
    scored = [iou for iou in ious if iou is not None]
    total = int(pixels.sum())
    return {
        "mean_iou": sum(scored) / len(scored) if scored else None,
        "pixel_accuracy": int(hits.sum()) / total if total else None,
        "classes_scored": len(scored),
        "iou": dict(zip(classes, ious, strict=True)),
        "pixels": dict(zip(classes, map(int, pixels), strict=True)),
    }


def format_iou_table(scores, published=()):
    """Returns the scores as a table of text, in percent.

    Args:
        scores: from `segmentation_scores`.
        published: pairs of a column's title and its mean IoU in percent, which stand beside the mean.
    """
    width = max(len(name) for name in (*scores["iou"], "mean IoU"))
    lines = [f"{'':{width}} {'this run':>10}" + "".join(f" {title:>16}" for title, _ in published)]
    cells = "".join(f" {value:16.1f}" for _, value in published)
    lines.append(f"{'mean IoU':{width}} {_percent(scores['mean_iou']):>10}{cells}")
    lines += [f"{name:{width}} {_percent(iou):>10}" for name, iou in scores["iou"].items()]
    return "\n".join(lines)


def _percent(value):
    return "" if value is None else f"{100 * value:.1f}"
