"""Batches of images and label maps from TFRecords: random for training, in order for validation."""

import tensorflow as tf

from keras_d3.data.audio.pipeline import GRAPH_SEED
from keras_d3.data.audio.records import FOREVER, READ_BUFFER_BYTES
from keras_d3.data.images.augmentation import choose_crop, cut, distort, flip, pad, scale
from keras_d3.data.images.checks import check_image_config
from keras_d3.data.images.schema import parse_image
from keras_d3.images import IGNORED_LABEL
from keras_d3.utils import check_positive_int


def training_images(
    manifest, config, batch_size, steps_per_epoch, first_epoch=0, deterministic=True, split="train"
):
    """Returns endless random training batches.

    Each pass over the data reads the shards in a random order, each from a random place on and round to it,
    several in turns, and shuffles what comes; every image comes once per pass. Each is scaled, cropped,
    mirrored, distorted, normalised and padded by draws of its own (`keras_d3.data.images.augmentation`).

    Epoch e depends on `config.seed` and e alone, not on the number of steps in the
    epochs before: starting with `first_epoch=e` gives what a run from epoch 0 gives
    from there on, and TensorFlow's global seed changes nothing.

    Args:
        manifest: `ImageManifest`.
        config: `ImageDataConfig`.
        batch_size: examples per batch.
        steps_per_epoch: batches per epoch.
        first_epoch: epoch to start with.
        deterministic: False lets tf.data deliver batches out of order when that is faster.
        split: which images.

    Returns:
        A `tf.data.Dataset` of `(images, labels)`: float32 `(batch, *config.crop, 3)`, normalised, and int32
        `(batch, *config.crop)`.

    Raises:
        ValueError: the records cannot feed this config.

    Example:

    >>> config = ImageDataConfig(manifest.classes, (512, 1024), IMAGENET_RGB, scale_range=(0.5, 2.0))
    >>> model.fit(training_images(manifest, config, 8, 500), steps_per_epoch=500)
    """
    check_positive_int("batch_size", batch_size)
    check_positive_int("steps_per_epoch", steps_per_epoch)
    check_positive_int("first_epoch", first_epoch, 0)
    check_image_config(manifest, config, split)
    paths, sizes = _shards(manifest, split)

    @tf.autograph.experimental.do_not_convert
    def epoch_batches(epoch):
        # In the function's own graph: what is traced inside takes its seed from here.
        tf.compat.v1.get_default_graph().seed = GRAPH_SEED
        seeds = _seeds(tf.stack((tf.constant(config.seed, tf.int64), epoch)), 2)

        def one_pass(number):
            tf.compat.v1.get_default_graph().seed = GRAPH_SEED
            return _one_pass(paths, sizes, config, _fold(seeds[0], number))

        records = tf.data.Dataset.range(FOREVER).flat_map(one_pass)
        records = records.take(batch_size * steps_per_epoch).enumerate()

        def example(number, record):
            draws = tf.random.stateless_uniform((config.num_draws,), _fold(seeds[1], number), alg="philox")
            return augmented(*parse_image(record), draws, config)

        return records.map(example, num_parallel_calls=tf.data.AUTOTUNE).batch(
            batch_size, drop_remainder=True
        )

    dataset = tf.data.Dataset.range(first_epoch, FOREVER).flat_map(epoch_batches)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    options = tf.data.Options()
    options.deterministic = deterministic
    return dataset.with_options(options).prefetch(2)


def validation_images(manifest, config, split="validation"):
    """Returns whole images, always the same, each once.

    Args:
        manifest, config: as in `training_images`.
        split: which images.

    Returns:
        A finite `tf.data.Dataset` of `(images, labels)` as from `training_images`, of
        `config.validation_size`, or each of its own size.

    Raises:
        ValueError: the records cannot feed this config.
    """
    check_image_config(manifest, config, split)
    paths, _ = _shards(manifest, split)
    sizes = {(image.height, image.width) for image in manifest.images(split)}
    # Known sizes save the network's graph from working them out.
    own_size = sizes.pop() if len(sizes) == 1 else (None, None)

    @tf.autograph.experimental.do_not_convert
    def example(record):
        image, label = parse_image(record)
        image, label = config.normalization(tf.cast(image, tf.float32)), tf.cast(label, tf.int32)
        if config.validation_size is None:
            return tf.ensure_shape(image, (*own_size, 3)), tf.ensure_shape(label, own_size)
        return pad(image, label, config.validation_size, IGNORED_LABEL)

    dataset = tf.data.TFRecordDataset(paths, buffer_size=READ_BUFFER_BYTES)
    dataset = dataset.map(example, num_parallel_calls=tf.data.AUTOTUNE).batch(config.validation_batch_size)
    num_batches = -(-len(manifest.images(split)) // config.validation_batch_size)
    return dataset.apply(tf.data.experimental.assert_cardinality(num_batches)).prefetch(2)


def augmented(image, label, draws, config):
    """Returns one training example.

    Args:
        image, label: uint8, as stored.
        draws: `config.num_draws` numbers in [0, 1).
        config: `ImageDataConfig`.

    Returns:
        `(image, label)`: float32 `(*config.crop, 3)`, normalised, and int32 `config.crop`.
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
    seeds = _seeds(seed, 3)
    order = tf.random.experimental.stateless_shuffle(
        tf.range(num_shards, dtype=tf.int64), seeds[0], alg="philox"
    )
    places = tf.random.stateless_uniform((num_shards,), seeds[1], alg="philox")

    def read(shard):
        # From a random record on, and round to it: so a pass that is not read to its end favours none.
        start = tf.cast(places[shard] * tf.cast(sizes[shard], tf.float32), tf.int64)
        records = tf.data.TFRecordDataset(paths[shard], buffer_size=READ_BUFFER_BYTES)
        return records.skip(start).concatenate(records.take(start))

    shards = tf.data.Dataset.from_tensor_slices(order)
    records = shards.interleave(
        read, cycle_length=min(config.parallel_shards, num_shards), num_parallel_calls=tf.data.AUTOTUNE
    )
    # Within the pass: a shuffle over several would give some images twice before others once.
    shuffle_seed = tf.random.stateless_uniform((), seeds[2], None, None, tf.int64, alg="philox")
    return records.shuffle(config.shuffle_images, shuffle_seed, reshuffle_each_iteration=False)


def _shards(manifest, split):
    groups = manifest.groups(split)
    paths = tf.constant([group.paths[0] for group in groups], tf.string)
    return paths, tf.constant([group.num_records for group in groups], tf.int64)


def _fold(seed, number):
    return tf.random.experimental.stateless_fold_in(seed, number)


def _seeds(seed, count):
    return [_fold(seed, number) for number in range(count)]
