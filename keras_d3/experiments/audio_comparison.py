"""Separators side by side: the test tracks through every SavedModel, their scores, and the report."""

import concurrent.futures
from pathlib import Path

import numpy as np

from keras_d3.audio import read_audio, write_audio
from keras_d3.evaluation import aggregate, do_nothing_estimates, score_directory
from keras_d3.experiments.audio_report import (
    comparison_report,
    comparison_table,
    model_entry,
    write_report_json,
)
from keras_d3.experiments.separation_scores import SPLIT, score_run, score_runs, separate_run
from keras_d3.report import write_report
from keras_d3.utils import atomic_path


class AudioComparison:
    """The scores of separators on one set of test tracks.

    Args:
        runs: sequence of `ComparedRun`.
        records: dict of a run's title to the manifest of its records; all have the same test split.
        out_dir: path of the comparison.
        options: `ComparisonOptions`.

    Attributes:
        step_of_run, last_step: str, what `score` and `write_report` do, for the user.

    Raises:
        ValueError: `options.excerpt_track` is no test track.
    """

    step_of_run, last_step = "separation", "scores and report"

    def __init__(self, runs, records, out_dir, options):
        self._runs, self._records, self._out_dir, self._options = runs, records, Path(out_dir), options
        self._manifest = records[runs[0].title]
        tracks = [track.name for track in self._manifest.tracks(SPLIT)]
        if options.excerpt_track is not None and options.excerpt_track not in tracks:
            raise ValueError(
                f"`excerpt` must be one of the test tracks: {', '.join(tracks)}. "
                f"Received: excerpt={options.excerpt_track!r}."
            )
        self._track = options.excerpt_track or tracks[0]
        self._speeds, self._scoring = [], None
        # museval works on one core: it scores a network while the next one is trained, at low priority.
        self._background = concurrent.futures.ThreadPoolExecutor(1)

    def score(self, run, trains_next):
        """Separates the test tracks with the run's SavedModel.

        Where another run is trained next, they are scored beside that training; `write_report` scores what is
        left, all runs together.

        Args:
            run: `ComparedRun`.
            trains_next: bool.
        """
        if self._scoring is not None:
            # The speed of separation must be measured alone.
            self._scoring.result()
        references, data_dir = self._out_dir / "references", self._records[run.title].directory
        self._speeds.append(separate_run(run.directory, data_dir, references))
        if trains_next:
            options = {"num_workers": 1, "low_priority": True, "progress": False}
            options["backend"] = self._options.backend
            self._scoring = self._background.submit(score_run, run.directory, data_dir, references, **options)

    def write_report(self):
        """Scores what is not yet scored, and writes the report.

        Returns:
            `(path of report.html, table as text)`.
        """
        if self._scoring is not None:
            self._scoring.result()
        self._background.shutdown()
        scores = score_runs(
            [(run.directory, self._records[run.title].directory) for run in self._runs],
            self._out_dir / "references",
            num_workers=self._options.num_workers,
            backend=self._options.backend,
        )
        source_sets = {tuple(sorted(run.config.data.sources)) for run in self._runs}
        baselines = [
            aggregate(score_baseline(self._manifest, sources, self._out_dir, self._options.num_workers))
            for sources in sorted(source_sets, key=len, reverse=True)
        ]
        models = [
            model_entry(run, scored, speed, len(self._records[run.title].tracks("train")))
            for run, scored, speed in zip(self._runs, scores, self._speeds, strict=True)
        ]
        manifests = list({id(manifest): manifest for manifest in self._records.values()}.values())
        report = comparison_report(
            manifests, self._runs, models, baselines, self._out_dir, self._track, self._options
        )
        path = self._out_dir / "report.html"
        write_report(path, report)
        write_report_json(self._out_dir / "report.json", report)
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
