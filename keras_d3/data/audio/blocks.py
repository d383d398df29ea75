"""The records of shards, one after the other, as NumPy arrays; what is no such record is refused."""

from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

from keras_d3.data.audio.manifest import AudioManifest
from keras_d3.data.audio.record_check import check_contents
from keras_d3.data.audio.schema import MIXTURE, read_block
from keras_d3.data.shards import REMAKE, BrokenShardError


def read_blocks(
    manifest: AudioManifest, split: str, paths: Sequence[str], feature: str | None = None
) -> Iterator[dict[str, Any]]:
    """Yields the records of shards as `read_block` gives them, each checked against its track.

    Args:
        manifest: `AudioManifest`.
        split: str, "train", "validation" or "test".
        paths: sequence of str, paths of shards of that split.
        feature: str, the one of the mixture and the sources to decode. None: all of them.

    Raises:
        BrokenShardError: a file is missing or damaged, or a record is not what the manifest says.
    """
    tracks = manifest.tracks(split)
    names = (MIXTURE, *manifest.sources) if feature is None else (feature,)
    records = tf.data.TFRecordDataset(list(paths)).as_numpy_iterator()
    while True:
        try:
            record = read_block(next(records), manifest.encoding, manifest.channels, feature)
            if not 0 <= record["track"] < len(tracks):
                raise ValueError(f"`track` is {record['track']}, and there are {len(tracks)} tracks.")
            check_contents(manifest, tracks[record["track"]], record, names)
        except StopIteration:
            return
        except (tf.errors.OpError, ValueError) as error:
            raise BrokenShardError(f"A record of `{', '.join(paths)}` is broken: {error} {REMAKE}") from error
        yield record
