"""Which shard groups of a directory of records are written already, and by which request."""

import dataclasses
import shutil
from pathlib import Path

import keras_d3
from keras_d3.data import MANIFEST_NAME, changed_shards, load_manifest
from keras_d3.settings import from_dict, to_dict
from keras_d3.utils import (
    claim_json,
    read_json,
    sweep_leftovers,
    with_checksum,
    without_checksum,
    write_json,
)
from tfrecords_tools.record_jobs import GroupJob, GroupResult, write_group

# Holds what is finished while the manifest is not written yet.
PROGRESS_FOLDER = ".unfinished"
# In the request that parts of one directory share: all of them must write as one version does.
VERSION = "keras_d3"


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
        results = _results_of_finished(out, request)
    elif _request_file(out).is_file():
        finished = sorted((out / PROGRESS_FOLDER).glob("*-*.json"))
        if not finished and not is_shared:  # a first try that failed: nothing depends on its request
            return {}
        try:
            _check_request(out, _saved_request(out, request), _asked_for(request, is_shared))
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


def sweep(out: Path, is_shared: bool) -> None:
    """Removes what killed processes left; the caller has the directory's lock.

    Where others write, too, only what has no living writer by its own lock, and nothing of earlier versions.
    """
    if is_shared:
        sweep_leftovers(out, out / PROGRESS_FOLDER)
        return
    patterns = (".*.tfrecord.*.tmp", f".{MANIFEST_NAME}.*.tmp")
    sweep_leftovers(out, out / PROGRESS_FOLDER, patterns=patterns)
    if (out / MANIFEST_NAME).is_file():  # it is written last, so nothing is unfinished
        end_writing(out)


def begin_writing(
    out: Path, request: dict, kept: list[tuple[GroupJob, GroupResult]], is_shared: bool
) -> None:
    """Makes the directory one that is being written: without its manifest it counts as unfinished.

    Args:
        out: Path, the directory.
        request: dict.
        kept: list of finished jobs with their results.
        is_shared: bool, as of `finished_groups`.

    Raises:
        ValueError: another process writes records of another request into it.
    """
    out.mkdir(parents=True, exist_ok=True)
    if is_shared:
        if (out / MANIFEST_NAME).is_file():  # left by who was killed after he wrote the manifest
            _remove_notes_but(out, kept)
        _claim(out, request)
    else:
        write_json(_request_file(out), with_checksum(request))
    for job, result in kept:
        save_result(out, job, result)
    (out / MANIFEST_NAME).unlink(missing_ok=True)


def save_result(out: str | Path, job: GroupJob, result: GroupResult) -> None:
    """Writes that a job is finished."""
    saved = {"job_sha256": job.digest(), "result": to_dict(result)}
    write_json(_note_file(out, result), with_checksum(saved))


def write_and_save(out: str, job: GroupJob) -> None:
    """Runs one job and writes that it is finished; for workers that report by files alone."""
    save_result(out, job, write_group(job))


def end_writing(out: Path) -> None:
    """Removes what is kept while a directory is unfinished, once its manifest is there."""
    shutil.rmtree(out / PROGRESS_FOLDER, ignore_errors=True)


def _claim(out, request):
    """Writes the request, unless another process was faster: then it must be the same."""
    asked_for = _asked_for(request, is_shared=True)
    claim_json(_request_file(out), with_checksum(asked_for))
    _check_request(out, _saved_request(out, request), asked_for)


def _asked_for(request, is_shared):
    return {**request, VERSION: keras_d3.__version__} if is_shared else request


def _saved_request(out, request):
    """Returns the request of an unfinished directory, whose files may have been repaired since."""
    saved = {VERSION: keras_d3.__version__, **_read_note(_request_file(out))}
    return saved | {"input_files_sha256": request["input_files_sha256"]}


def _request_file(out):
    return out / PROGRESS_FOLDER / "request.json"


def _note_file(out, result):
    return Path(out) / PROGRESS_FOLDER / f"{result.split}-{result.group:05d}.json"


def _remove_notes_but(out, kept):
    files = {_note_file(out, result) for _, result in kept}
    for path in (out / PROGRESS_FOLDER).glob("*-*.json"):
        if path not in files:
            path.unlink(missing_ok=True)


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


def _results_of_finished(out, request):
    manifest = load_manifest(out, check_shards=False)
    _check_request(out, manifest.request, request)
    # Not remembered: what this command writes depends on its request alone.
    changed = {shard.file for shard in changed_shards(manifest, manifest.shards, remember=False)}
    return [
        (None, result)
        for result in _results_of(manifest)
        if not any(shard.file in changed for shard in result.shards)
    ]


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
    saved = _read_note(path)
    result = from_dict(GroupResult, saved.get("result"), str(path))
    items = tuple(from_dict(item_class, item, str(path)) for item in result.items)
    return str(saved.get("job_sha256")), dataclasses.replace(result, items=items)


def _read_note(path):
    what = "note of finished records"
    saved = read_json(path, what)
    if not isinstance(saved, dict):
        raise ValueError(f"The {what} `{path}` must be a mapping. Remove it: its records are made again.")
    return without_checksum(saved, f"{what} `{path}`")
