"""A directory of TFRecords, written by jobs: in parallel, resumable, manifest last."""

import concurrent.futures
import dataclasses
import hashlib
import json
import multiprocessing
import os
import shutil
from pathlib import Path

import tensorflow as tf
from tqdm import tqdm

from keras_d3.data import MANIFEST_NAME, SPLITS, Shard, load_manifest
from keras_d3.settings import from_dict, to_dict
from keras_d3.utils import atomic_path, read_json, sha256_of_file, write_json

# Holds what is finished while the manifest is not written yet.
PROGRESS_FOLDER = ".unfinished"
# Below this much data a second process takes longer to start than it saves.
SMALL_BYTES = 300_000_000


@dataclasses.dataclass(frozen=True)
class GroupResult:
    """What a job wrote: goes into the manifest. `items`: `Track`s or `ImageItem`s."""

    split: str
    group: int
    items: tuple
    shards: tuple[Shard, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroupJob:
    """The shards of one group: the piece of work one process does at a time. A subclass says how.

    Args:
        directory: where the shards go.
        split, group: of the shards; they make up the file names.
        first_item: index of the first item in the split's list.
        items: what the reader found: songs, or images with their labels.
        num_bytes: about how much data that is.
    """

    directory: str
    split: str
    group: int
    first_item: int
    items: tuple
    num_bytes: float

    def write(self):
        """Writes the shards, each under its name only when whole, and returns a `GroupResult`."""
        raise NotImplementedError

    def input_files(self):
        """Returns a JSON-ready list of the files read, with their sizes."""
        raise NotImplementedError

    def digest(self):
        """What makes a finished group the one that is wanted now: settings, items, files and their sizes."""
        settings = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("directory", "items", "num_bytes")
        }
        return sha256_of([settings, self.input_files()])


def write_group(job):
    """Does one job; a function, because processes are handed functions."""
    return job.write()


def write_shard(job, part, records):
    """Writes one shard of a job under its name when it is whole, and returns it as a `Shard`."""
    path = Path(job.directory) / f"{job.split}-{job.group:05d}-{part:02d}.tfrecord"
    num_records = 0
    with atomic_path(path) as temporary:
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for record in records:
                writer.write(record)
                num_records += 1
        size, checksum = temporary.stat().st_size, sha256_of_file(temporary)
    return Shard(path.name, job.split, job.group, num_records, size, checksum)


def sha256_of(values):
    """Returns the SHA-256 of JSON-ready values."""
    return hashlib.sha256(json.dumps(values).encode("utf-8")).hexdigest()


def write_directory(out, request, manifest_class, plan, unit, num_workers=None, report=lambda text: None):
    """Does the jobs of a plan that are not done yet, and writes the manifest.

    What is finished is kept: run again after an interruption, it goes on; run
    again when all is there, it only looks. Shards that are missing, or have not
    their size, are written again.

    Args:
        out: directory.
        request: JSON-ready dict: what makes two data sets the same. `input_files_sha256` in it may
            change while the directory is unfinished (an item was mended).
        manifest_class: `Manifest` or `ImageManifest`.
        plan: function without arguments that returns `(jobs, settings)`; called only if something is to do.
            `settings`: function of a list of `GroupResult`s that returns the manifest's fields, without
            `schema_version`, `shards`, `request` and `directory`.
        unit: "song" or "image", for the progress bar.
        num_workers: processes; None: one per core, and one in all for small data.
        report: called with lines of text for the user.

    Returns:
        The manifest.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: an item cannot be read, or `out`
            holds records of another request.
    """
    out = Path(out)
    stored = _finished(out, request, manifest_class)
    if (out / MANIFEST_NAME).is_file():
        manifest = load_manifest(out, check_shards=False)
        if len(manifest.shards) == sum(len(result.shards) for _, result in stored.values()):
            report("All records are there already.")
            return manifest
    jobs, settings = plan()
    done = {}
    for job in jobs:
        digest, result = stored.get((job.split, job.group), (None, None))
        if result is not None and digest in (None, job.digest()):
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
            num_workers = _default_workers(todo)
        report(f"{len(todo)} of {len(jobs)} shard groups to write, {num_workers} at a time.")
        done |= _write_all(out, todo, num_workers, unit)
    results = [done[job.split, job.group] for job in jobs]
    manifest = manifest_class(
        schema_version=manifest_class.schema,
        shards=tuple(shard for result in results for shard in result.shards),
        request=request,
        directory=str(out),
        **settings(results),
    )
    for path in out.glob("*.tfrecord"):  # of an earlier plan, before an item was mended
        if path.name not in {shard.file for shard in manifest.shards}:
            path.unlink()
    manifest.save(out)
    shutil.rmtree(out / PROGRESS_FOLDER, ignore_errors=True)
    return manifest


def splits_of(results, make_split):
    """Returns `{split: make_split(split, items)}` for the splits that hold anything, in order."""
    items = {}
    for result in results:
        items.setdefault(result.split, []).extend(result.items)
    return {split: make_split(split, tuple(items[split])) for split in SPLITS if split in items}


def groups_by_size(items, size_of, group_bytes):
    """Fills groups with items in order, up to about `group_bytes` each.

    Returns:
        List of `(index of the first item, items)`; an item larger than a group is one of its own.
    """
    groups, filled = [], 0
    for number, item in enumerate(items):
        size = size_of(item)
        if not groups or filled + size > group_bytes:
            groups.append((number, []))
            filled = 0
        groups[-1][1].append(item)
        filled += size
    return [(first, tuple(group)) for first, group in groups]


def _finished(out, request, manifest_class):
    """Returns what is whole in `out`, `{(split, group): (digest of the job, GroupResult)}`.

    A finished directory must have been made from the same files, so no digest is
    needed there (None). An unfinished one may hold items that were mended since.
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
        results = [_load_result(path, manifest_class.item_class) for path in finished]
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
    shards, items = {}, {}
    for shard in manifest.shards:
        shards.setdefault((shard.split, shard.group), []).append(shard)
    for split in manifest.splits:
        for item in manifest.items(split):
            items.setdefault(item.shards[0], []).append(item)
    return [
        GroupResult(split, group, tuple(items.get(members[0].file, ())), tuple(members))
        for (split, group), members in shards.items()
    ]


def _default_workers(jobs):
    total = sum(job.num_bytes for job in jobs)
    return 1 if total < SMALL_BYTES else max(1, min(len(jobs), os.cpu_count() or 1))


def _write_all(out, jobs, num_workers, unit):
    results = {}
    with tqdm(total=sum(len(job.items) for job in jobs), desc="records", unit=unit) as bar:

        def keep(job, result):
            _save_result(out, job, result)
            results[result.split, result.group] = result
            bar.update(len(result.items))

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
    saved = {"job_sha256": job.digest(), "result": to_dict(result)}
    write_json(out / PROGRESS_FOLDER / f"{result.split}-{result.group:05d}.json", saved)


def _load_result(path, item_class):
    saved = read_json(path)
    result = from_dict(GroupResult, saved["result"], str(path))
    items = tuple(from_dict(item_class, item, str(path)) for item in result.items)
    return saved["job_sha256"], dataclasses.replace(result, items=items)


def _sweep(out):
    """Removes what a killed process left under temporary names."""
    for path in out.glob(".*.tfrecord.*.tmp"):
        shutil.rmtree(path, ignore_errors=True)
