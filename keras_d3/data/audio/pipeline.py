"""Waveform batches from TFRecords: records -> excerpts -> augmentation -> mixture and targets."""

import tensorflow as tf

from keras_d3.data.audio.checks import check_audio_records
from keras_d3.data.audio.excerpts import ExcerptSampler
from keras_d3.data.audio.manifest import AudioManifest
from keras_d3.data.audio.schema import MIXTURE
from keras_d3.data.epochs import endless_epochs, fix_graph_seed, fold_in
from keras_d3.settings import AudioDataConfig
from keras_d3.utils import check_positive_int


def training_waveforms(
    manifest: AudioManifest,
    config: AudioDataConfig,
    batch_size: int,
    steps_per_epoch: int,
    first_epoch: int = 0,
    deterministic: bool = True,
    split: str = "train",
) -> tf.data.Dataset:
    """Returns endless random training batches.

    Excerpts are drawn by stratified sampling (`keras_d3.data.audio.excerpts`): every valid start in every
    track is equally likely, also when an epoch is a small part of a pass over the data. A track shorter than
    one output window gives one zero-padded excerpt per pass. With `sources_from="different_tracks"` every
    source has a stream of its own, and the mixture is the sum of sources that never played together; each
    stream reads the records for itself. Excerpts are shuffled as 16-bit samples (`audio_shuffle_bytes` says
    how much memory that is).

    Epoch e depends on `config.seed` and e alone, not on the number of steps in the
    epochs before: starting with `first_epoch=e` gives what a run from epoch 0 gives
    from there on, and TensorFlow's global seed changes nothing.

    Args:
        manifest: `AudioManifest`.
        config: `AudioDataConfig`.
        batch_size: int, examples per batch.
        steps_per_epoch: int, batches per epoch.
        first_epoch: int, epoch to start with.
        deterministic: bool. False lets tf.data deliver batches out of order when that is faster.
        split: str, "train", "validation" or "test".

    Returns:
        A `tf.data.Dataset` of `(mixture, targets)`: float32 `(batch, input_samples,
        channels)` and `{source: float32 (batch, output_samples, channels)}`.

    Raises:
        ValueError: the records cannot feed this config (rate, sources), or an integer is out of range.

    Example:

    >>> config = AudioDataConfig(22050, 1, ("accompaniment", "vocals"), 16384, 16384)
    >>> model.fit(training_waveforms(load_manifest("records"), config, 16, 100), steps_per_epoch=100)
    """
    check_positive_int("batch_size", batch_size)
    check_positive_int("steps_per_epoch", steps_per_epoch)
    check_positive_int("first_epoch", first_epoch, 0)
    check_audio_records(manifest, config, split)
    sampler = ExcerptSampler(manifest, split, config)
    num_features = len(sampler.features)
    num_streams = num_features if config.sources_from == "different_tracks" else 1

    def epoch_batches(epoch):
        seed = tf.stack((tf.constant(config.seed, tf.int64), epoch))

        def stream(number):
            fix_graph_seed()
            return sampler.random(fold_in(seed, number), number if num_streams > 1 else None)

        # Streams in turns, one excerpt each: the order says which source it is, so it must be kept.
        excerpts = tf.data.Dataset.range(num_streams).interleave(
            stream, cycle_length=num_streams, num_parallel_calls=num_streams, deterministic=True
        )
        batches = excerpts.batch(batch_size * num_streams, drop_remainder=True)

        def finish(number, samples):
            # An example is one excerpt of every stream.
            samples = tf.reshape(samples, (batch_size, num_features, *samples.shape[-2:]))
            audio = _to_float(samples, sampler.features, config)
            mixture = audio.pop(MIXTURE, None)
            batch_seed = fold_in(fold_in(seed, num_streams), number)
            audio = augment(audio, batch_seed, config)
            return _mixture_and_targets(manifest, config, mixture, audio)

        return batches.take(steps_per_epoch).enumerate().map(finish)

    return endless_epochs(epoch_batches, first_epoch, deterministic)


