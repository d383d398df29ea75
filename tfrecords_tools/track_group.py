"""Writes the shards of one group of songs."""

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path

from keras_d3.data import AudioTrack, serialize_block
from tfrecords_tools.record_jobs import GroupJob, GroupResult, write_shard
from tfrecords_tools.track_audio import read_track_audio
from tfrecords_tools.track_files import TrackFiles


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrackGroupJob(GroupJob):
    """Several whole songs for one shard, or one long song for as many shards as it needs.

    Args:
        channels, sample_rate: int, of the records (Hz).
        encoding, block_samples: str, int, see `RecordsConfig`.
        shard_bytes: int, size of a shard.
        **others: see `GroupJob`.
    """

    channels: int
    sample_rate: int
    encoding: str
    block_samples: int
    shard_bytes: int

    def write(self) -> GroupResult:
        """Reads the songs and writes their shards.

        Raises:
            FileNotFoundError, ValueError, RuntimeError: a song cannot be read.
        """
        written = []
        if len(self.items) > 1:
            return _result(self, written, [write_shard(self, 0, _records_of_all(self, written))])
        audio = _read(self, self.items[0], written)
        num_blocks = written[0].num_blocks
        block_bytes = sum(samples[: self.block_samples].nbytes for samples in audio.values())
        parts = max(1, min(num_blocks, round(num_blocks * block_bytes / self.shard_bytes)))
        bounds = [part * num_blocks // parts for part in range(parts + 1)]
        shards = [
            write_shard(self, part, _records(self, 0, audio, range(bounds[part], bounds[part + 1])))
            for part in range(parts)
        ]
        return _result(self, written, shards)

    def input_files(self) -> list:
        return track_files(self.items)


def track_files(tracks: Iterable[TrackFiles]) -> list:
    """Returns the files of songs with their sizes, as lists that can be written as JSON."""
    return [
        [track.split, track.name, name, Path(file.path).name, file.stream, os.path.getsize(file.path)]
        for track in tracks
        for name, file in track.locations.items()
        if os.path.isfile(file.path)
    ]


def _result(job, written, shards):
    files = tuple(shard.file for shard in shards)
    tracks = tuple(dataclasses.replace(track, shards=files) for track in written)
    return GroupResult(job.split, job.group, tracks, tuple(shards))


def _read(job, track, written):
    audio, clipped = read_track_audio(track, job.channels, job.sample_rate)
    num_samples = len(next(iter(audio.values())))
    num_blocks = -(-num_samples // job.block_samples)
    written.append(AudioTrack(track.name, num_samples, num_blocks, (), clipped))
    return audio


def _records_of_all(job, written):
    for number, track in enumerate(job.items):
        audio = _read(job, track, written)
        yield from _records(job, number, audio, range(written[number].num_blocks))


def _records(job, number, audio, blocks):
    num_samples = len(next(iter(audio.values())))
    for block in blocks:
        start = block * job.block_samples
        yield serialize_block(
            track=job.first_item + number,
            track_name=job.items[number].name,
            block=block,
            num_samples=num_samples,
            audio={name: samples[start : start + job.block_samples] for name, samples in audio.items()},
            sample_rate=job.sample_rate,
            encoding=job.encoding,
        )
