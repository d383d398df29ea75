"""Waveform batches from TFRecords: random for training, in order for validation."""

import tensorflow as tf

from keras_d3.data.audio.augmentation import augment
from keras_d3.data.audio.checks import check_config
from keras_d3.data.audio.excerpts import cut, neighbours, regular_starts
from keras_d3.data.audio.records import FOREVER, excerpts_in_random_order, windows_in_order
from keras_d3.data.audio.schema import MIXTURE
from keras_d3.data.audio.starts import start_line
from keras_d3.utils import check_positive_int

# tf.data's shuffle mixes TensorFlow's global seed into its own; this constant takes the global one's place.
GRAPH_SEED = 1


def training_waveforms(
    manifest, config, batch_size, steps_per_epoch, first_epoch=0, deterministic=True, split="train"
):
    """Returns endless random training batches.

    The starts of the output windows are drawn so that every valid start in every
    track is equally likely, also when an epoch is a small part of a pass over the
    data (`keras_d3.data.audio.starts`). A track shorter than one output window gives
    one zero-padded excerpt per pass. With `sources_from="different_tracks"` every
    source has a stream of its own, and the mixture is the sum of sources that
    never played together; each stream reads the records for itself. Cut excerpts
    are shuffled as 16-bit samples (`shuffle_bytes` says how much memory that is).

    Epoch e depends on `config.seed` and e alone, not on the number of steps in the
    epochs before: starting with `first_epoch=e` gives what a run from epoch 0 gives
    from there on, and TensorFlow's global seed changes nothing.

    Args:
        manifest: `Manifest`.
        config: `AudioDataConfig`.
        batch_size: examples per batch.
        steps_per_epoch: batches per epoch.
        first_epoch: epoch to start with.
        deterministic: False lets tf.data deliver batches out of order when that is faster.
        split: which tracks.

    Returns:
        A `tf.data.Dataset` of `(mixture, targets)`: float32 `(batch, input_samples,
        channels)` and `{source: float32 (batch, output_samples, channels)}`.

    Raises:
        ValueError: the records cannot feed this config (rate, sources).

    Example:

    >>> config = AudioDataConfig(22050, 1, ("accompaniment", "vocals"), 16384, 16384)
    >>> model.fit(training_waveforms(load_manifest("records"), config, 16, 100), steps_per_epoch=100)
    """
    check_positive_int("batch_size", batch_size)
    check_positive_int("steps_per_epoch", steps_per_epoch)
    check_positive_int("first_epoch", first_epoch, 0)
    check_config(manifest, config, split)
    names = _names_read(manifest, config)
    num_streams = len(names) if config.sources_from == "different_tracks" else 1
    # An example is one excerpt of every stream, and every excerpt holds this many features.
    shape = (batch_size, len(names), config.input_samples, manifest.channels)

    @tf.autograph.experimental.do_not_convert
    def epoch_batches(epoch):
        # In the function's own graph: what is traced inside takes its seed from here.
        tf.compat.v1.get_default_graph().seed = GRAPH_SEED
        seed = tf.stack((tf.constant(config.seed, tf.int64), epoch))

        def stream(number):
            tf.compat.v1.get_default_graph().seed = GRAPH_SEED
            only = None if num_streams == 1 and len(names) > 1 else number
            stream_seed = tf.random.experimental.stateless_fold_in(seed, number)
            return _random_excerpts(manifest, config, split, names, only, stream_seed)

        # Streams in turns, one excerpt each: the order says which source it is, so it must be kept.
        excerpts = tf.data.Dataset.range(num_streams).interleave(
            stream, cycle_length=num_streams, num_parallel_calls=num_streams, deterministic=True
        )
        batches = excerpts.batch(batch_size * num_streams, drop_remainder=True)
        batches = batches.take(steps_per_epoch).enumerate()

        def finish(number, samples):
            audio = _to_float(tf.reshape(samples, shape), names, config)
            mixture = audio.pop(MIXTURE, None)
            batch_seed = tf.random.experimental.stateless_fold_in(seed, num_streams)
            batch_seed = tf.random.experimental.stateless_fold_in(batch_seed, number)
            audio = augment(audio, batch_seed, config.gain_range, config.channel_swap_probability)
            return _mixture_and_targets(manifest, config, mixture, audio)

        return batches.map(finish)

    dataset = tf.data.Dataset.range(first_epoch, FOREVER).flat_map(epoch_batches)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    options = tf.data.Options()
    options.deterministic = deterministic
    return dataset.with_options(options).prefetch(2)


