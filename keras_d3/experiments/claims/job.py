"""One run of a claim in a process of its own: train, score, measure; its row goes to a file.

python -m keras_d3.experiments.claims.job JOB.json ROW.json
"""

import dataclasses
import platform
import resource
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from keras_d3.claims import LedgerRow
from keras_d3.settings import RunConfig, from_dict, to_dict
from keras_d3.utils import answer, machine_name

KILOBYTE = 1024  # what Linux counts the largest resident set in
# Made of a run for its scores, and too large to keep of hundreds.
SCRATCH = ("estimates", "saved_model", "tensorboard")
CURVE = ("epoch", "loss", "val_loss")


def run_job(job: dict[str, Any]) -> LedgerRow:
    """Trains a run, or goes on where it stopped, scores it and returns its row.

    Args:
        job: JSON-ready dict with "config" of the run, "row" (what is known of it), "data_dir", "run_dir",
            "references_dir", "initial_weights" (a file, or None) and "measurements".
    """
    from keras_d3.convert import InitialWeights
    from keras_d3.data import load_manifest
    from keras_d3.models import preset_for
    from keras_d3.runs import Run
    from keras_d3.training import train_targets

    start = time.perf_counter()
    config, run_dir = RunConfig.from_dict(job["config"]), Path(job["run_dir"])
    weights = job.get("initial_weights")
    states = train_targets(
        config,
        job["data_dir"],
        run_dir,
        verbose=0,
        initial_weights=InitialWeights(weights, preset_for(config).name) if weights else None,
    )
    manifest = load_manifest(job["data_dir"])
    score = _audio_scores if config.data.kind == "audio" else _image_scores
    split, scores, summary = score(job, config, manifest)
    measurements = {name: _MEASURED[name](Run(run_dir)) for name in job["measurements"]}
    for name in SCRATCH:
        shutil.rmtree(run_dir / name, ignore_errors=True)
    first = next(iter(states.values()))
    return dataclasses.replace(
        from_dict(LedgerRow, job["row"], "row"),
        split=split,
        commit=first.commit or "",
        machine=f"{machine_name()}, {platform.system()}",
        threads=job.get("threads", 0),
        steps=sum(_steps(config, manifest, state) for state in states.values()),
        train_secs=round(sum(state.train_secs for state in states.values()), 1),
        total_secs=round(time.perf_counter() - start, 1),
        memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KILOBYTE,
        parameters=sum(state.parameters or 0 for state in states.values()),
        scores=scores,
        summary=summary,
        measurements=measurements,
        curves=tuple({name: row.get(name) for name in CURVE} for row in first.history),
    )


def _steps(config, manifest, state):
    num_items = len(manifest.items("train"))
    return sum(config.training.steps_of_epoch(num_items, row["batch_size"]) for row in state.history)


def _audio_scores(job, config, manifest):
    """SDR of every song and source, and what doing nothing gives."""
    from keras_d3.evaluation import aggregate
    from keras_d3.experiments.audio_comparison import score_baseline
    from keras_d3.experiments.separation_scores import SPLIT, score_run, separate_run

    references = Path(job["references_dir"])
    separate_run(job["run_dir"], manifest.directory, references)
    scores = score_run(
        job["run_dir"], manifest.directory, references, num_workers=1, backend="shared", progress=False
    )
    nothing = aggregate(score_baseline(manifest, config.data.sources, references.parent, 1))
    summary = {
        "scores": _track_medians(aggregate(scores)),
        "do_nothing": _track_medians(nothing),
    }
    return SPLIT, {track: song_medians(song["targets"]) for track, song in scores.items()}, summary


def _track_medians(summary):
    values = {source: scores["SDR"] for source, scores in summary["track_median"].items()}
    return {source: round(float(value), 4) for source, value in values.items() if value is not None}


def song_medians(targets):
    """Returns the median SDR over the frames of a song, by source; sources without a scored frame lack."""
    medians = {}
    for source, metrics in targets.items():
        frames = [float(value) for value in metrics["SDR"] if value is not None]
        if frames and np.isfinite(np.median(frames)):
            medians[source] = round(float(np.median(frames)), 4)
    return medians


def _image_scores(job, config, manifest):
    """Jackknife pseudo-values of the mean IoU, by image, in points."""
    from keras_d3.evaluation import segmentation_scores
    from keras_d3.experiments.records_choice import SCORED_SPLIT
    from keras_d3.experiments.segmentation_scores import confusions
    from keras_d3.segmentation import segmenter_from_run

    split = SCORED_SPLIT["images"]
    segmenter = segmenter_from_run(job["run_dir"], config.training.selection)
    found = dict(confusions(segmenter, manifest, split, ()))
    values = mean_iou_pseudo_values(np.stack(list(found.values())))
    scores = {name: {"mean IoU": round(float(value), 4)} for name, value in zip(found, values, strict=True)}
    whole = segmentation_scores(sum(found.values()), manifest.classes)
    return split, scores, {"scores": {"mean IoU": round(100 * whole["mean_iou"], 4)}}


def mean_iou_pseudo_values(matrices: np.ndarray) -> np.ndarray:
    """Returns the jackknife pseudo-values of the mean IoU of images, in points.

    Mean IoU T is taken of the pixels of all images, so it is no mean over images. With n images,

        pseudo-value of image i = n T - (n - 1) T(without image i)

    Their mean estimates T, and their spread over sqrt(n) its standard error (Quenouille, 1956; Tukey, 1958).
    Classes are those of all images; one that a single image has keeps its IoU where that image is left out.

    Args:
        matrices: integer array (images, classes, classes), confusion matrices.

    Returns:
        float64 array (images,).
    """
    matrices = np.asarray(matrices)
    num_images, total = len(matrices), matrices.sum(0)
    whole = _ious(total)
    if num_images == 1:
        return np.array([100 * np.nanmean(whole)])
    without = np.stack([_ious(total - matrix) for matrix in matrices])
    without = np.where(np.isnan(without), whole, without)
    scored = ~np.isnan(whole)
    means = without[:, scored].mean(1)
    return 100 * (num_images * whole[scored].mean() - (num_images - 1) * means)


def _ious(matrix):
    hits = np.diagonal(matrix).astype("float64")
    unions = matrix.sum(0) + matrix.sum(1) - hits
    return np.where(unions > 0, hits / np.maximum(unions, 1), np.nan)


def _off_lattice(run):
    """Per cent of the last dilated convolution's effective receptive field off its lattice."""
    from keras_d3.analysis import smoothed_fields

    fields = smoothed_fields({"network": run.load(run.config.training.selection)}, num_inputs=2)
    field = next(iter(fields.values()))["network"]
    return 100 * field.off_lattice_energy


def _filter_norms(run):
    """The largest ratio of mean norms of up-sampled and skip maps, either way, in doublings."""
    from keras_d3.analysis import filter_norms

    blocks = filter_norms(run.load(run.config.training.selection))
    ratios = [
        np.log2(block.mean("all_layers", "upsampled") / block.mean("all_layers", "skip")) for block in blocks
    ]
    return float(np.abs(ratios).max())


_MEASURED = {"energy off the lattice": _off_lattice, "filter norm ratio": _filter_norms}


if __name__ == "__main__":
    answer(lambda job: to_dict(run_job(job)))
