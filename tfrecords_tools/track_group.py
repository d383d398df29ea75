"""Writes the shards of one group of songs."""

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path

from keras_d3.data import AudioTrack, serialize_block
from tfrecords_tools.faults import FaultList
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
        pad_or_truncate_secs: float, see `read_track_audio`.
        **others: see `GroupJob`.
    """

    channels: int
    sample_rate: int
    encoding: str
    block_samples: int
    shard_bytes: int
    pad_or_truncate_secs: float = 0.0

    def write(self) -> GroupResult:
        """Reads the songs and writes their shards.

        Raises:
            FileNotFoundError, ValueError, RuntimeError: a song cannot be read; `DataFaults` for several.
        """
        written, notes = [], []
        if len(self.items) > 1:
            shard = write_shard(self, 0, _records_of_all(self, written, notes))
            return _result(self, written, [shard], notes)
        audio = _read(self, self.items[0], written, notes)
        num_blocks = written[0].num_blocks
        block_bytes = sum(samples[: self.block_samples].nbytes for samples in audio.values())
        parts = max(1, min(num_blocks, round(num_blocks * block_bytes / self.shard_bytes)))
        bounds = [part * num_blocks // parts for part in range(parts + 1)]
        shards = [
            write_shard(self, part, _records(self, 0, audio, range(bounds[part], bounds[part + 1])))
            for part in range(parts)
        ]
        return _result(self, written, shards, notes)

    def check(self) -> None:
        faults = FaultList()
        for track in self.items:
            with faults.collected():
                read_track_audio(track, self.channels, self.sample_rate, self.pad_or_truncate_secs)
        faults.raise_all()

    def input_files(self) -> list:
        return track_files(self.items)


def track_files(tracks: Iterable[TrackFiles]) -> list:
    """Returns the files of songs with their sizes, as lists that can be written as JSON."""
    files = []
    for track in tracks:
        for name, parts in track.parts.items():
            present = [file for file in parts if os.path.isfile(file.path)]
            files += [
                [track.split, track.name, name, Path(file.path).name, file.stream, os.path.getsize(file.path)]
                for file in present
            ]
            if not parts:
                files.append([track.split, track.name, name, None, None, 0])
    return files


def _result(job, written, shards, notes):
    files = tuple(shard.file for shard in shards)
    tracks = tuple(dataclasses.replace(track, shards=files) for track in written)
    return GroupResult(job.split, job.group, tracks, tuple(shards), notes=tuple(notes))


def _read(job, track, written, notes):
    audio = read_track_audio(track, job.channels, job.sample_rate, job.pad_or_truncate_secs)
    num_samples = len(next(iter(audio.samples.values())))
    num_blocks = -(-num_samples // job.block_samples)
    written.append(AudioTrack(track.name, num_samples, num_blocks, (), audio.num_clipped))
    notes += [(note, track.name) for note in audio.notes]
    return audio.samples


def _records_of_all(job, written, notes):
    faults = FaultList()
    for number, track in enumerate(job.items):
        audio = None
        with faults.collected():
            audio = _read(job, track, written, notes)
        # After a fault nothing more is written, but the other songs are still looked at.
        if not faults:
            yield from _records(job, number, audio, range(written[number].num_blocks))
    faults.raise_all()


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
