"""From songs to a directory of TFRecords: planned, in parallel, resumable, manifest last."""

import concurrent.futures
import dataclasses
import hashlib
import json
import multiprocessing
import os
import shutil
from pathlib import Path

from tqdm import tqdm

import keras_d3
from keras_d3.data.manifest import MANIFEST_NAME, SPLITS, Manifest, Split, load_manifest
from keras_d3.data.schema import ENCODINGS, SCHEMA_VERSION
from keras_d3.utils.config import from_dict, to_dict
from keras_d3.utils.files import read_json, write_json
from keras_d3.utils.validation import check_choice, check_positive_int
from tfrecords_tools.shard_writer import GroupJob, GroupResult, write_group
from tfrecords_tools.track_audio import MIXTURE, read_facts

# Holds what is finished while the manifest is not written yet.
PROGRESS_FOLDER = ".unfinished"
DEFAULT_RATE_HZ = 44100
# Below this much 16-bit audio a second process takes longer to start than it saves.
SMALL_BYTES = 300_000_000


@dataclasses.dataclass(frozen=True)
class RecordsConfig:
    """Settings of the records.

    Args:
        sample_rate_hz: of the training and validation splits. None: the data's
            own where all songs have one rate, else 44,100.
        test_sample_rate_hz: of the test split, at which scores are taken. None: likewise.
        channels: 1 or 2. None: 2 where any file is stereo.
        encoding: "pcm16" or "flac" (lossless, about half the size, slower to read).
        block_samples: samples per record.
        shard_mb: size of a shard in megabytes, about.
    """

    sample_rate_hz: int | None = None
    test_sample_rate_hz: int | None = None
    channels: int | None = None
    encoding: str = "pcm16"
    block_samples: int = 65536
    shard_mb: float = 150.0

    def __post_init__(self):
        for name in ("sample_rate_hz", "test_sample_rate_hz"):
            if getattr(self, name) is not None:
                check_positive_int(name, getattr(self, name))
        check_choice("channels", self.channels, (None, 1, 2))
        check_choice("encoding", self.encoding, ENCODINGS)
        check_positive_int("block_samples", self.block_samples)
        if not self.shard_mb > 0:
            raise ValueError(f"`shard_mb` must be positive. Received: shard_mb={self.shard_mb!r}.")


def write_records(out, dataset, variant, tracks, sources, config, num_workers=None, report=lambda text: None):
    """Writes TFRecords of songs into a directory, with a manifest.

    What is finished is kept: run again after an interruption, it goes on; run
    again when all is there, it only looks. Shards that are missing, or have not
    their size, are written again.

    Args:
        out: directory.
        dataset, variant: names for the manifest.
        tracks, sources: from a reader in `track_readers`.
        config: `RecordsConfig`.
        num_workers: processes; None: one per core, and one in all for small data.
        report: called with lines of text for the user.

    Returns:
        `Manifest`.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: a song cannot be read, or `out`
            holds records of another request.
    """
    out = Path(out)
    _check_names(tracks, sources)
    request = _request(dataset, variant, tracks, sources, config)
    stored = _finished(out, request)
    if (out / MANIFEST_NAME).is_file():
        manifest = load_manifest(out, check_shards=False)
        if len(manifest.shards) == sum(len(result.shards) for _, result in stored.values()):
            report("All records are there already.")
            return manifest
    facts = {}
    for track in tqdm(tracks, desc="headers", unit="song", leave=False):
        facts[track.split, track.name] = read_facts(track)
    channels = config.channels or max(fact.channels for fact in facts.values())
    rates = _sample_rates(config, facts)
    jobs = _plan(out, tracks, facts, channels, rates, config)
    done = {}
    for job in jobs:
        digest, result = stored.get((job.split, job.group), (None, None))
        if result is not None and digest in (None, _digest(job)):
            done[job.split, job.group] = result
    todo = [job for job in jobs if (job.split, job.group) not in done]
    if todo:
        out.mkdir(parents=True, exist_ok=True)
        _sweep(out)
        # Without its manifest the directory is unfinished, whatever happens from here on.
        write_json(out / PROGRESS_FOLDER / "request.json", request)
        for job in jobs:
            if (job.split, job.group) in done:
                _save_result(out, job, done[job.split, job.group])
        (out / MANIFEST_NAME).unlink(missing_ok=True)
        if num_workers is None:
            num_workers = _default_workers(todo, facts)
        report(f"{len(todo)} of {len(jobs)} shard groups to write, {num_workers} at a time.")
        done |= _write_all(out, todo, num_workers)
    results = [done[job.split, job.group] for job in jobs]
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        dataset=dataset,
        variant=variant,
        channels=channels,
        sources=tuple(sources),
        encoding=config.encoding,
        block_samples=config.block_samples,
        splits={
            split: Split(rates[split], tuple(t for r in results if r.split == split for t in r.tracks))
            for split in SPLITS
            if split in rates
        },
        shards=tuple(shard for result in results for shard in result.shards),
        clipped_samples=sum(track.clipped_samples for result in results for track in result.tracks),
        made_by=f"keras_d3 {keras_d3.__version__} tfrecords_tools",
        request=request,
        directory=str(out),
    )
    for path in out.glob("*.tfrecord"):  # of an earlier plan, before a song was mended
        if path.name not in {shard.file for shard in manifest.shards}:
            path.unlink()
    manifest.save(out)
    shutil.rmtree(out / PROGRESS_FOLDER, ignore_errors=True)
    return manifest


