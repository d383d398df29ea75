"""Scores folders of estimates on Apache Beam: a track is the unit of work."""

import functools
from pathlib import Path

from keras_d3.evaluation.directory_scores import score_directory
from keras_d3.evaluation.score_files import track_names


def score_on_beam(runner, references_dir, estimates_dir, scores_dir, tracks=None, **options):
    """Writes `<scores_dir>/<track>.json` of all tracks, as `score_directory` does, on Beam's workers.

    Scores that are there from the same audio and settings are kept.

    Args:
        runner: `keras_d3.utils.BeamRunner`.
        references_dir, estimates_dir, scores_dir: folders that all workers see.
        tracks: sequence of str; None means all of `references_dir`.
        **options: further arguments of `score_directory`; a worker scores one track at a time.

    Raises:
        ValueError: what tracks raised, a sentence each.
    """
    options = {**options, "num_workers": 1, "progress": False}
    tracks = sorted(track_names(references_dir) if tracks is None else tracks)
    work = functools.partial(_score_track, str(references_dir), str(estimates_dir), str(scores_dir), options)
    runner.run(work, tracks, Path(scores_dir) / ".faults")


def _score_track(references_dir, estimates_dir, scores_dir, options, track):
    score_directory(references_dir, estimates_dir, scores_dir, tracks=[track], **options)