def validation_waveforms(
    manifest: AudioManifest, config: AudioDataConfig, batch_size: int, split: str = "validation"
) -> tf.data.Dataset:
    """Returns consecutive windows over whole tracks, always the same, each once.

    Output windows start at 0, `validation_hop`, 2 `validation_hop`, ... of each
    track; the last is zero-padded and kept, and so is the last, smaller batch.
    Nothing is augmented.

    Args:
        manifest, config, batch_size: as in `training_waveforms`.
        split: str, "train", "validation" or "test".

    Returns:
        A finite `tf.data.Dataset` of `(mixture, targets)` as from `training_waveforms`.

    Raises:
        ValueError: the records cannot feed this config, or `batch_size` is not positive.
    """
    check_positive_int("batch_size", batch_size)
    check_audio_records(manifest, config, split)
    sampler = ExcerptSampler(manifest, split, config)

    @tf.autograph.experimental.do_not_convert
    def finish(samples):
        audio = _to_float(samples, sampler.features, config)
        mixture = audio.pop(MIXTURE, None)
        return _mixture_and_targets(manifest, config, mixture, audio)

    excerpts = sampler.in_order(config.validation_hop or config.output_samples)
    num_batches = -(-num_validation_windows(manifest, config, split) // batch_size)
    dataset = excerpts.batch(batch_size).map(finish)
    return dataset.apply(tf.data.experimental.assert_cardinality(num_batches)).prefetch(2)


def num_validation_windows(
    manifest: AudioManifest, config: AudioDataConfig, split: str = "validation"
) -> int:
    """Returns the number of examples that `validation_waveforms` gives."""
    hop = config.validation_hop or config.output_samples
    return sum(-(-track.num_samples // hop) for track in manifest.tracks(split))


def augment(audio: dict[str, tf.Tensor], seed: tf.Tensor, config: AudioDataConfig) -> dict[str, tf.Tensor]:
    """Applies a random gain, channel swap and inversion of the polarity to each source of each example.

    Gain and swap are those of Uhlich et al., 2017, section 3. What the config leaves out draws nothing, and
    each augmentation has numbers of its own: one more leaves the others' draws as they are.

    Args:
        audio: dict of `source -> float32 (batch, time, channels)`.
        seed: int64 tensor (2,): the same seed gives the same draws.
        config: `AudioDataConfig`, with `gain_range` and the probabilities.

    Returns:
        Dict like `audio`.
    """
    shape = (tf.shape(next(iter(audio.values())))[0], len(audio))

    def happens(number, probability):
        return tf.random.stateless_uniform(shape, fold_in(seed, number), alg="philox") < probability

    if config.gain_range is not None:
        low, high = map(float, config.gain_range)
        gains = tf.random.stateless_uniform(shape, fold_in(seed, 0), low, high, alg="philox")
        audio = {name: samples * gain for (name, samples), gain in _by_source(audio, gains)}
    if config.channel_swap_probability:
        swaps = happens(1, config.channel_swap_probability)
        audio = {
            name: tf.where(swap, tf.reverse(samples, axis=(-1,)), samples)
            for (name, samples), swap in _by_source(audio, swaps)
        }
    if config.polarity_inversion_probability:
        inversions = happens(2, config.polarity_inversion_probability)
        audio = {
            name: tf.where(inversion, -samples, samples)
            for (name, samples), inversion in _by_source(audio, inversions)
        }
    return audio


def _by_source(audio, draws):
    """Pairs of a source, (name, samples), and its draws (batch, 1, 1), out of draws (batch, sources)."""
    return zip(audio.items(), tf.unstack(draws[:, :, tf.newaxis, tf.newaxis], axis=1), strict=True)


def _to_float(samples, features, config):
    """int16 (batch, features, time, records' channels) -> {name: float32 (batch, time, config.channels)}."""
    samples = tf.cast(samples, tf.float32) / 32768.0
    stored = samples.shape[-1]
    if stored == 2 and config.channels == 1:
        samples = tf.reduce_mean(samples, axis=-1, keepdims=True)
    elif stored == 1 and config.channels == 2:
        samples = tf.repeat(samples, 2, axis=-1)
    return dict(zip(features, tf.unstack(samples, axis=1), strict=True))


def _mixture_and_targets(manifest, config, mixture, audio):
    """Sums the sources, unless there is a stored mixture, and crops the targets to the output window."""
    if mixture is None:
        mixture = _sum([audio[name] for name in manifest.sources])
    begin = config.context_before
    outputs = {name: value[:, begin : begin + config.output_samples] for name, value in audio.items()}
    targets = {}
    for name in config.sources:
        if name in outputs:
            targets[name] = outputs[name]
        else:  # accompaniment
            rest = [value for source, value in outputs.items() if source not in config.sources]
            targets[name] = _sum(rest)
    return mixture, targets


def _sum(signals):
    """Adds in the order of the list, so that the same signals give the same sum to the bit.

    `tf.add_n`, which TensorFlow also makes of a row of additions, begins with the signal whose memory it may
    overwrite: which one that is depends on whether what else reads it has ended.
    """
    return signals[0] if len(signals) == 1 else tf.reduce_sum(tf.stack(signals), axis=0)
