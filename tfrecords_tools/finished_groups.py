"""Which shard groups of a directory of records are written already, and by which request."""

import contextlib
import dataclasses
import os
import shutil
from pathlib import Path

from keras_d3.data import MANIFEST_NAME, load_manifest
from keras_d3.settings import from_dict, to_dict
from keras_d3.utils import read_json, write_json
from tfrecords_tools.record_jobs import GroupJob, GroupResult, write_group

# Holds what is finished while the manifest is not written yet.
PROGRESS_FOLDER = ".unfinished"


def finished_groups(
    out: Path, request: dict, manifest_class: type, is_shared: bool = False
) -> dict[tuple[str, int], tuple[str | None, GroupResult]]:
    """Returns the finished groups in `out`, `{(split, group): (digest of the job, GroupResult)}`.

    A finished directory must have been made from the same files, so no digest is
    needed there (None). In an unfinished one, files may have been repaired since.

    Args:
        out: Path, the directory.
        request: dict, as of `write_directory`.
        manifest_class: `AudioManifest` or `ImageManifest`.
        is_shared: bool, whether other processes write into the directory, too: then the request of the first
            of them binds all, also where none has finished a group.

    Raises:
        ValueError: `out` is a file, or holds records of another request.
    """
    if not out.exists():
        return {}
    if not out.is_dir():
        raise ValueError(f"`--out` must be a directory. `{out}` is a file.")
    if (out / MANIFEST_NAME).is_file():
        manifest = load_manifest(out, check_shards=False)
        _check_request(out, manifest.request, request)
        results = [(None, result) for result in _results_of(manifest)]
    elif _request_file(out).is_file():
        finished = sorted((out / PROGRESS_FOLDER).glob("*-*.json"))
        if not finished and not is_shared:  # a first try that failed: nothing depends on its request
            return {}
        try:
            saved = read_json(_request_file(out))
            _check_request(out, saved | {"input_files_sha256": request["input_files_sha256"]}, request)
            results = [_load_result(path, manifest_class.item_class) for path in finished]
        except FileNotFoundError:
            if not (out / MANIFEST_NAME).is_file():
                raise
            # Another process has finished the directory just now.
            return finished_groups(out, request, manifest_class, is_shared)
    elif any(out.glob("*.tfrecord")):
        raise ValueError(f"`{out}` holds TFRecords without a manifest. Choose another `--out`, or remove it.")
    else:
        results = []
    return {
        (result.split, result.group): (digest, result) for digest, result in results if _is_whole(out, result)
    }


def begin_writing(
    out: Path, request: dict, kept: list[tuple[GroupJob, GroupResult]], todo: list[GroupJob], is_shared: bool
) -> None:
    """Makes the directory one that is being written: from here on it counts as unfinished.

    Args:
        out: Path, the directory.
        request: dict.
        kept: list of finished jobs with their results.
        todo: list of the jobs that are to be written.
        is_shared: bool, as of `finished_groups`.

    Raises:
        ValueError: another process writes records of another request into it.
    """
    out.mkdir(parents=True, exist_ok=True)
    names = [f"{job.split}-{job.group:05d}-*" for job in todo] if is_shared else ["*"]
    for name in names:  # temporary files of killed processes; those of others may be in use
        for path in out.glob(f".{name}.tfrecord.*.tmp"):
            shutil.rmtree(path, ignore_errors=True)
    if is_shared:
        _claim(out, request)
    else:
        write_json(_request_file(out), request)
    for job, result in kept:
        save_result(out, job, result)
    (out / MANIFEST_NAME).unlink(missing_ok=True)


def save_result(out: str | Path, job: GroupJob, result: GroupResult) -> None:
    """Writes that a job is finished."""
    saved = {"job_sha256": job.digest(), "result": to_dict(result)}
    write_json(Path(out) / PROGRESS_FOLDER / f"{result.split}-{result.group:05d}.json", saved)


def write_and_save(out: str, job: GroupJob) -> None:
    """Runs one job and writes that it is finished; for workers that report by files alone."""
    save_result(out, job, write_group(job))


def end_writing(out: Path) -> None:
    """Removes what is kept while a directory is unfinished, once its manifest is there."""
    shutil.rmtree(out / PROGRESS_FOLDER, ignore_errors=True)


def _claim(out, request):
    """Writes the request, unless another process was faster: then it must be the same."""
    file = _request_file(out)
    if not file.is_file():
        own = file.with_name(f"request.{os.uname().nodename}.{os.getpid()}.tmp")
        write_json(own, request)
        with contextlib.suppress(FileExistsError):
            os.link(own, file)  # the one way to make a whole file that never replaces another
        own.unlink()
    saved = read_json(file)
    _check_request(out, saved | {"input_files_sha256": request["input_files_sha256"]}, request)


def _request_file(out):
    return out / PROGRESS_FOLDER / "request.json"


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


def _load_result(path, item_class):
    saved = read_json(path)
    result = from_dict(GroupResult, saved["result"], str(path))
    items = tuple(from_dict(item_class, item, str(path)) for item in result.items)
    return saved["job_sha256"], dataclasses.replace(result, items=items)