def _check_names(tracks, sources):
    if MIXTURE in sources or len(set(sources)) != len(sources) or not sources:
        raise ValueError(f"`sources` must be distinct names other than 'mixture'. Received: {sources!r}.")
    if not any(track.split == "train" for track in tracks):
        raise ValueError("No training songs are left. Make the list of validation or test songs shorter.")
    for split in SPLITS:
        names = [track.name for track in tracks if track.split == split]
        if len(set(names)) != len(names):
            raise ValueError(f"Song names must differ within a split. Received: {names!r}.")


def _request(dataset, variant, tracks, sources, config):
    """What makes two data sets the same: settings, split lists, and the files with their sizes."""
    return {
        "dataset": dataset,
        "variant": variant,
        "sources": list(sources),
        **to_dict(config),
        "validation_tracks": [track.name for track in tracks if track.split == "validation"],
        "input_files_sha256": _sha256_of(_files(tracks)),
    }


def _files(tracks):
    return [
        [track.split, track.name, name, Path(place.path).name, place.stream, os.path.getsize(place.path)]
        for track in tracks
        for name, place in track.locations.items()
        if os.path.isfile(place.path)
    ]


def _digest(job):
    """What makes a finished group the one that is wanted now: settings, songs, files and their sizes."""
    settings = {
        field.name: getattr(job, field.name)
        for field in dataclasses.fields(job)
        if field.name not in ("directory", "tracks")
    }
    return _sha256_of([settings, _files(job.tracks)])


def _sha256_of(values):
    return hashlib.sha256(json.dumps(values).encode("utf-8")).hexdigest()


def _finished(out, request):
    """Returns what is whole in `out`, `{(split, group): (digest of the job, GroupResult)}`.

    A finished directory must have been made from the same files, so no digest is
    needed there (None). An unfinished one may hold songs that were mended since.
    """
    if not out.exists():
        return {}
    if not out.is_dir():
        raise ValueError(f"`--out` must be a directory. `{out}` is a file.")
    progress = out / PROGRESS_FOLDER
    if (out / MANIFEST_NAME).is_file():
        manifest = load_manifest(out, check_shards=False)
        _check_request(out, manifest.request, request)
        results = [(None, result) for result in _results_of(manifest)]
    elif (progress / "request.json").is_file():
        finished = sorted(progress.glob("*-*.json"))
        if not finished:  # a first try that failed: there is nothing to keep apart
            return {}
        there = read_json(progress / "request.json")
        _check_request(out, there | {"input_files_sha256": request["input_files_sha256"]}, request)
        results = []
        for path in finished:
            saved = read_json(path)
            results.append((saved["job_sha256"], from_dict(GroupResult, saved["result"], str(path))))
    elif any(out.glob("*.tfrecord")):
        raise ValueError(f"`{out}` holds TFRecords without a manifest. Choose another `--out`, or remove it.")
    else:
        results = []
    return {
        (result.split, result.group): (digest, result) for digest, result in results if _is_whole(out, result)
    }


