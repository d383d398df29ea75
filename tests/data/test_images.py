"""Images for training and validation: each operation against NumPy, and what the pipelines must keep."""

import colorsys
import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from keras_d3.data import load_manifest, read_track, training_images, validation_images
from keras_d3.data.images.augmentation import choose_crop, cut, distort, flip, pad, scale
from keras_d3.data.images.checks import check_image_records, image_shuffle_bytes
from keras_d3.data.images.schema import read_image
from keras_d3.images.label_sets import CITYSCAPES
from keras_d3.images.normalization import IMAGENET_CAFFE_BGR, IMAGENET_RGB
from keras_d3.settings import ImageDataConfig, PhotometricDistortion
from tests.helpers.small_scenes import SIZE, make_street_records

PLAIN = ImageDataConfig(CITYSCAPES.names, SIZE, IMAGENET_RGB, flip_probability=0.0)
FULL = dataclasses.replace(
    PLAIN,
    crop=(32, 48),
    scale_range=(0.5, 2.0),
    flip_probability=0.5,
    distortion=PhotometricDistortion(),
    max_class_fraction=0.75,
)


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    return load_manifest(make_street_records(tmp_path_factory.mktemp("street")))


@pytest.fixture(scope="module")
def stored(street):
    """`(pixels, label)` of every training image."""
    paths = [path for group in street.groups("train") for path in group.paths]
    records = [read_image(data) for data in tf.data.TFRecordDataset(paths).as_numpy_iterator()]
    return [(record["pixels"], record["label"]) for record in records]


def image_of(rng, height=7, width=9):
    return rng.uniform(0, 255, (height, width, 3)).astype("float32")


