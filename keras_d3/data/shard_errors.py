"""Errors about broken shards that name the shard."""

import contextlib

import tensorflow as tf

from keras_d3.data.records import verify_records
from keras_d3.data.shards import REMAKE, BrokenShardError, ShardedManifest, check_shard_size
from keras_d3.utils import sha256_of_file


def verify_shards(manifest: ShardedManifest, checksums: bool = True) -> None:
    """Checks every shard: first all sizes (fast), then all SHA-256 checksums.

    Args:
        manifest: `AudioManifest` or `ImageManifest`.
        checksums: bool, whether to compare checksums, which reads every byte of every shard.

    Raises:
        BrokenShardError: a shard is missing, cut short, or has other bytes.
    """
    for shard in manifest.shards:
        try:
            check_shard_size(manifest, shard)
        except (FileNotFoundError, ValueError) as error:
            raise BrokenShardError(str(error)) from error
    for shard in manifest.shards if checksums else ():
        path = manifest.path_of(shard)
        if sha256_of_file(path) != shard.sha256:
            raise BrokenShardError(f"The shard `{path}` has other bytes than were written. {REMAKE}")


@contextlib.contextmanager
def reraise_with_shard_name(manifest: ShardedManifest):
    """Turns TensorFlow's errors on broken records into one that names the shard.

    TFRecord's own checksums stop a training run with a DataLossError that does
    not say which file it was. Around `model.fit` this looks for the shard and
    raises `BrokenShardError` instead: first by sizes and checksums, then in the records, which may be others
    than the manifest says although the checksums are right. When all are whole the error passes.

    Args:
        manifest: `AudioManifest` or `ImageManifest`.

    Raises:
        BrokenShardError: a shard is missing, cut short, or has other bytes.

    Example:

    >>> with reraise_with_shard_name(manifest):
    ...     model.fit(training_waveforms(manifest, config, 16, 100), steps_per_epoch=100)
    """
    try:
        yield
    # UnicodeDecodeError: TensorFlow puts the bytes of a record that is none into its message.
    except (
        tf.errors.DataLossError,
        tf.errors.NotFoundError,
        tf.errors.InvalidArgumentError,
        UnicodeDecodeError,
    ) as error:
        try:
            verify_shards(manifest)
            for split in manifest.splits:
                verify_records(manifest, split)
        except BrokenShardError as broken:
            raise broken from error
        raise