def validation_waveforms(manifest, config, batch_size, split="validation"):
    """Returns consecutive windows over whole tracks, always the same, each once.

    Output windows start at 0, `validation_hop`, 2 `validation_hop`, ... of each
    track; the last is zero-padded and kept, and so is the last, smaller batch.
    Neither gain nor channel swap is applied.

    Args:
        manifest, config, batch_size: as in `training_waveforms`.
        split: which tracks.

    Returns:
        A finite `tf.data.Dataset` of `(mixture, targets)` as from `training_waveforms`.

    Raises:
        ValueError: the records cannot feed this config.
    """
    check_positive_int("batch_size", batch_size)
    check_config(manifest, config, split)
    hop = config.validation_hop or config.output_samples
    context = config.context_before
    before, after = neighbours(manifest.block_samples, config.input_samples, context)
    names = _names_read(manifest, config)

    @tf.autograph.experimental.do_not_convert
    def fan_out(*window):
        starts = regular_starts(window[before], manifest.block_samples, hop)
        return cut(window, before, starts, context, config.input_samples)

    @tf.autograph.experimental.do_not_convert
    def finish(samples):
        audio = _to_float(samples, names, config)
        mixture = audio.pop(MIXTURE, None)
        return _mixture_and_targets(manifest, config, mixture, audio)

    windows = windows_in_order(manifest, split, names, before, after)
    dataset = windows.flat_map(fan_out).batch(batch_size).map(finish)
    num_batches = -(-num_validation_windows(manifest, config, split) // batch_size)
    return dataset.apply(tf.data.experimental.assert_cardinality(num_batches)).prefetch(2)


def num_validation_windows(manifest, config, split="validation"):
    """Returns how many examples `validation_waveforms` gives."""
    hop = config.validation_hop or config.output_samples
    return sum(-(-track.num_samples // hop) for track in manifest.tracks(split))


def _random_excerpts(manifest, config, split, names, only, seed):
    """Returns endless, shuffled excerpts, int16 (features, input_samples, channels), of one stream."""
    context = config.context_before
    before, after = neighbours(manifest.block_samples, config.input_samples, context)

    line = start_line(manifest, split, config.output_samples, config.excerpts_per_block)

    def cut_starts(window, starts):
        return cut(window, before, starts, context, config.input_samples)

    def one_pass(number):
        return excerpts_in_random_order(
            manifest,
            split,
            names,
            only,
            before,
            after,
            line,
            tf.random.experimental.stateless_fold_in(seed, number),
            config.parallel_tracks,
            cut_starts,
        )

    shuffle_seed = tf.random.stateless_uniform((), seed, None, None, tf.int64, alg="philox")
    excerpts = tf.data.Dataset.range(FOREVER).flat_map(one_pass)
    return excerpts.shuffle(config.shuffle_excerpts, shuffle_seed, reshuffle_each_iteration=False)


def _names_read(manifest, config):
    stored = (MIXTURE,) if config.mixture == "stored" else ()
    return (*stored, *manifest.sources)


def _to_float(samples, names, config):
    """int16 (batch, features, time, records' channels) -> {name: float32 (batch, time, config.channels)}."""
    samples = tf.cast(samples, tf.float32) / 32768.0
    stored = samples.shape[-1]
    if stored == 2 and config.channels == 1:
        samples = tf.reduce_mean(samples, axis=-1, keepdims=True)
    elif stored == 1 and config.channels == 2:
        samples = tf.repeat(samples, 2, axis=-1)
    return dict(zip(names, tf.unstack(samples, axis=1), strict=True))


def _mixture_and_targets(manifest, config, mixture, audio):
    if mixture is None:
        mixture = tf.add_n([audio[name] for name in manifest.sources])
    begin = config.context_before
    outputs = {name: value[:, begin : begin + config.output_samples] for name, value in audio.items()}
    targets = {}
    for name in config.sources:
        if name in outputs:
            targets[name] = outputs[name]
        else:  # accompaniment
            rest = [value for source, value in outputs.items() if source not in config.sources]
            targets[name] = tf.add_n(rest)
    return mixture, targets
