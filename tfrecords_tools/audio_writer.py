"""Writes songs into a directory of TFRecords."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

import keras_d3
from keras_d3.data import ENCODINGS, MIXTURE, SPLITS, AudioManifest, AudioSplit
from keras_d3.settings import to_dict
from keras_d3.utils import (
    ALL_WORK,
    BeamRunner,
    WorkShard,
    check_choice,
    check_file_name,
    check_positive_int,
    check_sample_rate,
)
from tfrecords_tools.faults import FaultList
from tfrecords_tools.record_directory import write_directory
from tfrecords_tools.record_jobs import groups_by_size, sha256_of, splits_of
from tfrecords_tools.track_audio import read_facts
from tfrecords_tools.track_files import TrackFiles
from tfrecords_tools.track_group import TrackGroupJob, track_files

DEFAULT_RATE_HZ = 44100


@dataclasses.dataclass(frozen=True)
class RecordsConfig:
    """Settings of the records.

    Args:
        sample_rate_hz: int, of the training and validation splits. None: that of the songs if it is
            the same for all, else 44,100.
        test_sample_rate_hz: int, of the test split, at which scores are taken. None: likewise.
        channels: int, 1 or 2. None: 2 if any file is stereo.
        encoding: str, "pcm16" or "flac" (lossless, about half the size, slower to read).
        block_samples: int, samples per record.
        shard_mb: float, size of a shard in megabytes, about.
        pad_or_truncate_secs: float, by how much the lengths of a song's files may differ. They are then
            padded with zeros or cut at their ends to the length of the mixture, or else of the longest
            source.

    Raises:
        ValueError: a setting is out of range.
    """

    sample_rate_hz: int | None = None
    test_sample_rate_hz: int | None = None
    channels: int | None = None
    encoding: str = "pcm16"
    block_samples: int = 65536
    shard_mb: float = 150.0
    pad_or_truncate_secs: float = 0.0

    def __post_init__(self):
        for name in ("sample_rate_hz", "test_sample_rate_hz"):
            if getattr(self, name) is not None:
                check_sample_rate(name, getattr(self, name))
        check_choice("channels", self.channels, (None, 1, 2))
        check_choice("encoding", self.encoding, ENCODINGS)
        check_positive_int("block_samples", self.block_samples)
        if not self.shard_mb > 0:
            raise ValueError(f"`shard_mb` must be positive. Received: shard_mb={self.shard_mb!r}.")
        if not 0 <= self.pad_or_truncate_secs < float("inf"):
            raise ValueError(
                "`pad_or_truncate_secs` must be a number of seconds, 0 or more. "
                f"Received: pad_or_truncate_secs={self.pad_or_truncate_secs!r}."
            )


def write_records(
    out: str | Path,
    dataset: str,
    variant: str,
    tracks: Sequence[TrackFiles],
    sources: Sequence[str],
    config: RecordsConfig,
    num_workers: int | None = None,
    log: Callable[[str], None] = lambda line: None,
    work_shard: WorkShard = ALL_WORK,
    beam: BeamRunner | None = None,
) -> AudioManifest | None:
    """Writes TFRecords of songs into a directory, with a manifest.

    Test songs alone make records that are for scores, not for training. Resumable: see `write_directory`.

    Args:
        out: str or Path, the directory.
        dataset, variant: str, names for the manifest.
        tracks: sequence of `TrackFiles`, from `list_musdb18`, `list_dsd100` or `list_folder`.
        sources: sequence of str, source names in order.
        config: `RecordsConfig`.
        num_workers: int, number of processes. None: one per core, and a single one for small data.
        log: callable that receives lines of text for the user.
        work_shard: `WorkShard`, the part of the shard groups that this call writes: see `write_directory`.
        beam: `BeamRunner`, whose workers write; None: this machine.

    Returns:
        `AudioManifest`; None where other calls' shard groups are not written yet.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: a song cannot be read, or `out`
            holds records of another request.
    """
    _check_names(tracks, sources)

    def plan():
        facts, faults = {}, FaultList()
        for track in tqdm(tracks, desc="headers", unit="song", leave=False):
            with faults.collected():
                facts[track.split, track.name] = read_facts(track, config.pad_or_truncate_secs)
        faults.raise_all()
        channels = config.channels or max(fact.channels for fact in facts.values())
        rates = _sample_rates(config, facts)

        def settings(results):
            _log_notes(results, log)
            return {
                "dataset": dataset,
                "variant": variant,
                "channels": channels,
                "sources": tuple(sources),
                "encoding": config.encoding,
                "block_samples": config.block_samples,
                "splits": splits_of(results, lambda split, items: AudioSplit(rates[split], items)),
                "clipped_samples": sum(track.clipped_samples for result in results for track in result.items),
                "generator": f"keras_d3 {keras_d3.__version__} tfrecords_tools",
            }

        return _jobs(out, tracks, facts, channels, rates, config), settings

    request = _request(dataset, variant, tracks, sources, config)
    return write_directory(out, request, AudioManifest, plan, "song", num_workers, log, work_shard, beam)


def _check_names(tracks, sources):
    if MIXTURE in sources or len(set(sources)) != len(sources) or not sources:
        raise ValueError(f"`sources` must be distinct names other than 'mixture'. Received: {sources!r}.")
    for source in sources:
        check_file_name("sources", source)
    for track in tracks:
        check_file_name("name of a song", track.name)
    splits = {track.split for track in tracks}
    if "validation" in splits and "train" not in splits:
        raise ValueError("No training songs are left. Make the list of validation or test songs shorter.")
    if not tracks:
        raise ValueError("`tracks` must hold at least one song. Received: none.")
    for split in SPLITS:
        names = [track.name for track in tracks if track.split == split]
        if len(set(names)) != len(names):
            raise ValueError(f"Song names must differ within a split. Received: {names!r}.")


def _request(dataset, variant, tracks, sources, config):
    """Returns what identifies a data set: settings, split lists, and the files with their sizes."""
    return {
        "dataset": dataset,
        "variant": variant,
        "sources": list(sources),
        **_settings_of(config),
        "validation_tracks": [track.name for track in tracks if track.split == "validation"],
        "input_files_sha256": sha256_of(track_files(tracks)),
    }


def _settings_of(config):
    """The settings as a dict; one added later only where it is not the default, as older records lack it."""
    settings = to_dict(config)
    if not config.pad_or_truncate_secs:
        del settings["pad_or_truncate_secs"]
    return settings


def _log_notes(results, log):
    songs = {}
    for result in results:
        for note, song in result.notes:
            songs.setdefault(note, []).append(song)
    for note, names in songs.items():
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        log(f"Warning: {note}, in {len(names)} song{'s' * (len(names) != 1)}: {shown}.")
    if any(" is the sum of " in note for note in songs):
        log("What is no source counts twice in the mixture: leave it out with `--sources`.")


def _sample_rates(config, facts):
    found = {fact.sample_rate for fact in facts.values()}
    default = found.pop() if len(found) == 1 else DEFAULT_RATE_HZ
    rates = {split: config.sample_rate_hz or default for split in SPLITS}
    rates["test"] = config.test_sample_rate_hz or default
    present = {split for split, _ in facts}
    return {split: rate for split, rate in rates.items() if split in present}


def _jobs(out, tracks, facts, channels, rates, config):
    """Fills shards with songs in order; a song larger than a shard is a group of its own."""
    shard_bytes = int(config.shard_mb * 1e6)
    stored = 0.6 if config.encoding == "flac" else 1
    jobs = []
    for split in rates:
        sizes = {
            song.name: _pcm_bytes(song, facts, channels, rates[split])
            for song in tracks
            if song.split == split
        }
        songs = [song for song in tracks if song.split == split]
        groups = groups_by_size(songs, lambda song, sizes=sizes: sizes[song.name] * stored, shard_bytes)
        for number, (first, group) in enumerate(groups):
            jobs.append(
                TrackGroupJob(
                    directory=str(out),
                    split=split,
                    group=number,
                    first_item=first,
                    items=group,
                    num_bytes=sum(sizes[song.name] for song in group),
                    channels=channels,
                    sample_rate=rates[split],
                    encoding=config.encoding,
                    block_samples=config.block_samples,
                    shard_bytes=shard_bytes,
                    pad_or_truncate_secs=config.pad_or_truncate_secs,
                )
            )
    return jobs


def _pcm_bytes(song, facts, channels, rate):
    fact = facts[song.split, song.name]
    return fact.num_samples * rate / fact.sample_rate * channels * 2 * (len(song.sources) + 1)
