"""Networks on the same records, side by side: train, score, report. What is there already is kept."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_d3.convert import InitialWeights
from keras_d3.experiments.audio_comparison import AudioComparison
from keras_d3.experiments.compared_runs import ComparedRun, claim_comparison
from keras_d3.experiments.image_comparison import ImageComparison
from keras_d3.experiments.parallel_training import train_side_by_side
from keras_d3.experiments.records_choice import choose_records, load_records
from keras_d3.experiments.stopwatch import Stopwatch
from keras_d3.models import preset_for
from keras_d3.runs import check_initial_weights
from keras_d3.training import train_targets
from keras_d3.utils import check_positive_int


@dataclasses.dataclass(frozen=True)
class ComparisonOptions:
    """How a comparison is scored and shown.

    Args:
        excerpt_track: str, name of the test track that a report on audio plays; by default the first.
        num_images: int, how many images a report on images shows.
        num_workers: int, scoring processes; by default one per core.
        num_trainings: int, networks that are trained at a time, each in a process of its own with its share
            of the cores.
        backend: "museval" or "shared", of the scores of audio: see `keras_d3.evaluation.score_track`.
        command: str, how the comparison was called, for the report.
        attribution: str, credit and license of the data set's audio, for the report.
    """

    excerpt_track: str | None = None
    num_images: int = 4
    num_workers: int | None = None
    num_trainings: int = 1
    backend: str = "museval"
    command: str = ""
    attribution: str = ""


COMPARISONS = {"audio": AudioComparison, "images": ImageComparison}


def compare(
    runs: Sequence[ComparedRun],
    data: Sequence[str],
    out_dir: str | Path,
    options: ComparisonOptions | None = None,
    train: bool = True,
    initial_weights: Mapping[str, str] | None = None,
    from_scratch: bool = False,
    say: Callable[[str], Any] = lambda text: None,
) -> tuple[Path, str]:
    """Trains runs where they are not yet, scores them and writes a report.

    Everything that can be known is checked before the first step. What is there already is kept, so an
    interrupted comparison goes on where it stopped.

        OUT/comparison.json           which runs these are
        OUT/references/test/...       audio: the test tracks
        OUT/baseline/                 audio: mixture / number of sources, and its scores
        OUT/report.html, report.md, report.json

    Args:
        runs: sequence of `ComparedRun`, all of audio or all of images.
        data: directories of records, or "RATE=DIR"; see `choose_records`.
        out_dir: path of the directory of the report.
        options: `ComparisonOptions`.
        train: bool, whether the runs are to be trained. Otherwise they must be finished.
        initial_weights: dict of config to the file that its training starts from; "*" stands for all configs
            that start from other weights.
        from_scratch: bool, whether configs that start from other weights may start from drawn ones.
        say: function of one string, called with what is being done.

    Returns:
        `(path of report.html, table as text)`.

    Raises:
        FileNotFoundError: no records at a path, or a run that does not exist.
        ValueError: records and configs do not fit, or `out_dir` holds another comparison; and everything that
            training or scoring raises.
    """
    options, out_dir = options or ComparisonOptions(), Path(out_dir)
    records = choose_records(runs, load_records(data), train)
    check_positive_int("num_trainings", options.num_trainings)
    files = _weights_files(runs, initial_weights or {})
    # Every file is opened before the first step.
    weights = {
        run.title: InitialWeights(files[run.title], preset_for(run.config).name)
        for run in runs
        if run.title in files
    }
    drawn = {run.title for run in runs if from_scratch and run.config.pretrained and run.title not in weights}
    if train:
        for run in runs:
            check_initial_weights(run.config, run.directory, run.title in weights, run.title in drawn)
    comparison = COMPARISONS[runs[0].config.data.kind](runs, records, out_dir, options)
    claim_comparison(out_dir, runs)
    stopwatch = Stopwatch()
    if train and options.num_trainings > 1:
        say(f"train {len(runs)} networks, {options.num_trainings} at a time")
        with stopwatch.part("training"):
            train_side_by_side(runs, records, options.num_trainings, files, drawn, say)
    for number, run in enumerate(runs, 1):
        place = f"[{number}/{len(runs)}] {run.title}"
        if train and options.num_trainings == 1:
            say(f"{place}: training")
            with stopwatch.part("training"):
                train_targets(
                    run.config,
                    records[run.title].directory,
                    run.directory,
                    initial_weights=weights.get(run.title),
                    from_scratch=run.title in drawn,
                )
        say(f"{place}: {comparison.step_of_run}")
        with stopwatch.part(comparison.step_of_run):
            comparison.score(run, trains_next=train and options.num_trainings == 1 and number < len(runs))
    say(comparison.last_step)
    with stopwatch.part(comparison.last_step):
        report = comparison.write_report()
    say(stopwatch.sentence())
    return report


def _weights_files(runs, files):
    """The files of weights by title of the run."""
    files = dict(files)
    for_all = files.pop("*", None)
    names = dict.fromkeys(run.config.name for run in runs)
    unknown = sorted(set(files) - set(names))
    if unknown:
        raise ValueError(
            f"`initial_weights` must be for configs of the comparison: {', '.join(names)}. "
            f"Received: {', '.join(unknown)}."
        )
    chosen = {
        run.title: files.get(run.config.name, for_all if run.config.pretrained else None) for run in runs
    }
    return {title: file for title, file in chosen.items() if file is not None}
