"""Waveform batches from TFRecords: records -> excerpts -> augmentation -> mixture and targets."""

import tensorflow as tf

from keras_d3.data.audio.checks import check_audio_records
from keras_d3.data.audio.excerpts import ExcerptSampler
from keras_d3.data.audio.manifest import AudioManifest
from keras_d3.data.audio.schema import MIXTURE
from keras_d3.data.epochs import endless_epochs, fix_graph_seed, fold_in
from keras_d3.settings import AudioDataConfig
from keras_d3.utils import ALL_WORK, WorkShard, check_positive_int


def training_waveforms(
    manifest: AudioManifest,
    config: AudioDataConfig,
    batch_size: int,
    steps_per_epoch: int,
    first_epoch: int = 0,
    deterministic: bool = True,
    split: str = "train",
    share: WorkShard = ALL_WORK,
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
        batch_size: int, examples per batch, of all shares together.
        steps_per_epoch: int, batches per epoch.
        first_epoch: int, epoch to start with.
        deterministic: bool. False lets tf.data deliver batches out of order when that is faster.
        split: str, "train", "validation" or "test".
        share: `WorkShard`, for one of several processes: it reads a part of every pass of its own, and gives
            `batch_size / share.count` examples per batch.

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
    batch_size = _own_batch_size(batch_size, share)
    sampler = ExcerptSampler(manifest, split, config, share)
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
            if share.count > 1:  # other gains in every process
                batch_seed = fold_in(batch_seed, share.number)
            audio = augment(audio, batch_seed, config.gain_range, config.channel_swap_probability)
            return _mixture_and_targets(manifest, config, mixture, audio)

        return batches.take(steps_per_epoch).enumerate().map(finish)

    return endless_epochs(epoch_batches, first_epoch, deterministic)


def validation_waveforms(
    manifest: AudioManifest,
    config: AudioDataConfig,
    batch_size: int,
    split: str = "validation",
    share: WorkShard = ALL_WORK,
    even_batches: bool = False,
) -> tf.data.Dataset:
    """Returns consecutive windows over whole tracks, always the same, each once.

    Output windows start at 0, `validation_hop`, 2 `validation_hop`, ... of each
    track; the last is zero-padded and kept, and so is the last, smaller batch.
    Neither gain nor channel swap is applied.

    Several devices need batches of one size, and several processes equally many. With `even_batches` silent
    examples of weight 0 fill them up, and the weight of the others makes up for that: it is the same for
    all, so that Keras' mean over the examples of all batches is that over the windows alone.

    Args:
        manifest, config, batch_size: as in `training_waveforms`.
        split: str, "train", "validation" or "test".
        share: `WorkShard`, for one of several processes: it reads windows of its part of the shard groups.
        even_batches: bool, whether every batch has `batch_size / share.count` examples.

    Returns:
        A finite `tf.data.Dataset` of `(mixture, targets)` as from `training_waveforms`; with `even_batches`
        of `(mixture, targets, weights)`, weights float32 `(batch, 1)`.

    Raises:
        ValueError: the records cannot feed this config, or `batch_size` is not positive.
    """
    check_positive_int("batch_size", batch_size)
    check_audio_records(manifest, config, split)
    sampler = ExcerptSampler(manifest, split, config, share)

    @tf.autograph.experimental.do_not_convert
    def finish(samples, *weights):
        audio = _to_float(samples, sampler.features, config)
        mixture = audio.pop(MIXTURE, None)
        # One more axis, as the losses of an example have: Keras does not add it.
        weights = [weight[:, tf.newaxis] for weight in weights]
        return *_mixture_and_targets(manifest, config, mixture, audio), *weights

    excerpts = sampler.in_order(config.validation_hop or config.output_samples)
    if even_batches:
        excerpts, num_batches = _filled_up(excerpts, manifest, config, split, batch_size, share)
    else:
        num_batches = -(-num_validation_windows(manifest, config, split) // batch_size)
    dataset = excerpts.batch(_own_batch_size(batch_size, share)).map(finish)
    return dataset.apply(tf.data.experimental.assert_cardinality(num_batches)).prefetch(2)


def _filled_up(excerpts, manifest, config, split, batch_size, share):
    """Returns excerpts with weights, silent ones at the end, and the number of batches of each process."""
    own_batch_size = _own_batch_size(batch_size, share)
    group_of = {shard.file: shard.group for shard in manifest.shards if shard.split == split}
    of_group = dict.fromkeys(sorted(group_of.values()), 0)
    for track in manifest.tracks(split):
        of_group[group_of[track.shards[0]]] += _num_windows(track, config)
    of_process = [
        sum(WorkShard(number, share.count).of(of_group.values())) for number in range(1, share.count + 1)
    ]
    num_batches = -(-max(of_process) // own_batch_size)
    weight = num_batches * batch_size / sum(of_process)
    silence = tf.data.Dataset.from_tensors((tf.zeros(excerpts.element_spec.shape, tf.int16), 0.0))
    silence = silence.repeat(num_batches * own_batch_size - of_process[share.number - 1])
    return excerpts.map(lambda samples: (samples, weight)).concatenate(silence), num_batches


def _own_batch_size(batch_size, share):
    if batch_size % share.count:
        raise ValueError(
            f"`batch_size` must be a multiple of the {share.count} processes. "
            f"Received: batch_size={batch_size}."
        )
    return batch_size // share.count


def num_validation_windows(
    manifest: AudioManifest, config: AudioDataConfig, split: str = "validation"
) -> int:
    """Returns the number of examples that `validation_waveforms` gives."""
    return sum(_num_windows(track, config) for track in manifest.tracks(split))


def _num_windows(track, config):
    return -(-track.num_samples // (config.validation_hop or config.output_samples))


def augment(
    audio: dict[str, tf.Tensor],
    seed: tf.Tensor,
    gain_range: tuple[float, float] | None,
    channel_swap_probability: float,
) -> dict[str, tf.Tensor]:
    """Applies a random gain and channel swap to each source of each example (Uhlich et al. 2017, section 3).

    Args:
        audio: dict of `source -> float32 (batch, time, channels)`.
        seed: int64 tensor (2,): the same seed gives the same draws.
        gain_range: (low, high) of the uniform gain, or None.
        channel_swap_probability: float in [0, 1], probability of reversing the channels of a source.

    Returns:
        Dict like `audio`.
    """
    if gain_range is None and not channel_swap_probability:
        return audio
    shape = (tf.shape(next(iter(audio.values())))[0], len(audio))
    if gain_range is not None:
        low, high = map(float, gain_range)
        gains = tf.random.stateless_uniform(shape, fold_in(seed, 0), low, high, alg="philox")
        audio = {
            name: samples * gains[:, number, tf.newaxis, tf.newaxis]
            for number, (name, samples) in enumerate(audio.items())
        }
    if channel_swap_probability:
        swaps = tf.random.stateless_uniform(shape, fold_in(seed, 1), alg="philox") < channel_swap_probability
        audio = {
            name: tf.where(swaps[:, number, tf.newaxis, tf.newaxis], tf.reverse(samples, axis=(-1,)), samples)
            for number, (name, samples) in enumerate(audio.items())
        }
    return audio


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
