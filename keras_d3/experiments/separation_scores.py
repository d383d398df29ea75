"""Scores of separators: the test tracks through a run's SavedModel, compared with the references.

RUN/estimates/test/<track>/<source>.wav   estimates (32-bit float)
RUN/estimates/separation.json             which SavedModel made them of which records, and how fast
RUN/scores/test/<track>.json              museval's four figures per frame
REFERENCES/test/<track>/<source>.wav      the test tracks as the records hold them
"""

import dataclasses
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from keras_d3.audio import write_audio
from keras_d3.data import load_manifest, read_track
from keras_d3.evaluation import score_directories
from keras_d3.experiments.exports import export_run, results_dir, wiener_changes
from keras_d3.experiments.leakage import songs_to_evaluate
from keras_d3.experiments.model_origin import file_checksums, records_sha256
from keras_d3.runs import Run
from keras_d3.separation import load_separator
from keras_d3.utils import (
    atomic_path,
    current_commit,
    lock_directory,
    read_checked_json,
    sweep_leftovers,
    write_checked_json,
)

SPLIT = "test"


def separate_tracks(
    saved_model,
    data_dir,
    estimates_dir,
    references_dir,
    tracks=None,
    split=SPLIT,
    quality="best",
    runtime="tensorflow",
    precision="f32",
):
    """Separates tracks of the records with a SavedModel.

    Tracks that were already separated with the same SavedModel and settings from the same records are kept.

    Args:
        saved_model: path of the SavedModel.
        data_dir: directory of records.
        estimates_dir: gets `<split>/<track>/<source>.wav`, 32-bit float at the split's rate.
        references_dir: gets the references likewise, `mixture.wav` beside them, and the sum of
            the others for a separator with an accompaniment.
        tracks: names of tracks of the split; None for all of them.
        split: str, "train", "validation" or "test".
        quality: "best" or "fast", see `Separator.separate`.
        runtime, precision: see `load_separator`.

    Returns:
        float, seconds of audio separated per second (times real time).

    Raises:
        RuntimeError: another process separates into `estimates_dir`.
    """
    manifest = load_manifest(data_dir)
    tracks = _track_names(manifest, split) if tracks is None else tracks
    estimates_dir, references_dir = Path(estimates_dir), Path(references_dir)
    separator = load_separator(saved_model, runtime, precision)
    made_by = {
        "saved_model": file_checksums(saved_model),
        "records": {split: records_sha256(manifest, split)},
        "settings": {"quality": quality, "runtime": separator.runtime, "precision": precision},
    }
    # Two writers would log each other's estimates as their own.
    with lock_directory(estimates_dir):
        sweep_leftovers(estimates_dir, *(directory / split for directory in (estimates_dir, references_dir)))
        log = _begin_log(estimates_dir / "separation.json", made_by)
        separate = _timed(separator, quality)
        for name in tqdm(tracks, desc="separate", unit="track"):
            _separate_track(manifest, split, name, separator, separate, (estimates_dir, references_dir), log)
    times = [log["tracks"][name] for name in tracks]
    return sum(item["audio_secs"] for item in times) / sum(item["separate_secs"] for item in times)


def _separate_track(manifest, split, name, separator, separate, directories, log):
    """Writes references and estimates of a track, unless both are there and the log names it."""
    estimates_dir, references_dir = directories
    done, references_done = estimates_dir / split / name, references_dir / split / name
    sweep_leftovers(references_done)
    wanted = [references_done / f"{source}.wav" for source in ("mixture", *separator.sources)]
    has_estimates = name in log["tracks"] and done.is_dir()
    if has_estimates and all(path.is_file() for path in wanted):
        return
    audio, sample_rate = read_track(manifest, split, name)
    _write_references(references_done, audio, separator.sources, sample_rate)
    if has_estimates:
        return
    estimates, separate_secs = separate(audio["mixture"], sample_rate)
    with atomic_path(done) as temporary:
        temporary.mkdir()
        for source, estimate in estimates.items():
            write_audio(temporary / f"{source}.wav", estimate, sample_rate, subtype="FLOAT")
    log["tracks"][name] = {
        "audio_secs": len(audio["mixture"]) / sample_rate,
        "separate_secs": separate_secs,
    }
    write_checked_json(estimates_dir / "separation.json", log)


def _timed(separator, quality):
    """Returns a function that separates a mixture and returns the estimates and the seconds it took."""
    is_warm = False

    def separate(mixture, sample_rate):
        nonlocal is_warm
        if not is_warm:
            # The first call traces and allocates; it must not count as separation time.
            separator.separate(mixture[:sample_rate], sample_rate, quality=quality)
            is_warm = True
        start = time.perf_counter()
        estimates = separator.separate(mixture, sample_rate, quality=quality)
        return estimates, time.perf_counter() - start

    return separate


def separate_run(run_dir, data_dir, references_dir, skip_trained_songs=False, wiener=None):
    """Exports a finished run and separates the test tracks with the SavedModel.

    Songs that the run was trained or validated on are refused, whatever data set they came from.

    Args:
        run_dir: run directory.
        data_dir: directory of records with a test split.
        references_dir: where the references go. Runs on the same records can share one.
        skip_trained_songs: bool, whether to leave such songs out instead.
        wiener: see `export_run`.

    Returns:
        float, times real time: see `separate_tracks`.

    Raises:
        ValueError: a test song was trained on: see `songs_to_evaluate`.
    """
    names = songs_to_evaluate(run_dir, _track_names(load_manifest(data_dir), SPLIT), skip_trained_songs)
    saved_model = export_run(run_dir, wiener=wiener)
    return separate_tracks(saved_model, data_dir, saved_model.parent / "estimates", references_dir, names)


