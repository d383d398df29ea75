"""Samples of tracks read straight from the places in the shards where they lie."""

import contextlib
import threading
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from keras_d3.data.audio.manifest import AudioManifest
from keras_d3.data.audio.schema import MIXTURE, feature_of
from keras_d3.data.shard_memory import check_shard_bytes, file_facts
from keras_d3.data.shards import REMAKE, BrokenShardError, Shard
from keras_d3.data.value_places import Place, value_places

# Encodings whose samples lie in a record as they are.
PLAIN_ENCODINGS = ("pcm16",)


class SampleReader:
    """Reads any samples of any track of a split, for records of an encoding in `PLAIN_ENCODINGS`.

    Where samples lie is found from the lengths in the shard, once for each shard, when it is first used. No
    checksum of TFRecord is compared: those are of whole records, of which a few samples of one source are
    wanted. Instead the shard's SHA-256 is compared with the manifest's when it is first used
    (`check_shards_once`: in the process, or by one before), and again whenever size or time stamps of its
    file are no longer those of that time, which is looked at in every reading.

    Threads may share one.

    Args:
        manifest: `AudioManifest`.
        split: str, "train", "validation" or "test".

    Example:

    >>> samples = np.empty((44100, 2), "int16")
    >>> SampleReader(manifest, "train").read("vocals", track=3, begin=0, out=samples)
    """

    def __init__(self, manifest: AudioManifest, split: str):
        self._manifest = manifest
        self._tracks = manifest.tracks(split)
        # Groups in order, as the tracks' records are.
        shards = sorted((shard.group, number) for number, shard in enumerate(manifest.shards))
        self._shards = [manifest.shards[number] for _, number in shards]
        self._shards = [shard for shard in self._shards if shard.split == split]
        self._blocks = [
            (number, block) for number, track in enumerate(self._tracks) for block in range(track.num_blocks)
        ]
        # int64 (shards + 1,) and (tracks,): the number in the split of the first record of each.
        self._shard_begins = np.cumsum([0, *(shard.num_records for shard in self._shards)])
        self._track_begins = np.cumsum([0, *(track.num_blocks for track in self._tracks)])
        self._lock = threading.Lock()
        # By file: the facts of it when it was checked, and the offsets {feature: int64 array (records,)}.
        self._known: dict[str, tuple[list, dict[str, np.ndarray]]] = {}

    def read(self, feature: str, track: int, begin: int, out: np.ndarray) -> None:
        """Reads consecutive samples of the mixture or of a source.

        Args:
            feature: str, "mixture" or a source.
            track: int, index of the track in the split.
            begin: int, the first sample. Outside the track there are zeros.
            out: int16 array (time, channels), contiguous, which is filled.

        Raises:
            BrokenShardError: a shard is missing, has other bytes, or a record is not what the manifest says.
        """
        block_samples = self._manifest.block_samples
        first, last = max(begin, 0), min(begin + len(out), self._tracks[track].num_samples)
        out[: max(0, first - begin)] = 0
        out[max(0, last - begin) :] = 0
        place = first
        while place < last:
            record = int(self._track_begins[track]) + place // block_samples
            number = int(np.searchsorted(self._shard_begins, record, side="right")) - 1
            with self._open(self._shards[number]) as (file, places):
                # All blocks of the track that lie in this shard.
                while place < last and record < self._shard_begins[number + 1]:
                    end = min(last, (place // block_samples + 1) * block_samples)
                    offset = int(places[feature][record - self._shard_begins[number]])
                    offset += place % block_samples * out[0].nbytes
                    _read_into(file, offset, out[place - begin : end - begin])
                    place, record = end, record + 1

    @contextlib.contextmanager
    def _open(self, shard: Shard) -> Iterator[tuple[BinaryIO, dict[str, np.ndarray]]]:
        path = self._manifest.path_of(shard)
        try:
            with open(path, "rb", buffering=0) as file:
                yield file, self._places(shard, file)
        except OSError as error:
            raise BrokenShardError(f"The shard `{path}` cannot be read: {error}. {REMAKE}") from error

    def _places(self, shard, file):
        """The places in a shard, which is checked if that was not done, or if its file was touched."""
        facts = file_facts(file.fileno())
        known = self._known.get(shard.file)
        if known is not None and known[0] == facts:
            return known[1]
        with self._lock:
            known = self._known.get(shard.file)
            if known is None or known[0] != facts:
                check_shard_bytes(self._manifest, [shard])
                try:
                    known = facts, self._find(shard, value_places(file, shard.bytes))
                except ValueError as error:
                    path = self._manifest.path_of(shard)
                    raise BrokenShardError(f"The shard `{path}` is broken: {error} {REMAKE}") from error
                self._known[shard.file] = known
        return known[1]

    def _find(self, shard, records):
        """Checks the records of a shard against the manifest; returns the offsets by feature."""
        number = self._shards.index(shard)
        expected = self._blocks[self._shard_begins[number] : self._shard_begins[number + 1]]
        if len(records) != len(expected):
            raise ValueError(f"it must have {len(expected)} records, not {len(records)}.")
        names = (MIXTURE, *self._manifest.sources)
        offsets = {name: np.zeros(len(records), "int64") for name in names}
        for index, (record, (track, block)) in enumerate(zip(records, expected, strict=True)):
            num_samples = self._tracks[track].num_samples
            found = tuple(record.get(name) for name in ("track", "block", "num_samples"))
            if found != (track, block, num_samples):
                raise ValueError(f"record {index} is not block {block} of track {track}.")
            length = min(self._manifest.block_samples, num_samples - block * self._manifest.block_samples)
            for name in names:
                place = record.get(feature_of(name))
                if not isinstance(place, Place) or place.num_bytes != 2 * length * self._manifest.channels:
                    raise ValueError(f"record {index} must have {length} samples of {name!r}.")
                offsets[name][index] = place.offset
        return offsets


def _read_into(file, offset, out):
    """Fills an array from a place of a file."""
    file.seek(offset)
    rest = memoryview(out.view("uint8").reshape(-1))
    while rest:
        count = file.readinto(rest)
        if not count:
            raise OSError("it ends too early")
        rest = rest[count:]
