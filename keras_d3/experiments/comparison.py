"""Several recipes on the same records: train, export, separate, score, report."""

import concurrent.futures
import dataclasses
from pathlib import Path

import numpy as np

from keras_d3.audio import read_audio, write_audio
from keras_d3.data import load_manifest
from keras_d3.evaluation import aggregate, do_nothing_estimates, score_directory
from keras_d3.experiments.comparison_report import (
    ComparedRun,
    comparison_report,
    comparison_table,
    model_entry,
    write_report_json,
)
from keras_d3.experiments.separation_scores import SPLIT, score_run, separate_run
from keras_d3.report import write_report
from keras_d3.training import train_targets
from keras_d3.utils import atomic_path


def compare(
    recipes,
    config_set,
    data_dir,
    out_dir,
    excerpt_track=None,
    num_workers=None,
    backend="museval",
    command="",
    attribution="",
    say=lambda text: None,
):
    """Trains, exports and scores the configs of a set in several recipes, and writes the report.

    What is there already is kept, so an interrupted comparison goes on where it stopped.

        OUT/runs/<recipe>/<config>/   one run directory each
        OUT/references/test/...       the test tracks
        OUT/baseline/                 mixture / number of sources, and its scores
        OUT/report.html, report.md, report.json

    Args:
        recipes: sequence of `Recipe`.
        config_set: str, key of `Recipe.comparisons`, "tiny" or "paper".
        data_dir: path of a directory of records with train and test split.
        out_dir: path of the directory where everything goes.
        excerpt_track: str, name of the test track that the report plays; by default the first.
        num_workers: int, scoring processes; by default one per core.
        backend: "museval" or "shared", of the networks' scores: see
            `keras_d3.evaluation.score_track`.
        command: str, how the comparison was called, for the report.
        attribution: str, credit and license of the data set's audio, for the report.
        say: function of one string, called with what is being done.

    Returns:
        `(path of report.html, table as text)`.

    Raises:
        ValueError: no recipe has such a set; and everything that training or scoring raises.
    """
    out_dir = Path(out_dir)
    chosen = [(recipe, name) for recipe in recipes for name in recipe.comparisons.get(config_set, ())]
    if not chosen:
        known = sorted({name for recipe in recipes for name in recipe.comparisons})
        raise ValueError(
            f"`config` must be one of {', '.join(known)} to compare recipes. Received: config={config_set!r}."
        )
    manifest = load_manifest(data_dir)
    tracks = [track.name for track in manifest.tracks(SPLIT)]
    if excerpt_track is not None and excerpt_track not in tracks:
        raise ValueError(
            f"`excerpt` must be one of the test tracks: {', '.join(tracks)}. "
            f"Received: excerpt={excerpt_track!r}."
        )
    references_dir = out_dir / "references"
    runs = [ComparedRun(recipe, name, out_dir / "runs" / recipe.name / name) for recipe, name in chosen]
    scores, speeds = [], []
    # museval works on one core: it scores a network while the next one is trained, at low priority.
    with concurrent.futures.ThreadPoolExecutor(1) as background:
        for number, run in enumerate(runs, 1):
            say(f"[{number}/{len(runs)}] {run.title}: train")
            train_targets(run.recipe.config(run.name), data_dir, run.directory)
            if scores:
                # The speed of separation must be measured alone.
                scores[-1].result()
            say(f"[{number}/{len(runs)}] {run.title}: export and separate")
            speeds.append(separate_run(run.directory, data_dir, references_dir))
            is_last = number == len(runs)
            options = {"num_workers": num_workers if is_last else 1, "low_priority": not is_last}
            options.update(backend=backend, progress=is_last)
            scores.append(background.submit(score_run, run.directory, data_dir, references_dir, **options))
        scores = [future.result() for future in scores]
    say("report")
    source_sets = {tuple(sorted(run.recipe.config(run.name).data.sources)) for run in runs}
    baselines = [
        aggregate(score_baseline(manifest, sources, out_dir, num_workers))
        for sources in sorted(source_sets, key=len, reverse=True)
    ]
    num_tracks = len(manifest.tracks("train"))
    models = [model_entry(*result, num_tracks) for result in zip(runs, scores, speeds, strict=True)]
    report = comparison_report(
        manifest, runs, models, baselines, out_dir, excerpt_track or tracks[0], command
    )
    report = dataclasses.replace(report, attribution=attribution)
    path = out_dir / "report.html"
    write_report(path, report)
    write_report_json(out_dir / "report.json", report)
    return path, comparison_table(report)


def score_baseline(manifest, sources, out_dir, num_workers=None):
    """Scores the estimate that does nothing, mixture / number of sources, on the test tracks.

    Args:
        manifest: `Manifest` of the records.
        sources: sequence of str, the sources of the mixture; their number changes the estimate.
        out_dir: path of a directory that holds `references/test/` already; gets `baseline/`.
        num_workers: int, scoring processes.

    Returns:
        dict of track scores.
    """
    references = Path(out_dir) / "references" / SPLIT
    folder = Path(out_dir) / "baseline" / f"{len(sources)}_sources"
    for track in manifest.tracks(SPLIT):
        done = folder / "estimates" / SPLIT / track.name
        if done.is_dir():
            continue
        mixture, sample_rate = read_audio(references / track.name / "mixture.wav")
        with atomic_path(done) as temporary:
            temporary.mkdir()
            for source, estimate in do_nothing_estimates(mixture, sources).items():
                write_audio(
                    temporary / f"{source}.wav", estimate.astype(np.float32), sample_rate, subtype="FLOAT"
                )
    return score_directory(
        references,
        folder / "estimates" / SPLIT,
        folder / "scores" / SPLIT,
        sources=sources,
        num_workers=num_workers,
        # The same numbers as museval's, without its 3 seconds per second of audio.
        backend="shared",
    )