def test_scaling_keeps_image_and_labels_together():
    """Bilinear with half-pixel centers, written out; labels are those of the nearest pixel."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 19, (7, 9)).astype("uint8")
    image = np.repeat(label[:, :, None], 3, 2).astype("float32")
    for draw, height, width in ((0.0, 3, 4), (1 / 3, 7, 9), (0.9, 12, 16), (0.999999, 13, 17)):
        scaled, labels = scale(image, label, tf.constant(draw), (0.5, 2.0))
        assert scaled.shape == (height, width, 3) and labels.shape == (height, width)
        for out_row in range(height):
            row = np.clip((out_row + 0.5) * 7 / height - 0.5, 0, 6)
            for out_column in range(width):
                column = np.clip((out_column + 0.5) * 9 / width - 0.5, 0, 8)
                top, left = int(row), int(column)
                bottom, right = min(top + 1, 6), min(left + 1, 8)
                down, across = row - top, column - left
                upper = (1 - across) * image[top, left] + across * image[top, right]
                lower = (1 - across) * image[bottom, left] + across * image[bottom, right]
                expected = (1 - down) * upper + down * lower
                np.testing.assert_allclose(scaled[out_row, out_column], expected, atol=1e-3)
                nearest = int((out_row + 0.5) * 7 / height), int((out_column + 0.5) * 9 / width)
                assert labels[out_row, out_column] == label[nearest]


def test_crops_are_drawn_again_until_no_class_is_too_large():
    """The left third has two classes in halves, the rest is one class; 255 is not counted."""
    label = np.zeros((12, 30), "uint8")
    label[::2, :10] = 1
    label[:, 8:10] = 255
    draws = np.array([[0.9, 0.99], [0.5, 0.6], [0.3, 0.0], [0.9, 0.2]], "float32")
    for fraction, expected in ((None, [7, 22]), (0.75, [2, 0]), (0.4, [7, 4])):
        corner = choose_crop(tf.constant(label), tf.constant(draws), (5, 8), fraction, 19)
        assert corner.numpy().tolist() == expected
    # A crop of one class alone, or of none, is refused even at a fraction of 1.
    alone = tf.constant(np.where(label == 0, 255, label))
    assert choose_crop(alone, tf.constant(draws), (5, 8), 1.0, 19).numpy().tolist() == [7, 4]


def test_all_corners_are_reached_and_none_lies_outside():
    label, crop = tf.zeros((6, 9), tf.uint8), (4, 5)
    draws = np.linspace(0, 1, 40, endpoint=False, dtype="float32")
    draws[-1] = np.nextafter(np.float32(1), np.float32(0))
    corners = [choose_crop(label, tf.constant([[draw, draw]]), crop, None, 19).numpy() for draw in draws]
    assert {tuple(corner) for corner in corners} >= {(0, 0), (2, 4)}
    assert np.max(corners, 0).tolist() == [2, 4] and np.min(corners) == 0
    assert choose_crop(label, tf.constant([[0.9, 0.9]]), (8, 5), None, 19).numpy().tolist() == [0, 4]


def test_padding_is_ignored_and_of_the_mean_color():
    rng = np.random.default_rng(1)
    image, label = image_of(rng), rng.integers(0, 19, (7, 9)).astype("int32")
    window, labels = cut(image, label, tf.constant([4, 2]), (5, 6))
    np.testing.assert_array_equal(window, image[4:9, 2:8])
    padded, padded_label = pad(IMAGENET_CAFFE_BGR(window), labels, (5, 6), 255)
    np.testing.assert_array_equal(padded_label[:3], label[4:, 2:8])
    assert (padded_label.numpy()[3:] == 255).all() and not padded.numpy()[3:].any()
    mean = np.array(IMAGENET_CAFFE_BGR.mean, "float32")
    np.testing.assert_allclose(padded[:3], image[4:, 2:8, ::-1] - mean, atol=1e-4)


def test_mirroring():
    rng = np.random.default_rng(2)
    image, label = image_of(rng), rng.integers(0, 19, (7, 9))
    for draw, step in ((0.49, -1), (0.51, 1)):
        flipped, labels = flip(image, label, tf.constant(draw), 0.5)
        np.testing.assert_array_equal(flipped, image[:, ::step])
        np.testing.assert_array_equal(labels, label[:, ::step])


def distorted(image, draws, settings):
    """The order of operations in float64, pixel by pixel with `colorsys`."""
    image = image.astype("float64")
    on = draws[:4] < settings.probability

    def between(draw, bounds):
        return bounds[0] + draw * (bounds[1] - bounds[0])

    def contrast(image):
        return np.clip(image * between(draws[5], settings.contrast), 0, 255) if on[1] else image

    if on[0]:
        image = np.clip(image + (2 * draws[4] - 1) * settings.brightness, 0, 255)
    if draws[8] < 0.5:
        image = contrast(image)
    if on[2] or on[3]:
        for place in np.ndindex(image.shape[:2]):
            hue, strength, value = colorsys.rgb_to_hsv(*image[place] / 255)
            strength = np.clip(strength * (between(draws[6], settings.saturation) if on[2] else 1), 0, 1)
            hue += (2 * draws[7] - 1) * settings.hue_degrees / 360 if on[3] else 0
            image[place] = np.array(colorsys.hsv_to_rgb(hue % 1, strength, value)) * 255
    return image if draws[8] < 0.5 else contrast(image)


def test_distortion_is_the_codes():
    rng = np.random.default_rng(3)
    settings = PhotometricDistortion()
    applied = tf.function(lambda image, draws: distort(image, draws, settings))
    seen = set()
    for _ in range(24):
        image, draws = image_of(rng, 3, 4), rng.random(9).astype("float32")
        np.testing.assert_allclose(applied(image, draws), distorted(image, draws, settings), atol=0.02)
        seen |= {(place, bool(draws[place] < 0.5)) for place in (0, 1, 2, 3, 8)}
    assert len(seen) == 10, "every branch was taken"
    off = PhotometricDistortion(probability=0.0)
    np.testing.assert_array_equal(distort(image, tf.constant(draws), off), image)


def batches(dataset, count):
    return [(images.numpy(), labels.numpy()) for images, labels in dataset.take(count)]


def test_every_image_comes_once_per_pass(street, stored):
    """The sum over a pass of what is fed is the sum of what is stored, in whatever order."""
    total = sum(IMAGENET_RGB(pixels.astype("float64")).sum() for pixels, _ in stored)
    orders = []
    for images, labels in batches(training_images(street, PLAIN, 4, 1), 3):
        assert images.dtype == np.float32 and labels.dtype == np.int32
        np.testing.assert_allclose(images.astype("float64").sum(), total, rtol=1e-6)
        counts, expected = (
            np.bincount(np.ravel(maps), minlength=256) for maps in (labels, [label for _, label in stored])
        )
        np.testing.assert_array_equal(counts, expected)
        orders.append(labels.tobytes())
    assert len(set(orders)) == 3, "epochs come in different orders"


def test_an_epoch_depends_on_seed_and_number_alone(street):
    straight = batches(training_images(street, FULL, 3, 3), 6)
    assert all(images.shape == (3, 32, 48, 3) and labels.shape == (3, 32, 48) for images, labels in straight)
    tf.random.set_seed(17)
    resumed = batches(training_images(street, FULL, 3, 3, first_epoch=1), 3)
    for ours, theirs in zip(resumed, straight[3:], strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
    other = batches(training_images(street, dataclasses.replace(FULL, seed=1), 3, 3), 1)
    assert (other[0][0] != straight[0][0]).any()
    assert len({images.tobytes() for images, _ in straight}) == 6


def test_validation_images_are_whole_and_in_order(street):
    own = batches(validation_images(street, FULL), 9)
    assert [images.shape for images, _ in own] == [(1, *SIZE, 3)] * 3
    larger = dataclasses.replace(FULL, validation_size=(64, 96), validation_batch_size=2)
    padded = batches(validation_images(street, larger), 9)
    assert [images.shape for images, _ in padded] == [(2, 64, 96, 3), (1, 64, 96, 3)]
    np.testing.assert_array_equal(padded[0][0][1, :48], own[1][0][0])
    np.testing.assert_array_equal(padded[0][1][1, :48], own[1][1][0])
    assert (padded[0][1][:, 48:] == 255).all() and not padded[0][0][:, 48:].any()


def test_memory_of_the_shuffle(street):
    shards = [shard for shard in street.shards if shard.split == "train"]
    assert image_shuffle_bytes(street, PLAIN) == sum(shard.bytes for shard in shards)
    two = dataclasses.replace(PLAIN, shuffle_images=2)
    assert image_shuffle_bytes(street, two) == sum(shard.bytes for shard in shards) // 2


def test_records_must_fit(street, manifest):
    with pytest.raises(ValueError, match="`classes` must be those of the records, 19 in .*road, sidewalk"):
        check_image_records(street, dataclasses.replace(PLAIN, classes=("a",)), "train")
    small = dataclasses.replace(PLAIN, validation_size=(64, 64))
    check_image_records(street, small, "train")
    with pytest.raises(ValueError, match="`validation_size` must be at least .*has 48 x 96"):
        check_image_records(street, small, "validation")
    with pytest.raises(ValueError, match="must be records of images. Received: .*of audio .ramps"):
        check_image_records(manifest, PLAIN, "train")
    with pytest.raises(ValueError, match="must be records of audio. Received: .*of images .scenes"):
        read_track(street, "train", "x")


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"crop": 0}, "`crop` must be an integer"),
        ({"classes": ()}, "`classes` must name at least one class"),
        ({"scale_range": (0.0, 1.0)}, r"`scale_range` must be \(low, high\) with 0 < low <= high"),
        ({"flip_probability": 2}, r"`flip_probability` must be in \[0, 1\]"),
        ({"max_class_fraction": 0}, "`max_class_fraction` must be None or in"),
        ({"padding_label": 19}, "`padding_label` must be 255 or a class, 0 to 18"),
        ({"validation_batch_size": 2}, "`validation_batch_size` must be 1 where images keep their sizes"),
        ({"validation_size": (1, 2, 3)}, "`validation_size` must be an integer or 2 integers"),
        ({"shuffle_images": 0}, "`shuffle_images` must be an integer of at least 1"),
    ],
)
def test_config_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(PLAIN, **changes)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"brightness": -1}, r"`brightness` must be in \[0, 255\]"),
        ({"hue_degrees": 181}, r"`hue_degrees` must be in \[0, 180\]"),
        ({"contrast": (1.0,)}, r"`contrast` must be \(low, high\)"),
    ],
)
def test_distortion_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        PhotometricDistortion(**changes)
