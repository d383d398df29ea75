"""Cross-entropy and mean IoU of label maps, with pixels of no class left out."""

import keras
from keras import ops

from keras_d3.images import IGNORED_LABEL
from keras_d3.ops import resize_by_matmul
from keras_d3.settings import RESIZES
from keras_d3.utils import check_choice, check_positive_int

AVERAGES = ("labeled", "all")


def reduce_labels(labels, height, width):
    """Reduces label maps to `height` x `width` by taking one pixel for each.

    Pixel i of n takes pixel floor(i * m / n) of m: of a block, the upper left one. That is TensorFlow 1's
    nearest neighbor without aligned corners, as in the official code of Wang and Ji, 2018; for 321 pixels
    and 41, the places are 7.83 apart, not 8.

    Args:
        labels: integer tensor (batch, height, width).
        height, width: ints or integer scalars.

    Returns:
        Integer tensor (batch, `height`, `width`).
    """
    for axis, size in ((1, height), (2, width)):
        places = ops.arange(size, dtype="int32") * ops.shape(labels)[axis] // size
        labels = ops.take(labels, places, axis=axis)
    return labels


def enlarge_logits(logits, height, width, resize="half_pixel"):
    """Resizes logits bilinearly, also to sizes that are not known before.

    Args:
        logits: (batch, height, width, classes).
        height, width: ints or integer scalars.
        resize: "half_pixel", or "legacy" as TensorFlow 1 did, where pixel i of n reads place i * m / n of m.
            Labels that `reduce_labels` reduced belong to the latter.

    Returns:
        Tensor (batch, `height`, `width`, classes).
    """
    if tuple(logits.shape[1:3]) == (height, width):
        return logits
    return resize_by_matmul(logits, (height, width), half_pixel=resize == "half_pixel")


@keras.saving.register_keras_serializable(package="keras_d3")
class SegmentationCrossEntropy(keras.losses.Loss):
    """Softmax cross-entropy of pixels, without those of label 255.

    Args:
        average: `"labeled"`: over the batch's pixels that have a class (Wang and Ji, 2018); `"all"`: the
            same sum over all pixels of the batch, so that images with few labeled pixels count less
            (official D3Net code).

    Call arguments:
        y_true: labels (batch, height, width). If the logits are smaller, they are reduced: see
            `reduce_labels`.
        y_pred: logits (batch, height, width, classes).

    Raises:
        ValueError: `average` is unknown.
    """

    def __init__(self, average="labeled", name="segmentation_cross_entropy", dtype=None):
        super().__init__(name=name, reduction=None, dtype=dtype)
        self.average = check_choice("average", average, AVERAGES)

    def call(self, y_true, y_pred):
        size = ops.shape(y_pred)[1:3]
        labels = reduce_labels(ops.cast(y_true, "int32"), *size)
        is_labeled = labels != IGNORED_LABEL
        labels = ops.where(is_labeled, labels, 0)
        losses = keras.losses.sparse_categorical_crossentropy(labels, y_pred, from_logits=True)
        weights = ops.cast(is_labeled, losses.dtype)
        count = ops.sum(weights) if self.average == "labeled" else ops.cast(ops.size(weights), losses.dtype)
        return ops.sum(losses * weights) / ops.maximum(count, 1)

    def get_config(self):
        return {"average": self.average, "name": self.name}


@keras.saving.register_keras_serializable(package="keras_d3")
class MeanIoU(keras.metrics.Metric):
    """Mean over the classes of intersection / union of the predicted and the true pixels of a class.

    Pixels of label 255 are not counted; classes that are neither in labels nor predictions are left out of
    the mean. At the size of the labels: smaller logits are resized bilinearly.
    `keras_d3.evaluation.mean_iou` is the same on whole data sets.

    Args:
        num_classes: int.
        resize: see `enlarge_logits`; that of the run's segmenter.
    """

    def __init__(self, num_classes, resize="half_pixel", name="mean_iou", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.resize = check_choice("resize", resize, RESIZES)
        self.num_classes = check_positive_int("num_classes", num_classes)
        # Pixels by true and predicted class. In float64, because float32 stops counting at 2 ** 24.
        self.matrix = self.add_weight(
            shape=(num_classes, num_classes), initializer="zeros", name="matrix", dtype="float64"
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        labels = ops.cast(y_true, "int32")
        height, width = ops.shape(labels)[1:3]
        y_pred = enlarge_logits(y_pred, height, width, self.resize)
        predicted = ops.cast(ops.argmax(y_pred, axis=-1), "int32")
        labels, predicted = ops.reshape(labels, (-1,)), ops.reshape(predicted, (-1,))
        # What is ignored is counted beyond the matrix.
        square = self.num_classes**2
        cells = ops.where(labels == IGNORED_LABEL, square, labels * self.num_classes + predicted)
        counts = ops.bincount(cells, minlength=square + 1)[:square]
        counts = ops.cast(counts, "float64")
        self.matrix.assign_add(ops.reshape(counts, (self.num_classes, self.num_classes)))

    def result(self):
        hits = ops.diagonal(self.matrix)
        unions = ops.sum(self.matrix, 0) + ops.sum(self.matrix, 1) - hits
        is_there = ops.cast(unions > 0, "float64")
        total = ops.sum(hits / ops.maximum(unions, 1) * is_there)
        return ops.cast(total / ops.maximum(ops.sum(is_there), 1), "float32")

    def get_config(self):
        return {"num_classes": self.num_classes, "resize": self.resize, "name": self.name}
