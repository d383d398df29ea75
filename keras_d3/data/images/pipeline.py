"""Batches of images and label maps from TFRecords: records -> augmentation -> images and labels."""

import tensorflow as tf

from keras_d3.data.epochs import (
    FOREVER,
    READ_BUFFER_BYTES,
    endless_epochs,
    fix_graph_seed,
    fold_in,
    permutation,
    shuffled,
)
from keras_d3.data.images.augmentation import choose_crop, cut, distort, flip, pad, scale
from keras_d3.data.images.checks import check_image_records
from keras_d3.data.images.manifest import ImageManifest
from keras_d3.data.images.schema import parse_image
from keras_d3.data.prefetch import prefetched
from keras_d3.images import IGNORED_LABEL
from keras_d3.settings import ImageDataConfig
from keras_d3.utils import check_positive_int


def training_images(
    manifest: ImageManifest,
    config: ImageDataConfig,
    batch_size: int,
    steps_per_epoch: int,
    first_epoch: int = 0,
    deterministic: bool = True,
    split: str = "train",
) -> tf.data.Dataset:
    """Returns endless random training batches.

    Each pass over the data reads several shards in turns, in a random order, each as a circle from a random
    record on, and shuffles the records; every image comes once per pass. Each is scaled, cropped, flipped,
    distorted, normalized and padded by draws of its own (`keras_d3.data.images.augmentation`).

    Epoch e depends on `config.seed` and e alone, not on the number of steps in the
    epochs before: starting with `first_epoch=e` gives what a run from epoch 0 gives
    from there on, and TensorFlow's global seed changes nothing.

    Args:
        manifest: `ImageManifest`.
        config: `ImageDataConfig`.
        batch_size: int, examples per batch.
        steps_per_epoch: int, batches per epoch.
        first_epoch: int, epoch to start with.
        deterministic: bool. False lets tf.data deliver batches out of order when that is faster.
        split: str, "train", "validation" or "test".

    Returns:
        A `tf.data.Dataset` of `(images, labels)`: float32 `(batch, *config.crop, 3)`, normalized, and int32
        `(batch, *config.crop)`.

    Raises:
        ValueError: the records cannot feed this config, or an integer is out of range.

    Example:

    >>> config = ImageDataConfig(manifest.classes, (512, 1024), IMAGENET_RGB, scale_range=(0.5, 2.0))
    >>> model.fit(training_images(manifest, config, 8, 500), steps_per_epoch=500)
    """
    check_positive_int("batch_size", batch_size)
    check_positive_int("steps_per_epoch", steps_per_epoch)
    check_positive_int("first_epoch", first_epoch, 0)
    check_image_records(manifest, config, split)
    paths, sizes = _shards(manifest, split)

    def epoch_batches(epoch):
        seed = tf.stack((tf.constant(config.seed, tf.int64), epoch))
        pass_seed, augmentation_seed = fold_in(seed, 0), fold_in(seed, 1)

        def one_pass(number):
            fix_graph_seed()
            return _one_pass(paths, sizes, config, fold_in(pass_seed, number))

        records = tf.data.Dataset.range(FOREVER).flat_map(one_pass)
        records = records.take(batch_size * steps_per_epoch).enumerate()

        def example(number, record):
            seed = fold_in(augmentation_seed, number)
            draws = tf.random.stateless_uniform((config.num_draws,), seed, alg="philox")
            return augment(*parse_image(record), draws, config)

        return records.map(example, num_parallel_calls=tf.data.AUTOTUNE).batch(
            batch_size, drop_remainder=True
        )

    return endless_epochs(epoch_batches, first_epoch, deterministic)


def validation_images(
    manifest: ImageManifest, config: ImageDataConfig, split: str = "validation"
) -> tf.data.Dataset:
    """Returns whole images, always the same, each once.

    Args:
        manifest, config: as in `training_images`.
        split: str, "train", "validation" or "test".

    Returns:
        A finite `tf.data.Dataset` of `(images, labels)` as from `training_images`, of
        `config.validation_size`, or each of its own size.

    Raises:
        ValueError: the records cannot feed this config.
    """
    check_image_records(manifest, config, split)
    paths, _ = _shards(manifest, split)
    sizes = {(image.height, image.width) for image in manifest.images(split)}
    # A static shape, where all images have one size, spares the network's graph its computation.
    size = sizes.pop() if len(sizes) == 1 else (None, None)

    @tf.autograph.experimental.do_not_convert
    def example(record):
        image, label = parse_image(record)
        image, label = config.normalization(tf.cast(image, tf.float32)), tf.cast(label, tf.int32)
        if config.validation_size is None:
            return tf.ensure_shape(image, (*size, 3)), tf.ensure_shape(label, size)
        return pad(image, label, config.validation_size, IGNORED_LABEL)

    dataset = tf.data.TFRecordDataset(paths, buffer_size=READ_BUFFER_BYTES)
    dataset = dataset.map(example, num_parallel_calls=tf.data.AUTOTUNE).batch(config.validation_batch_size)
    num_batches = -(-len(manifest.images(split)) // config.validation_batch_size)
    return prefetched(dataset.apply(tf.data.experimental.assert_cardinality(num_batches)))


def augment(
    image: tf.Tensor, label: tf.Tensor, draws: tf.Tensor, config: ImageDataConfig
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns one training example: scaled, cropped, flipped, distorted, normalized, padded.

    Args:
        image, label: uint8 (height, width, 3) and (height, width), as stored.
        draws: float32 (config.num_draws,), random numbers in [0, 1).
        config: `ImageDataConfig`.

    Returns:
        `(image, label)`: float32 `(*config.crop, 3)`, normalized, and int32 `config.crop`.
    """
    image = tf.cast(image, tf.float32)
    tries = config.crop_tries + 1
    image, label = scale(image, label, draws[0], config.scale_range)
    corner_draws = tf.reshape(draws[2 : 2 + 2 * tries], (tries, 2))
    corner = choose_crop(label, corner_draws, config.crop, config.max_class_fraction, len(config.classes))
    image, label = cut(image, label, corner, config.crop)
    image, label = flip(image, label, draws[1], config.flip_probability)
    if config.distortion is not None:
        image = distort(image, draws[2 + 2 * tries :], config.distortion)
    return pad(config.normalization(image), tf.cast(label, tf.int32), config.crop, config.padding_label)


def _one_pass(paths, sizes, config, seed):
    """Returns every record of a split once, shuffled, as bytes."""
    num_shards = len(sizes)
    order = permutation(num_shards, fold_in(seed, 0))
    draws = tf.random.stateless_uniform((num_shards,), fold_in(seed, 1), alg="philox")

    def read(shard):
        # As a circle from a random record on, so that a pass that is not read to its end favors none.
        start = tf.cast(draws[shard] * tf.cast(sizes[shard], tf.float32), tf.int64)
        records = tf.data.TFRecordDataset(paths[shard], buffer_size=READ_BUFFER_BYTES)
        return records.skip(start).concatenate(records.take(start))

    shards = tf.data.Dataset.from_tensor_slices(order)
    records = shards.interleave(
        read, cycle_length=min(config.parallel_shards, num_shards), num_parallel_calls=tf.data.AUTOTUNE
    )
    # Within the pass: a shuffle over several would give some images twice before others once.
    return shuffled(records, config.shuffle_images, fold_in(seed, 2))


def _shards(manifest, split):
    """Returns the shards' paths and their numbers of records."""
    groups = manifest.groups(split)
    paths = tf.constant([group.paths[0] for group in groups], tf.string)
    return paths, tf.constant([group.num_records for group in groups], tf.int64)