def score_run(run_dir, data_dir, references_dir, skip_trained_songs=False, wiener=None, **options):
    """Scores what `separate_run` separated.

    A run of one target is scored on that source alone. Its SDR and ISR are those it would have among
    all sources, but frames are dropped only where that source is silent, and the SIR is infinite.

    Args:
        run_dir, data_dir, references_dir, skip_trained_songs, wiener: as for `separate_run`.
        **options: of `keras_d3.evaluation.score_directory`: `num_workers`, `backend`, `accompaniment`,
            `stems`, `metrics`, ... Scores made with other options are replaced.

    Returns:
        dict of `track -> scores`.
    """
    return score_runs([(run_dir, data_dir)], references_dir, skip_trained_songs, wiener, **options)[0]


def score_runs(runs, references_dir, skip_trained_songs=False, wiener=None, **options):
    """Scores what `separate_run` separated with several runs of the same test tracks.

    With `backend="shared"` a track's references are worked on once for all runs of the same sources.

    Args:
        runs: sequence of pairs (run directory, directory of its records).
        references_dir, skip_trained_songs, wiener, **options: as for `score_run`.

    Returns:
        List of dicts of `track -> scores`, one per run.
    """
    plans = [_plan_scores(run_dir, data_dir, skip_trained_songs, wiener) for run_dir, data_dir in runs]
    groups = {}
    for number, plan in enumerate(plans):
        groups.setdefault((plan.sources, plan.tracks), []).append(number)
    scores = {}
    for (sources, tracks), numbers in groups.items():
        folders = {
            number: tuple(plans[number].results / kind / SPLIT for kind in ("estimates", "scores"))
            for number in numbers
        }
        references = Path(references_dir) / SPLIT
        scores |= score_directories(references, folders, sources, tracks=tracks, **options)
    kept = {name: options[name] for name in ("accompaniment", "stems", "metrics") if name in options}
    for plan in plans:
        write_checked_json(plan.results / "scores" / "provenance.json", {**plan.provenance, **kept})
    return [scores[number] for number in range(len(plans))]


@dataclasses.dataclass(frozen=True)
class _PlannedScores:
    """What of a run is scored, and where it is; `provenance` is what its scores say of themselves."""

    results: Path
    sources: tuple
    tracks: tuple
    provenance: dict


def _plan_scores(run_dir, data_dir, skip_trained_songs, wiener):
    run = Run(run_dir)
    run.finished_states()
    config = run.config
    changes = wiener_changes(config, wiener)
    manifest = load_manifest(data_dir)
    tracks = _track_names(manifest, SPLIT)
    names = songs_to_evaluate(run_dir, tracks, skip_trained_songs)
    provenance = {
        "data_set": manifest.dataset,
        "variant": manifest.variant,
        "split": SPLIT,
        "tracks": len(names),
        "skipped_trained_songs": [name for name in tracks if name not in names],
        "recipe": config.recipe,
        "config": config.name,
        **changes,
        "initial_weights": run.describe()["initial_weights"],
        "seed": config.training.seed,
        "commit": current_commit(),
    }
    sources = config.data.sources if config.target in (None, "all") else (config.target,)
    return _PlannedScores(results_dir(run_dir, changes), tuple(sources), tuple(names), provenance)


def _track_names(manifest, split):
    if split not in manifest.splits:
        raise ValueError(
            f"The records at `{manifest.directory}` hold no {split} track. Write them again with songs in "
            f"the {split} split."
        )
    return [track.name for track in manifest.tracks(split)]


def _begin_log(path, made_by):
    """The log of separations that are there, if they were made by the same; else a new one.

    A new one is on disk before the first estimate is, which the former log would claim for its model.
    """
    saved = read_checked_json(path, "separation log") if path.is_file() else {}
    if not isinstance(saved, dict) or not _are_times(saved.get("tracks", {})):
        raise ValueError(
            f"The separation log `{path}` must have the `audio_secs` and `separate_secs` of each track. "
            f"Received: {saved!r}. Remove `{path.parent}`, and separate again."
        )
    if all(saved.get(name) == value for name, value in made_by.items()):
        return saved
    log = {**made_by, "tracks": {}}
    write_checked_json(path, log)
    return log


def _are_times(tracks):
    """Whether that is a dict of track to the seconds of its audio and of its separation."""
    names = {"audio_secs", "separate_secs"}
    return isinstance(tracks, dict) and all(
        isinstance(times, dict)
        and set(times) == names
        and all(isinstance(secs, (int, float)) and 0 < secs < float("inf") for secs in times.values())
        for times in tracks.values()
    )


def _write_references(directory, audio, sources, sample_rate):
    """Writes mixture and sources as WAV; a source the records do not hold is the sum of the rest."""
    audio = dict(audio)
    for source in set(sources) - set(audio):
        others = [audio[name] for name in audio if name not in ("mixture", *sources)]
        audio[source] = np.sum(others, axis=0)
    for name, signal in audio.items():
        path = directory / f"{name}.wav"
        if not path.is_file():
            write_audio(path, signal, sample_rate, subtype="FLOAT")
