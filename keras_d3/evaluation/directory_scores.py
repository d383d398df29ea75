"""Scores folders of estimates: in parallel over tracks, one JSON per track, resumable."""

import concurrent.futures
import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import keras_d3
from keras_d3.evaluation.kept_scores import read_scores
from keras_d3.evaluation.museval_scores import SCHEMA_VERSION
from keras_d3.evaluation.score_files import (
    check_headers,
    estimate_files,
    existing_folder,
    reference_files,
    track_names,
)
from keras_d3.evaluation.scoring import Scoring
from keras_d3.evaluation.silence import lacks_scores_for_silence
from keras_d3.evaluation.source_files import path_of, place_of_track
from keras_d3.utils import (
    check_positive_int,
    num_cores,
    optional_package,
    sha256_of_file,
    sweep_leftovers,
)

_ERRORS = {error.__name__: error for error in (FileNotFoundError, RuntimeError, ValueError)}
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def score_directory(
    references_dir,
    estimates_dir,
    scores_dir,
    sources=None,
    num_workers=None,
    *,
    tracks=None,
    window_secs=1.0,
    accompaniment=False,
    backend="museval",
    metrics=("museval",),
    stems="all",
    pad_or_truncate_secs=0.0,
    progress=True,
    low_priority=False,
):
    """Scores `<estimates_dir>/<track>/<source>.wav` and writes `<scores_dir>/<track>.json`.

    Each track is scored in a process of its own with one BLAS thread, so the numbers do not
    depend on `num_workers`. A JSON that is there already is kept if it was made from the
    same audio (SHA-256 of every file) with the same settings and museval version; so a second call does
    nothing, and a call after an interruption scores what is left. Other settings score anew.

    Args:
        references_dir: path of a folder with `<track>/<source>.wav`, or of any other audio format, or with
            MUSDB18's `<track>.stem.mp4`; "mixture.wav" may be there, too. Hidden files are not looked at.
        estimates_dir: path of a folder of the same layout; it may hold more tracks and sources.
        scores_dir: path of the folder for the JSON files; made if missing.
        sources: sequence of str, the sources of the mixture; None takes those of the references: all audio
            files but the mixture, and the accompaniment unless there is nothing but vocals beside it
            (also called `no_vocals` or `instrumental`).
        num_workers: int, processes at a time; None means one per core. With four stereo sources each
            takes about 0.9 GB for an excerpt of seconds, and more for a whole song.
        tracks: sequence of str, names of the tracks to score; None means all of `references_dir`.
        window_secs, accompaniment, backend, metrics: see `score_track`.
        stems: "all" scores the sources as they are named. "two" scores vocals and accompaniment, which is
            `accompaniment.wav` if there is one, or else the sum of the other sources, of references and of
            estimates. So either of them may have two stems or more.
        pad_or_truncate_secs: float, by how much files may be longer or shorter than the longest reference of
            their track. They are then cut, or padded with zeros, at their ends. 0 refuses any difference.
        progress: bool, whether to show a progress bar.
        low_priority: bool, whether the processes leave the processor to others that want it, for
            scoring beside a training.

    Returns:
        Dict track -> what `score_track` returned, sorted by track.

    Raises:
        FileNotFoundError: a folder, a track's folder or a source's file is missing.
        ValueError: the files of a track differ in length, rate or channels, or one cannot be read.
        RuntimeError: museval cannot be imported, or a process died.

    Example:
        >>> scores = score_directory("musdb18hq/test", "estimates/test", "scores/test")  # doctest: +SKIP
        >>> print(format_table(aggregate(scores)))  # doctest: +SKIP
    """
    options = {
        "window_secs": window_secs,
        "accompaniment": accompaniment,
        "backend": backend,
        "metrics": metrics,
        "stems": stems,
    }
    return score_directories(
        references_dir,
        {"": (estimates_dir, scores_dir)},
        sources,
        num_workers,
        tracks=tracks,
        pad_or_truncate_secs=pad_or_truncate_secs,
        progress=progress,
        low_priority=low_priority,
        **options,
    )[""]


