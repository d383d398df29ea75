"""Writes a directory of TFRecords from jobs: in parallel, resumable, the manifest last."""

import concurrent.futures
import contextlib
import functools
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from keras_d3.data import MANIFEST_NAME, has_tfds_metadata, load_manifest, write_tfds_metadata
from keras_d3.utils import ALL_WORK, BeamRunner, WorkShard, end_with_parent, lock_directory
from tfrecords_tools.faults import FaultList
from tfrecords_tools.finished_groups import (
    PROGRESS_FOLDER,
    begin_writing,
    end_writing,
    finished_groups,
    save_result,
    sweep,
    write_and_save,
)
from tfrecords_tools.record_jobs import check_group, write_group

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
    work_shard: WorkShard = ALL_WORK,
    beam: BeamRunner | None = None,
):
    """Runs the jobs of a plan that are not finished yet, and writes the manifest.

    Resumable: finished groups are kept, also after an interruption. Shards that are missing or have another
    size than was written are written again; in a finished directory also those with other bytes.

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
        work_shard: `WorkShard`, which of the jobs to run. Other calls, at the same time or not, run the
            others; the one that finds all of them finished writes the manifest.
        beam: `BeamRunner`, on whose workers the jobs run, with `out` on a disk that they see. None: here.

    Returns:
        The manifest, a `manifest_class`; None where jobs of other calls are not finished.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: an item cannot be read, or `out`
            holds records of another request, or is being written by another process.
    """
    out, is_shared = Path(out), work_shard.count > 1
    with contextlib.ExitStack() as stack:
        if out.is_dir():  # one that is not there is made when there is something to write
            stack.enter_context(lock_directory(out, is_shared))
        stored = finished_groups(out, request, manifest_class, is_shared)
        sweep(out, is_shared)
        if (out / MANIFEST_NAME).is_file():
            manifest = load_manifest(out, check_shards=False)
            if len(manifest.shards) == sum(len(result.shards) for _, result in stored.values()):
                log("All records are there already.")
                if not has_tfds_metadata(out):  # records of an earlier version
                    write_tfds_metadata(manifest)
                return manifest
        jobs, settings = plan()
        done = _results_of_jobs(jobs, stored)
        todo = [job for job in work_shard.of(jobs) if _key(job) not in done]
        if todo:
            if not out.is_dir():
                stack.enter_context(lock_directory(out, is_shared))
            kept = [(job, done[_key(job)]) for job in jobs if _key(job) in done]
            begin_writing(out, request, kept, is_shared)
            done |= _write(out, todo, len(jobs), num_workers, unit, log, beam)
        if is_shared or beam is not None:
            done = _results_of_jobs(jobs, finished_groups(out, request, manifest_class, is_shared))
        missing = sum(_key(job) not in done for job in jobs)
        if missing:
            log(
                f"{missing} of {len(jobs)} shard groups are left to other calls; "
                "the last one writes the manifest."
            )
            return None
        return _finish(out, request, manifest_class, [done[_key(job)] for job in jobs], settings)


def _key(job):
    return job.split, job.group


def _results_of_jobs(jobs, stored):
    """Returns the results of finished jobs, `{(split, group): GroupResult}`."""
    done = {}
    for job in jobs:
        digest, result = stored.get(_key(job), (None, None))
        if result is not None and digest in (None, job.digest()):
            done[_key(job)] = result
    return done


def _finish(out, request, manifest_class, results, settings):
    """Writes the manifest, after all that it refers to."""
    manifest = manifest_class(
        schema_version=manifest_class.schema,
        shards=tuple(shard for result in results for shard in result.shards),
        request=request,
        directory=str(out),
        **settings(results),
    )
    files = {shard.file for shard in manifest.shards}
    for path in out.glob("*.tfrecord"):  # of an earlier plan, before a file was repaired
        if path.name not in files:
            path.unlink(missing_ok=True)
    write_tfds_metadata(manifest)
    manifest.save(out)
    end_writing(out)
    return manifest


def _write(out, todo, num_jobs, num_workers, unit, log, beam):
    """Runs the jobs; returns their results, or none where the workers leave them in files."""
    if beam is not None:
        log(f"{len(todo)} of {num_jobs} shard groups to write, on Beam's {beam.name}.")
        beam.run(functools.partial(write_and_save, str(out)), todo, out / PROGRESS_FOLDER / "faults")
        return {}
    if num_workers is None:
        num_workers = _default_workers(todo)
    log(f"{len(todo)} of {num_jobs} shard groups to write, {num_workers} at a time.")
    return _write_all(out, todo, num_workers, unit)


def _default_workers(jobs):
    total = sum(job.num_bytes for job in jobs)
    return 1 if total < SMALL_BYTES else max(1, min(len(jobs), os.cpu_count() or 1))


def _write_all(out, jobs, num_workers, unit):
    results = {}
    with tqdm(total=sum(len(job.items) for job in jobs), desc="records", unit=unit) as bar:

        def keep(job, result):
            save_result(out, job, result)
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
    with concurrent.futures.ProcessPoolExecutor(num_workers, context, end_with_parent) as pool:
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
