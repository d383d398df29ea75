"""Writes the shards of one group: the piece of work one process does at a time."""

import dataclasses
from pathlib import Path

import tensorflow as tf

from keras_d3.data.manifest import Shard, Track
from keras_d3.data.schema import serialize_block
from keras_d3.utils.files import atomic_path, sha256_of_file
from tfrecords_tools.track_audio import TrackFiles, read_track_audio


@dataclasses.dataclass(frozen=True)
class GroupJob:
    """Several whole songs for one shard, or one long song for as many shards as it needs.

    Args:
        directory: where the shards go.
        split, group: of the shards; they make up the file names.
        first_track: index of the first song in the split's list.
        tracks: the songs.
        channels, sample_rate: of the records (Hz).
        encoding, block_samples, shard_bytes: see `RecordsConfig`.
    """

    directory: str
    split: str
    group: int
    first_track: int
    tracks: tuple[TrackFiles, ...]
    channels: int
    sample_rate: int
    encoding: str
    block_samples: int
    shard_bytes: int


@dataclasses.dataclass(frozen=True)
class GroupResult:
    """What a job wrote: goes into the manifest."""

    split: str
    group: int
    tracks: tuple[Track, ...]
    shards: tuple[Shard, ...]


def write_group(job):
    """Reads the songs of a `GroupJob` and writes their shards, each under its name only when whole.

    Returns:
        `GroupResult`.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: a song cannot be read.
    """
    written = []
    if len(job.tracks) > 1:
        return _result(job, written, [_write_shard(job, 0, _records_of_all(job, written))])
    audio = _read(job, job.tracks[0], written)
    num_blocks = written[0].num_blocks
    block_bytes = sum(samples[: job.block_samples].nbytes for samples in audio.values())
    parts = max(1, min(num_blocks, round(num_blocks * block_bytes / job.shard_bytes)))
    bounds = [part * num_blocks // parts for part in range(parts + 1)]
    shards = [
        _write_shard(job, part, _records(job, 0, audio, range(bounds[part], bounds[part + 1])))
        for part in range(parts)
    ]
    return _result(job, written, shards)


def _result(job, written, shards):
    files = tuple(shard.file for shard in shards)
    tracks = tuple(dataclasses.replace(track, shards=files) for track in written)
    return GroupResult(job.split, job.group, tracks, tuple(shards))


def _read(job, track, written):
    audio, clipped = read_track_audio(track, job.channels, job.sample_rate)
    num_samples = len(next(iter(audio.values())))
    num_blocks = -(-num_samples // job.block_samples)
    written.append(Track(track.name, num_samples, num_blocks, (), clipped))
    return audio


def _records_of_all(job, written):
    for number, track in enumerate(job.tracks):
        audio = _read(job, track, written)
        yield from _records(job, number, audio, range(written[number].num_blocks))


def _records(job, number, audio, blocks):
    num_samples = len(next(iter(audio.values())))
    for block in blocks:
        start = block * job.block_samples
        yield serialize_block(
            track=job.first_track + number,
            track_name=job.tracks[number].name,
            block=block,
            num_samples=num_samples,
            audio={name: samples[start : start + job.block_samples] for name, samples in audio.items()},
            sample_rate=job.sample_rate,
            encoding=job.encoding,
        )


def _write_shard(job, part, records):
    path = Path(job.directory) / f"{job.split}-{job.group:05d}-{part:02d}.tfrecord"
    num_records = 0
    with atomic_path(path) as temporary:
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for record in records:
                writer.write(record)
                num_records += 1
        size, checksum = temporary.stat().st_size, sha256_of_file(temporary)
    return Shard(path.name, job.split, job.group, num_records, size, checksum)