def score_directories(
    references_dir,
    separators,
    sources=None,
    num_workers=None,
    *,
    tracks=None,
    window_secs=1.0,
    accompaniment=False,
    backend="museval",
    metrics=("museval",),
    stems="all",
    pad_or_truncate_secs=0.0,
    progress=True,
    low_priority=False,
):
    """Scores several separators on the same references; see `score_directory`.

    With `backend="shared"` a track's references are worked on once for all separators.

    Args:
        separators: dict from a name to (estimates_dir, scores_dir).
        references_dir, sources, num_workers, tracks, window_secs, accompaniment, backend, metrics,
            stems, pad_or_truncate_secs, progress, low_priority: see `score_directory`.

    Returns:
        Dict name -> dict track -> scores.
    """
    scoring = Scoring(window_secs, None, accompaniment, backend, metrics, stems)
    settings = scoring.fingerprint()
    if not 0 <= pad_or_truncate_secs < float("inf"):
        raise ValueError(
            "`pad_or_truncate_secs` must be a number of seconds, 0 or more. "
            f"Received: pad_or_truncate_secs={pad_or_truncate_secs!r}."
        )
    num_workers = check_positive_int("num_workers", num_cores() if num_workers is None else num_workers)
    references_dir = existing_folder("references_dir", references_dir)
    tracks = track_names(references_dir) if tracks is None else sorted(tracks)
    results = {name: {} for name in separators}
    for _, scores_dir in separators.values():
        sweep_leftovers(scores_dir)
    tasks = []
    for track in tracks:
        references = _references_of_track(place_of_track(references_dir, track), sources, scoring)
        waiting = []
        for name, (estimates_dir, scores_dir) in separators.items():
            place = place_of_track(existing_folder("estimates_dir", estimates_dir), track)
            estimates = estimate_files(place, references, sources, stems)
            check_headers(references, estimates, pad_or_truncate_secs)
            out = Path(scores_dir) / f"{track}.json"
            waiting.append({"name": name, "estimates": estimates, "out": str(out)})
        _add_fingerprints(references, waiting, settings, pad_or_truncate_secs)
        missing = []
        for job in waiting:
            kept = _kept_scores(job)
            if kept is None:
                missing.append(job)
            else:
                results[job["name"]][track] = kept
        # Only the shared backend gains from scoring several separators in one process.
        groups = [missing] if backend == "shared" else [[job] for job in missing]
        task = {
            "track": track,
            "references": references,
            "settings": settings,
            "pad_or_truncate_secs": pad_or_truncate_secs,
            "nice": 10 * low_priority,
        }
        tasks += [{**task, "jobs": group} for group in groups if group]

    for task in _run_all(tasks, num_workers, len(tracks) * len(separators), progress):
        for job in task["jobs"]:
            results[job["name"]][task["track"]] = read_scores(job["out"])
    return {name: {track: scores[track] for track in tracks} for name, scores in results.items()}


def _references_of_track(place, sources, scoring):
    """Paths of a track's references, which must allow what is to be scored."""
    references = reference_files(place, sources, scoring.stems)
    try:
        scoring.check_sources(tuple(references))
    except ValueError as error:
        raise ValueError(f"Track '{place.name}': {error}") from error
    return references


def _add_fingerprints(references, jobs, settings, pad_or_truncate_secs):
    """Adds to each job a hash of everything that its scores depend on."""
    references = _digests(references)
    for job in jobs:
        facts = {
            "schema_version": SCHEMA_VERSION,
            "museval": importlib.metadata.version("museval"),
            "settings": settings,
            "references": references,
            "estimates": _digests(job["estimates"]),
        }
        if pad_or_truncate_secs:  # files of earlier versions, which lack it, are recognized
            facts["pad_or_truncate_secs"] = pad_or_truncate_secs
        job["fingerprint"] = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _digests(files):
    paths = {path_of(file) for file in files.values()}
    digests = {path: sha256_of_file(path) for path in paths}
    # The streams of a file are told apart by their numbers.
    return {
        source: digests[path_of(file)] + ("" if isinstance(file, str) else f":{file[1]}")
        for source, file in files.items()
    }


def _kept_scores(job):
    """Returns the scores that are there already, or None if they are missing, broken or of other inputs."""
    try:
        scores = read_scores(job["out"])
    except (FileNotFoundError, ValueError):
        return None
    if scores.get("fingerprint") != job["fingerprint"]:
        return None
    return None if lacks_scores_for_silence(scores) else scores


def _run_all(tasks, num_workers, num_scores, progress):
    """Yields tasks as they end; the first error stops the others."""
    tqdm = optional_package("tqdm", "evaluation", "The progress bar").tqdm

    running = set()
    done = num_scores - sum(len(task["jobs"]) for task in tasks)
    bar = tqdm(total=num_scores, initial=done, desc="Scoring", unit="track", disable=not progress)
    pool = concurrent.futures.ThreadPoolExecutor(num_workers)
    try:
        futures = {pool.submit(_run_process, task, running): task for task in tasks}
        for future in concurrent.futures.as_completed(futures):
            future.result()
            bar.update(len(futures[future]["jobs"]))
            yield futures[future]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in list(running):
            process.terminate()
        pool.shutdown(wait=True)
        bar.close()


def _run_process(task, running):
    """Scores one task in a fresh interpreter.

    A process of its own, rather than one of a multiprocessing pool: the number of BLAS threads must be
    set before NumPy is imported, and a pool's processes would first import the caller's main
    module, TensorFlow included.
    """
    package_root = str(Path(keras_d3.__file__).resolve().parents[1])
    search_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, **dict.fromkeys(_THREAD_VARIABLES, "1"), "PYTHONPATH": search_path}
    process = subprocess.Popen(
        [sys.executable, "-m", "keras_d3.evaluation.score_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**environment, "PYTHONIOENCODING": "utf-8"},
    )
    running.add(process)
    try:
        output, errors = process.communicate(json.dumps(task))
    finally:
        running.discard(process)
    try:
        # museval's imports may print, too: the answer is the last line.
        answer = json.loads(output.strip().splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        answer = {}
    if "error" in answer:
        raise _ERRORS[answer["error"]](answer["message"])
    if process.returncode != 0 or not answer:
        killed = " (killed, often for want of memory: use fewer `num_workers`)" * (process.returncode < 0)
        raise RuntimeError(
            f"Scoring track '{task['track']}' ended with exit status {process.returncode}{killed}.\n"
            f"{errors[-2000:]}"
        )
