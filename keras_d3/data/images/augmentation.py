"""Augmentation of an image together with its label map; the random draws are arguments.

Images are float32 (height, width, 3), RGB, 0 to 255, label maps integers (height, width). Draws are float32
tensors of uniform random numbers in [0, 1), scalars unless a shape is given.
"""

import tensorflow as tf

from keras_d3.settings import PhotometricDistortion


def scale(
    image: tf.Tensor, label: tf.Tensor, draw: tf.Tensor, scale_range: tuple[float, float]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Resizes both by one factor, uniform in `scale_range`; sizes are rounded down.

    The image bilinearly, the label map to the nearest pixel, both with half-pixel centers. OpenCV's nearest
    neighbor (official D3Net code) and both of TensorFlow 1's (DeepLab) are half a pixel off.
    """
    low, high = scale_range
    if low == high == 1:
        return image, label
    factor = low + draw * (high - low)
    size = tf.cast(tf.floor(tf.cast(tf.shape(label), tf.float32) * factor), tf.int32)
    size = tf.maximum(size, 1)
    image = tf.image.resize(image, size, "bilinear")
    return image, tf.image.resize(label[:, :, tf.newaxis], size, "nearest")[:, :, 0]


def choose_crop(
    label: tf.Tensor,
    draws: tf.Tensor,
    crop: tuple[int, int],
    max_class_fraction: float | None,
    num_classes: int,
) -> tf.Tensor:
    """Returns the upper left corner of a random crop.

    Args:
        label: integer tensor (height, width), label map.
        draws: float32 tensor (tries, 2), for row and column of each try.
        crop: (height, width) in pixels.
        max_class_fraction: float in (0, 1] or None. The first try is taken that has at least two classes, all
            of them below this fraction of the labeled pixels, else the last try. None: the first try.
        num_classes: int; higher labels are not counted.

    Returns:
        int32 tensor (2,): row and column.
    """
    margin = tf.maximum(tf.shape(label) - tf.constant(crop), 0)
    corners = tf.cast(tf.floor(draws * tf.cast(margin + 1, tf.float32)), tf.int32)
    corners = tf.minimum(corners, margin)  # a product may be rounded up to margin + 1
    if max_class_fraction is None:
        return corners[0]
    last = draws.shape[0] - 1

    def is_refused(number):
        window = label[corners[number, 0] :, corners[number, 1] :][: crop[0], : crop[1]]
        counts = tf.math.bincount(tf.cast(tf.reshape(window, [-1]), tf.int32), minlength=256)[:num_classes]
        total, largest = tf.reduce_sum(counts), tf.reduce_max(counts)
        has_two = tf.reduce_sum(tf.cast(counts > 0, tf.int32)) > 1
        small_enough = tf.cast(largest, tf.float32) < max_class_fraction * tf.cast(total, tf.float32)
        return tf.logical_not(tf.logical_and(has_two, small_enough))

    chosen = tf.while_loop(
        lambda number: tf.logical_and(number < last, is_refused(number)),
        lambda number: (number + 1,),
        (tf.constant(0),),
        parallel_iterations=1,
    )[0]
    return corners[chosen]


def cut(
    image: tf.Tensor, label: tf.Tensor, corner: tf.Tensor, crop: tuple[int, int]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Crops both at `corner`, (row, column); the result is smaller than `crop` where the image ends."""
    rows, columns = corner[0], corner[1]
    return (
        image[rows:, columns:][: crop[0], : crop[1]],
        label[rows:, columns:][: crop[0], : crop[1]],
    )


def flip(
    image: tf.Tensor, label: tf.Tensor, draw: tf.Tensor, probability: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Flips both horizontally if `draw < probability`."""
    flipped = draw < probability
    return (
        tf.where(flipped, tf.reverse(image, [1]), image),
        tf.where(flipped, tf.reverse(label, [1]), label),
    )


def distort(image: tf.Tensor, draws: tf.Tensor, distortion: PhotometricDistortion) -> tf.Tensor:
    """Changes brightness, contrast, saturation and hue in the order of the official D3Net code.

    Brightness; then contrast, saturation, hue, or saturation, hue, contrast with even odds. Each is applied
    with its probability, and pixels are clipped to [0, 255] after each (the code also rounds them).

    Args:
        image: float32 tensor (height, width, 3), RGB.
        draws: float32 tensor (9,).
        distortion: `PhotometricDistortion`.
    """
    applied = draws[:4] < distortion.probability
    added = tf.where(applied[0], (2 * draws[4] - 1) * distortion.brightness, 0.0)
    contrast = tf.where(applied[1], _between(draws[5], distortion.contrast), 1.0)
    saturation = tf.where(applied[2], _between(draws[6], distortion.saturation), 1.0)
    turn = tf.where(applied[3], (2 * draws[7] - 1) * (distortion.hue_degrees / 360), 0.0)
    contrast_first = draws[8] < 0.5
    image = tf.clip_by_value(image + added, 0.0, 255.0)
    image = tf.clip_by_value(image * tf.where(contrast_first, contrast, 1.0), 0.0, 255.0)

    def in_hsv():
        hue, strength, value = tf.unstack(tf.image.rgb_to_hsv(image / 255), axis=-1)
        strength = tf.clip_by_value(strength * saturation, 0.0, 1.0)
        return tf.image.hsv_to_rgb(tf.stack((tf.math.floormod(hue + turn, 1.0), strength, value), -1)) * 255

    image = tf.cond(tf.logical_or(applied[2], applied[3]), in_hsv, lambda: image)
    return tf.clip_by_value(image * tf.where(contrast_first, 1.0, contrast), 0.0, 255.0)


def pad(
    image: tf.Tensor, label: tf.Tensor, size: tuple[int, int], padding_label: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Pads both below and to the right to `size`: the image with 0, the label map with `padding_label`.

    The image is normalized already, so that 0 is the mean color, as in the papers' codes.
    """
    missing = tf.constant(size) - tf.shape(label)
    padding = tf.stack((tf.zeros_like(missing), missing), axis=1)
    image = tf.pad(image, tf.concat((padding, [[0, 0]]), 0))
    label = tf.pad(label, padding, constant_values=tf.cast(padding_label, label.dtype))
    return tf.ensure_shape(image, (*size, 3)), tf.ensure_shape(label, size)


def _between(draw, bounds):
    low, high = bounds
    return low + draw * (high - low)
