"""Loss and metric of label maps against NumPy loops."""

import keras
import numpy as np
import pytest

from keras_d3.evaluation import confusion_matrix, segmentation_scores
from keras_d3.training.segmentation_loss import (
    MeanIoU,
    SegmentationCrossEntropy,
    enlarge_logits,
    reduce_labels,
)


def example(seed, size=(5, 7), classes=4, ignored=0.3):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, (2, *size))
    labels[rng.random(labels.shape) < ignored] = 255
    return labels, rng.normal(size=(2, *size, classes)).astype("float32")


def cross_entropies(labels, logits):
    """One loss per labeled pixel, in float64."""
    losses = []
    for place in np.ndindex(labels.shape):
        if labels[place] != 255:
            scores = logits[place].astype("float64")
            losses.append(np.log(np.exp(scores).sum()) - scores[labels[place]])
    return np.array(losses)


@pytest.mark.parametrize("average", ["labeled", "all"])
def test_cross_entropy_leaves_out_what_has_no_class(average):
    labels, logits = example(0)
    losses = cross_entropies(labels, logits)
    count = len(losses) if average == "labeled" else labels.size
    loss = SegmentationCrossEntropy(average)
    assert float(loss(labels, logits)) == pytest.approx(losses.sum() / count, rel=1e-5)
    assert len(losses) < labels.size
    # What is predicted where there is no class does not matter, also to the gradient.
    changed = np.where(labels[..., None] == 255, 9 * logits + 1, logits)
    assert float(loss(labels, changed)) == pytest.approx(losses.sum() / count, rel=1e-5)
    assert float(loss(np.full_like(labels, 255), logits)) == 0.0
    restored = SegmentationCrossEntropy.from_config(loss.get_config())
    assert float(restored(labels, logits)) == float(loss(labels, logits))


@pytest.mark.parametrize("size, reduced", [((321, 321), (41, 41)), ((8, 12), (2, 3)), ((7, 5), (7, 5))])
def test_labels_are_reduced_as_by_tensorflow_1(size, reduced):
    """Pixel floor(i * m / n): the upper left one of a block, also where sizes do not divide."""
    import tensorflow as tf

    labels = np.arange(size[0] * size[1]).reshape(1, *size)
    result = keras.ops.convert_to_numpy(reduce_labels(labels, *reduced))
    rows = [i * size[0] // reduced[0] for i in range(reduced[0])]
    columns = [i * size[1] // reduced[1] for i in range(reduced[1])]
    np.testing.assert_array_equal(result[0], labels[0][np.ix_(rows, columns)])
    legacy = tf.compat.v1.image.resize_nearest_neighbor(labels[..., None].astype("float64"), reduced)
    np.testing.assert_array_equal(result, legacy[..., 0])


def test_smaller_logits_meet_reduced_labels():
    labels, logits = example(1, (3, 4))
    large = np.full((2, 6, 8), 77)
    large[:, ::2, ::2] = labels
    losses = cross_entropies(labels, logits)
    assert float(SegmentationCrossEntropy()(large, logits)) == pytest.approx(losses.mean(), rel=1e-5)


def test_mean_iou_is_that_of_the_scores():
    """Over several batches; classes that are nowhere are left out."""
    metric, total = MeanIoU(5), 0
    for seed in range(3):
        labels, logits = example(seed, classes=4)
        logits = np.concatenate([logits, np.full((*logits.shape[:-1], 1), -9.0, "float32")], -1)
        metric.update_state(labels, logits)
        total = total + confusion_matrix(labels, logits.argmax(-1), 5)
    scores = segmentation_scores(total, "abcde")
    assert scores["classes_scored"] == 4
    assert float(metric.result()) == pytest.approx(scores["mean_iou"], rel=1e-6)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(metric.matrix), total)
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_metric_counts_beyond_what_float32_can():
    metric = MeanIoU(2)
    metric.matrix.assign([[2.0**24, 0], [0, 1]])
    metric.update_state(np.zeros((1, 1, 1), int), np.array([[[[1.0, 0.0]]]], "float32"))
    assert float(metric.matrix[0, 0]) == 2**24 + 1


def test_logits_are_enlarged_as_by_tensorflow():
    import tensorflow as tf

    logits = np.random.default_rng(2).normal(size=(2, 3, 5, 4)).astype("float32")
    for size in ((8, 13), (3, 5), (24, 40)):
        np.testing.assert_allclose(enlarge_logits(logits, *size), tf.image.resize(logits, size), atol=1e-5)
        legacy = tf.compat.v1.image.resize_bilinear(logits, size)
        np.testing.assert_allclose(enlarge_logits(logits, *size, "legacy"), legacy, atol=1e-5)
    labels = np.random.default_rng(3).integers(0, 4, (2, 24, 40))
    metric = MeanIoU(4)
    metric.update_state(labels, logits)
    expected = confusion_matrix(labels, np.argmax(tf.image.resize(logits, (24, 40)), -1), 4)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(metric.matrix), expected)


def test_legacy_logits_meet_reduced_labels():
    """Where labels were reduced, a network that knows them is right at all their pixels; else it is not."""
    labels = np.random.default_rng(4).integers(0, 4, (1, 24, 40))
    logits = 9 * np.eye(4, dtype="float32")[keras.ops.convert_to_numpy(reduce_labels(labels, 6, 10))]
    hits = {}
    for resize in ("legacy", "half_pixel"):
        metric = MeanIoU(4, resize)
        only_known = np.full_like(labels, 255)
        only_known[:, ::4, ::4] = labels[:, ::4, ::4]
        metric.update_state(only_known, logits)
        hits[resize] = float(metric.result())
    assert hits["legacy"] == 1 > hits["half_pixel"]


def test_refusals():
    with pytest.raises(ValueError, match="`average` must be one of 'labeled', 'all'.*average='batch'"):
        SegmentationCrossEntropy("batch")
    with pytest.raises(ValueError, match="`num_classes` must be an integer of at least 1"):
        MeanIoU(0)
    with pytest.raises(ValueError, match="`resize` must be one of 'half_pixel', 'legacy'"):
        MeanIoU(2, "nearest")
