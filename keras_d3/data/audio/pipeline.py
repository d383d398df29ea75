"""Waveform batches from TFRecords: records -> excerpts -> augmentation -> mixture and targets."""

import tensorflow as tf

from keras_d3.data.audio.checks import check_audio_records
from keras_d3.data.audio.excerpt_sources import CodedExcerpts, excerpts_of
from keras_d3.data.audio.excerpts import ExcerptSampler, features_read
from keras_d3.data.audio.manifest import AudioManifest
from keras_d3.data.audio.mixing import Mixer
from keras_d3.data.audio.starts import ExcerptStarts
from keras_d3.data.epochs import endless_epochs, fix_graph_seed, fold_in
from keras_d3.data.open_iterators import close_iterators_at_exit
from keras_d3.data.prefetch import prefetched
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
    stream draws for itself. Of plain records ("pcm16") only the samples of a batch are read, from where they
    lie in the shards; each shard's checksum is compared before its first use (`check_shards_once`). Coded
    records ("flac") are streamed, and their excerpts shuffled as samples (`audio_shuffle_bytes` says how much
    memory that is).

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
        share: `WorkShard`, for one of several processes: every `share.count`-th example of each batch of one
            process, with the same augmentation. Of plain records only the samples of these are read.

    Returns:
        A `tf.data.Dataset` of `(mixture, targets)`: float32 `(batch, input_samples,
        channels)` and `{source: float32 (batch, output_samples, channels)}`.

    Raises:
        ValueError: the records cannot feed this config (rate, sources), an integer is out of range, or a
            batch or the records cannot be shared by so many.

    Example:

    >>> config = AudioDataConfig(22050, 1, ("accompaniment", "vocals"), 16384, 16384)
    >>> model.fit(training_waveforms(load_manifest("records"), config, 16, 100), steps_per_epoch=100)
    """
    check_positive_int("batch_size", batch_size)
    check_positive_int("steps_per_epoch", steps_per_epoch)
    check_positive_int("first_epoch", first_epoch, 0)
    check_audio_records(manifest, config, split)
    own_batch_size = _own_batch_size(batch_size, share)
    _check_enough(manifest, config, split, share)
    features = features_read(manifest, config)
    num_streams = len(features) if config.sources_from == "different_tracks" else 1
    source = excerpts_of(manifest, split, config, features)
    mixer = Mixer(manifest, config, features)

    def epoch_batches(epoch):
        seed = tf.stack((tf.constant(config.seed, tf.int64), epoch))

        def stream(number):
            fix_graph_seed()
            return source.random(fold_in(seed, number), number if num_streams > 1 else None)

        # Streams in turns, one excerpt each: the order says which source it is, so it must be kept.
        excerpts = tf.data.Dataset.range(num_streams).interleave(
            stream,
            cycle_length=num_streams,
            num_parallel_calls=num_streams if source.in_parallel else None,
            deterministic=True if source.in_parallel else None,
        )
        if share.count > 1:  # an example is one excerpt of every stream
            excerpts = excerpts.batch(num_streams).shard(share.count, share.number - 1).unbatch()
        batches = excerpts.batch(own_batch_size * num_streams, drop_remainder=True)

        def finish(number, excerpts):
            batch_seed = fold_in(fold_in(seed, num_streams), number)
            # An example is one excerpt of every stream.
            excerpts = tf.reshape(excerpts, (own_batch_size, num_streams, *excerpts.shape[1:]))
            drawn = draw_augmentation(batch_size, len(features), batch_seed, config)
            gains, swaps = (values[share.number - 1 :: share.count] for values in drawn)
            return _mix(mixer, config, source.read, excerpts, gains, swaps)

        return batches.take(steps_per_epoch).enumerate().map(finish, num_parallel_calls=tf.data.AUTOTUNE)

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
    Nothing is augmented.

    Several devices need batches of one size. With `even_batches` silent examples of weight 0 fill up the last
    batch, and the weight of all others makes up for that, so that Keras' mean over the examples of all
    batches is that over the windows alone.

    Args:
        manifest, config, batch_size: as in `training_waveforms`.
        split: str, "train", "validation" or "test".
        share: `WorkShard`, as in `training_waveforms`, but all records of the split are read; more than one
            need `even_batches`.
        even_batches: bool, whether every batch has `batch_size / share.count` examples.

    Returns:
        A finite `tf.data.Dataset` of `(mixture, targets)` as from `training_waveforms`; with `even_batches`
        of `(mixture, targets, weights)`, weights float32 `(batch, 1)`.

    Raises:
        ValueError: the records cannot feed this config, or `batch_size` is not positive.
    """
    check_positive_int("batch_size", batch_size)
    check_audio_records(manifest, config, split)
    sampler = ExcerptSampler(manifest, split, config)
    mixer = Mixer(manifest, config, sampler.features)

    @tf.autograph.experimental.do_not_convert
    def finish(excerpts, *weights):
        shape = (tf.shape(excerpts)[0], len(sampler.features))
        gains, swaps = tf.ones(shape), tf.zeros(shape, tf.bool)
        # One more axis, as the losses of an example have: Keras does not add it.
        weights = [weight[:, tf.newaxis] for weight in weights]
        return *_mix(mixer, config, CodedExcerpts.read, excerpts, gains, swaps), *weights

    excerpts = sampler.in_order(config.validation_hop or config.output_samples)
    num_windows = num_validation_windows(manifest, config, split)
    num_batches = -(-num_windows // batch_size)
    if even_batches:
        excerpts = _filled_up(excerpts, num_windows, num_batches * batch_size)
        excerpts = excerpts.shard(share.count, share.number - 1)
    dataset = excerpts.batch(_own_batch_size(batch_size, share)).map(finish)
    return prefetched(dataset.apply(tf.data.experimental.assert_cardinality(num_batches)))


def _own_batch_size(batch_size, share):
    if batch_size % share.count:
        raise ValueError(
            f"`batch_size` must be a multiple of the {share.count} processes. Received: "
            f"batch_size={batch_size}."
        )
    return batch_size // share.count


def _check_enough(manifest, config, split, share):
    per_pass = ExcerptStarts(manifest, split, config).per_pass if share.count > 1 else 1
    if per_pass < share.count:
        raise ValueError(
            f"A pass over the {split} records must have an excerpt for each of the {share.count} processes. "
            f"Received: {per_pass} of `{manifest.directory}`. Start fewer processes, or raise "
            "`data.excerpts_per_block`."
        )


def _filled_up(excerpts, num_excerpts, wanted):
    """Returns excerpts and their weights, with silent ones of weight 0 at the end."""
    weight = wanted / num_excerpts
    silence = tf.data.Dataset.from_tensors((tf.zeros(excerpts.element_spec.shape, tf.int16), 0.0))
    weighted = excerpts.map(lambda samples: (samples, weight))
    return weighted.concatenate(silence.repeat(wanted - num_excerpts))


def num_validation_windows(
    manifest: AudioManifest, config: AudioDataConfig, split: str = "validation"
) -> int:
    """Returns the number of examples that `validation_waveforms` gives."""
    hop = config.validation_hop or config.output_samples
    return sum(-(-track.num_samples // hop) for track in manifest.tracks(split))


def draw_augmentation(
    num_examples: int, num_sources: int, seed: tf.Tensor, config: AudioDataConfig
) -> tuple[tf.Tensor, tf.Tensor]:
    """Draws a random gain, channel swap and inversion of the polarity for each source of each example.

    Gain and swap are those of Uhlich et al., 2017, section 3. What the config leaves out draws nothing, and
    each augmentation has numbers of its own: one more leaves the others' draws as they are.

    Args:
        num_examples, num_sources: int, int.
        seed: int64 tensor (2,): the same seed gives the same draws.
        config: `AudioDataConfig`, with `gain_range` and the probabilities.

    Returns:
        `(gains, swaps)`: float32, negative where the polarity is inverted, and bool, both `(num_examples,
        num_sources)`.
    """
    shape = (num_examples, num_sources)

    def happens(number, probability):
        if not probability:
            return tf.zeros(shape, tf.bool)
        return tf.random.stateless_uniform(shape, fold_in(seed, number), alg="philox") < probability

    gains = tf.ones(shape)
    if config.gain_range is not None:
        low, high = map(float, config.gain_range)
        gains = tf.random.stateless_uniform(shape, fold_in(seed, 0), low, high, alg="philox")
    inversions = happens(2, config.polarity_inversion_probability)
    return tf.where(inversions, -gains, gains), happens(1, config.channel_swap_probability)


def _mix(mixer, config, read, excerpts, gains, swaps):
    """Mixes a batch in NumPy, as a step of the graph; returns (mixture, targets) as tensors."""

    def batch(excerpts, gains, swaps):
        def read_one(example, feature, out):
            read(excerpts, example, feature, out)

        return mixer.batch(read_one, gains, swaps)

    close_iterators_at_exit()
    # Not stateful: the same excerpts give the same batch. tf.data prefetches nothing behind stateful
    # functions where operations are made deterministic, as in training.
    dtypes = [tf.float32] * (1 + len(config.sources))
    mixture, *targets = tf.numpy_function(batch, (excerpts, gains, swaps), dtypes, stateful=False)
    num_examples = gains.shape[0]
    mixture.set_shape((num_examples, config.input_samples, config.channels))
    for target in targets:
        target.set_shape((num_examples, config.output_samples, config.channels))
    return mixture, dict(zip(config.sources, targets, strict=True))