def _is_whole(out, result):
    return all(
        (out / shard.file).is_file() and (out / shard.file).stat().st_size == shard.bytes
        for shard in result.shards
    )


def _check_request(out, there, asked):
    differing = [key for key in asked if there.get(key) != asked[key]]
    if differing:
        shown = "; ".join(f"{key}: {there.get(key)!r} there, {asked[key]!r} asked for" for key in differing)
        raise ValueError(
            f"`{out}` holds records of another request ({shown}). Choose another `--out`, or remove it."
        )


def _results_of(manifest):
    results = {}
    for shard in manifest.shards:
        results.setdefault((shard.split, shard.group), []).append(shard)
    return [
        GroupResult(
            split,
            group,
            tuple(track for track in manifest.tracks(split) if track.shards[0] == shards[0].file),
            tuple(shards),
        )
        for (split, group), shards in results.items()
    ]


def _sample_rates(config, facts):
    own = {fact.sample_rate for fact in facts.values()}
    own = own.pop() if len(own) == 1 else DEFAULT_RATE_HZ
    rates = {split: config.sample_rate_hz or own for split in SPLITS}
    rates["test"] = config.test_sample_rate_hz or own
    present = {split for split, _ in facts}
    return {split: rate for split, rate in rates.items() if split in present}


def _plan(out, tracks, facts, channels, rates, config):
    """Fills shards with songs in order; a song larger than a shard is a group of its own."""
    shard_bytes = int(config.shard_mb * 1e6)
    jobs = []
    for split in rates:
        songs = [track for track in tracks if track.split == split]
        groups, filled = [], 0
        for song in songs:
            size = _pcm_bytes(song, facts, channels, rates[split])
            size *= 0.6 if config.encoding == "flac" else 1
            if not groups or filled + size > shard_bytes:
                groups.append([])
                filled = 0
            groups[-1].append(song)
            filled += size
        first = 0
        for number, group in enumerate(groups):
            jobs.append(
                GroupJob(
                    directory=str(out),
                    split=split,
                    group=number,
                    first_track=first,
                    tracks=tuple(group),
                    channels=channels,
                    sample_rate=rates[split],
                    encoding=config.encoding,
                    block_samples=config.block_samples,
                    shard_bytes=shard_bytes,
                )
            )
            first += len(group)
    return jobs


def _pcm_bytes(song, facts, channels, rate):
    fact = facts[song.split, song.name]
    return fact.num_samples * rate / fact.sample_rate * channels * 2 * (len(song.sources) + 1)


def _default_workers(jobs, facts):
    total = sum(_pcm_bytes(song, facts, job.channels, job.sample_rate) for job in jobs for song in job.tracks)
    return 1 if total < SMALL_BYTES else max(1, min(len(jobs), os.cpu_count() or 1))


def _write_all(out, jobs, num_workers):
    results = {}
    with tqdm(total=sum(len(job.tracks) for job in jobs), desc="records", unit="song") as bar:

        def keep(job, result):
            _save_result(out, job, result)
            results[result.split, result.group] = result
            bar.update(len(result.tracks))

        if num_workers == 1:
            for job in jobs:
                keep(job, write_group(job))
            return results
        # Spawned, because TensorFlow's threads do not survive a fork.
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(num_workers, context) as pool:
            futures = {pool.submit(write_group, job): job for job in jobs}
            try:
                for future in concurrent.futures.as_completed(futures):
                    keep(futures[future], future.result())
            except concurrent.futures.process.BrokenProcessPool as error:
                raise RuntimeError(
                    "A writing process was killed, probably for memory. Run the same command again with "
                    "fewer `--workers`: it goes on where it stopped."
                ) from error
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
    return results


def _save_result(out, job, result):
    saved = {"job_sha256": _digest(job), "result": to_dict(result)}
    write_json(out / PROGRESS_FOLDER / f"{result.split}-{result.group:05d}.json", saved)


def _sweep(out):
    """Removes what a killed process left under temporary names."""
    for path in out.glob(".*.tfrecord.*.tmp"):
        shutil.rmtree(path, ignore_errors=True)
