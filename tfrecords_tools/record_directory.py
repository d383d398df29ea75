"""Writes a directory of TFRecords from jobs: in parallel, resumable, the manifest last."""

import concurrent.futures
import dataclasses
import multiprocessing
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from keras_d3.data import MANIFEST_NAME, has_tfds_metadata, load_manifest, write_tfds_metadata
from keras_d3.settings import from_dict, to_dict
from keras_d3.utils import read_json, write_json
from tfrecords_tools.faults import FaultList
from tfrecords_tools.record_jobs import GroupResult, check_group, write_group

# Holds what is finished while the manifest is not written yet.
PROGRESS_FOLDER = ".unfinished"
# Below this much data a second process takes longer to start than it saves.
SMALL_BYTES = 300_000_000


def write_directory(
    out: str | Path,
    request: dict,
    manifest_class: type,
    plan: Callable,
    unit: str,
    num_workers: int | None = None,
    log: Callable[[str], None] = lambda line: None,
):
    """Runs the jobs of a plan that are not finished yet, and writes the manifest.

    Resumable: finished groups are kept, also after an interruption. Shards that are missing or have another
    size than was written are written again.

    Args:
        out: str or Path, the directory.
        request: dict that can be written as JSON, identifies the data set: a directory with another request
            is refused. `input_files_sha256` in it may change while the directory is unfinished (a file was
            repaired).
        manifest_class: `AudioManifest` or `ImageManifest`.
        plan: callable without arguments that returns `(jobs, settings)`; called only if there is work to do.
            `settings` is a callable from the list of `GroupResult`s to a dict of the manifest's fields,
            without `schema_version`, `shards`, `request` and `directory`.
        unit: str, "song" or "image", for the progress bar.
        num_workers: int, number of processes. None: one per core, and a single one for small data.
        log: callable that receives lines of text for the user.

    Returns:
        The manifest, a `manifest_class`.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: an item cannot be read, or `out`
            holds records of another request.
    """
    out = Path(out)
    stored = _finished(out, request, manifest_class)
    if (out / MANIFEST_NAME).is_file():
        manifest = load_manifest(out, check_shards=False)
        if len(manifest.shards) == sum(len(result.shards) for _, result in stored.values()):
            log("All records are there already.")
            if not has_tfds_metadata(out):  # records of an earlier version
                write_tfds_metadata(manifest)
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
        # Without its manifest the directory counts as unfinished from here on.
        write_json(out / PROGRESS_FOLDER / "request.json", request)
        for job in jobs:
            if (job.split, job.group) in done:
                _save_result(out, job, done[job.split, job.group])
        (out / MANIFEST_NAME).unlink(missing_ok=True)
        if num_workers is None:
            num_workers = _default_workers(todo)
        log(f"{len(todo)} of {len(jobs)} shard groups to write, {num_workers} at a time.")
        done |= _write_all(out, todo, num_workers, unit)
    results = [done[job.split, job.group] for job in jobs]
    manifest = manifest_class(
        schema_version=manifest_class.schema,
        shards=tuple(shard for result in results for shard in result.shards),
        request=request,
        directory=str(out),
        **settings(results),
    )
    for path in out.glob("*.tfrecord"):  # of an earlier plan, before a file was repaired
        if path.name not in {shard.file for shard in manifest.shards}:
            path.unlink()
    write_tfds_metadata(manifest)
    manifest.save(out)
    shutil.rmtree(out / PROGRESS_FOLDER, ignore_errors=True)
    return manifest


def _finished(out, request, manifest_class):
    """Returns the finished groups in `out`, `{(split, group): (digest of the job, GroupResult)}`.

    A finished directory must have been made from the same files, so no digest is
    needed there (None). In an unfinished one, files may have been repaired since.
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
        if not finished:  # a first try that failed: nothing depends on its request
            return {}
        saved = read_json(progress / "request.json")
        _check_request(out, saved | {"input_files_sha256": request["input_files_sha256"]}, request)
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


def _check_request(out, saved, request):
    differing = [key for key in request if saved.get(key) != request[key]]
    if differing:
        shown = "; ".join(f"{key}: {saved.get(key)!r} there, {request[key]!r} asked for" for key in differing)
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
            _write_alone(jobs, keep)
        else:
            _write_in_processes(jobs, num_workers, keep)
    return results


def _write_alone(jobs, keep):
    faults = FaultList()
    for job in jobs:
        with faults.collected():
            if faults:
                check_group(job)
            else:
                keep(job, write_group(job))
    faults.raise_all()


def _write_in_processes(jobs, num_workers, keep):
    """After the first fault nothing more is written, but all that is left is checked."""
    faults = FaultList()
    # Spawned, because TensorFlow's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(num_workers, context) as pool:
        futures = {pool.submit(write_group, job): job for job in jobs}
        try:
            for future in concurrent.futures.as_completed(futures):
                if future.cancelled():
                    continue
                with faults.collected():
                    keep(futures[future], future.result())
                if faults:
                    for other in futures:
                        other.cancel()
            left = [pool.submit(check_group, job) for future, job in futures.items() if future.cancelled()]
            for future in left:
                with faults.collected():
                    future.result()
        except concurrent.futures.process.BrokenProcessPool as error:
            raise RuntimeError(
                "A writing process was killed, probably for memory. Run the same command again with "
                "fewer `--workers`: it goes on where it stopped."
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    faults.raise_all()


def _save_result(out, job, result):
    saved = {"job_sha256": job.digest(), "result": to_dict(result)}
    write_json(out / PROGRESS_FOLDER / f"{result.split}-{result.group:05d}.json", saved)


def _load_result(path, item_class):
    saved = read_json(path)
    result = from_dict(GroupResult, saved["result"], str(path))
    items = tuple(from_dict(item_class, item, str(path)) for item in result.items)
    return saved["job_sha256"], dataclasses.replace(result, items=items)


def _sweep(out):
    """Removes temporary files of killed processes."""
    for path in out.glob(".*.tfrecord.*.tmp"):
        shutil.rmtree(path, ignore_errors=True)
