"""Waveform batches from TFRecords: random for training, in order for validation."""

import tensorflow as tf

from keras_d3.data.augmentation import augment
from keras_d3.data.config import check_config
from keras_d3.data.excerpts import cut, neighbours, random_starts, regular_starts
from keras_d3.data.records import FOREVER, windows_in_order, windows_in_random_order
from keras_d3.data.schema import MIXTURE
from keras_d3.utils.validation import check_positive_int

# tf.data's shuffle mixes TensorFlow's global seed into its own; this constant takes the global one's place.
GRAPH_SEED = 1


def training_waveforms(
    manifest, config, batch_size, steps_per_epoch, first_epoch=0, deterministic=True, split="train"
):
    """Returns endless random training batches.

    Each block of each track is read once per pass; `excerpts_per_block` output
    windows start uniformly inside it, so every valid start in every track is
    equally likely (`windows_in_random_order`, `random_starts`). With
    `sources_from="different_tracks"` every source has a stream of its own, and
    the mixture is the sum of sources that never played together. Cut excerpts
    are shuffled as 16-bit samples (`shuffle_bytes` says how much memory that is).

    Epoch e, its first batch being number `e * steps_per_epoch` of the training
    run, depends on `config.seed` and e alone: starting with `first_epoch=e`
    gives what a run from epoch 0 gives from there on, and TensorFlow's global
    seed changes nothing.

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
        ValueError: the records cannot feed this config (rate, sources, no excerpts).

    Example:

    >>> config = AudioDataConfig(22050, 1, ("accompaniment", "vocals"), 16384, 16384)
    >>> model.fit(training_waveforms(load_manifest("records"), config, 16, 100), steps_per_epoch=100)
    """
    check_positive_int("batch_size", batch_size)
    check_positive_int("steps_per_epoch", steps_per_epoch)
    check_positive_int("first_epoch", first_epoch, 0)
    check_config(manifest, config, split)
    _check_expected_excerpts(manifest, config, split)
    names = _names_read(manifest, config)
    streams = [(name,) for name in names] if config.sources_from == "different_tracks" else [names]

    @tf.autograph.experimental.do_not_convert
    def epoch_batches(epoch):
        # In the function's own graph: what is traced inside takes its seed from here.
        tf.compat.v1.get_default_graph().seed = GRAPH_SEED
        seed = tf.stack((tf.constant(config.seed, tf.int64), epoch))
        seeds = [tf.random.experimental.stateless_fold_in(seed, number) for number in range(len(streams) + 1)]
        excerpts = tf.data.Dataset.zip(
            tuple(
                _random_excerpts(manifest, config, split, names, seed)
                for names, seed in zip(streams, seeds[:-1], strict=True)
            )
        ).map(lambda *parts: {name: audio for part in parts for name, audio in part.items()})
        batches = excerpts.batch(batch_size, drop_remainder=True).take(steps_per_epoch).enumerate()

        def finish(number, samples):
            audio = _to_float(samples, config)
            mixture = audio.pop(MIXTURE, None)
            batch_seed = tf.random.experimental.stateless_fold_in(seeds[-1], number)
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
        audio = _to_float(samples, config)
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


def _random_excerpts(manifest, config, split, names, seed):
    """Returns endless, shuffled excerpts `{name: int16 (input_samples, channels)}` of one stream."""
    context = config.context_before
    before, after = neighbours(manifest.block_samples, config.input_samples, context)

    def one_pass(number):
        pass_seed = tf.random.experimental.stateless_fold_in(seed, number)

        def fan_out(*window):
            starts = random_starts(
                window[before],
                pass_seed,
                manifest.block_samples,
                config.output_samples,
                config.excerpts_per_block,
            )
            return cut(window, before, starts, context, config.input_samples)

        return windows_in_random_order(
            manifest, split, names, before, after, pass_seed, config.parallel_tracks, fan_out
        )

    shuffle_seed = tf.random.stateless_uniform((), seed, None, None, tf.int64, alg="philox")
    excerpts = tf.data.Dataset.range(FOREVER).flat_map(one_pass)
    return excerpts.shuffle(config.shuffle_excerpts, shuffle_seed, reshuffle_each_iteration=False)


def _names_read(manifest, config):
    stored = (MIXTURE,) if config.mixture == "stored" else ()
    return (*stored, *manifest.sources)


def _to_float(samples, config):
    """int16 of the records' channels -> float32 of the network's channels."""
    audio = {name: tf.cast(value, tf.float32) / 32768.0 for name, value in samples.items()}
    stored = next(iter(audio.values())).shape[-1]
    if stored == 2 and config.channels == 1:
        return {name: tf.reduce_mean(value, axis=-1, keepdims=True) for name, value in audio.items()}
    if stored == 1 and config.channels == 2:
        return {name: tf.repeat(value, 2, axis=-1) for name, value in audio.items()}
    return audio


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


def _check_expected_excerpts(manifest, config, split):
    """Refuses what would read a whole pass for less than one excerpt."""
    expected = 0.0
    for track in manifest.tracks(split):
        valid = track.num_samples - config.output_samples + 1
        expected += 1 if valid <= 1 else valid * config.excerpts_per_block / manifest.block_samples
    if expected < 1:
        longest = max((track.num_samples for track in manifest.tracks(split)), default=0)
        raise ValueError(
            "`output_samples` must leave room for excerpts: one pass over the tracks of "
            f"{split!r} in `{manifest.directory}` gives {expected:.3f} of them. Received: "
            f"output_samples={config.output_samples}, excerpts_per_block={config.excerpts_per_block}, "
            f"longest track {longest} samples. Use shorter windows or more excerpts per block."
        )
