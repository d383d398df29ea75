"""Segmenters side by side: the validation images through every network, their scores, and the report."""

import datetime
import platform
from pathlib import Path

from keras_d3.experiments.measurements import segmentation_cost
from keras_d3.experiments.segmentation_scores import score_segmentation_run
from keras_d3.experiments.segmented_images import images_of
from keras_d3.models import preset_for
from keras_d3.report import (
    ExampleImage,
    PublishedIoU,
    SegmentationEntry,
    SegmentationReportData,
    iou_table,
    seeds_of_networks,
    table_as_text,
    write_segmentation_report,
)
from keras_d3.runs import Run, initial_weights_in_words
from keras_d3.segmentation import segmenter_from_run
from keras_d3.utils import (
    current_commit,
    machine_name,
    read_checked_json,
    read_json,
    write_json,
)

SPLIT = "validation"
COST_FILE = "segmentation_cost.json"
COSTS = ("secs_per_image", "peak_bytes")


class ImageComparison:
    """The scores of segmenters on one set of validation images.

    Args:
        runs: sequence of `ComparedRun`.
        records: dict of a run's title to the manifest of its records; all have the same validation split.
        out_dir: path of the comparison.
        options: `ComparisonOptions`.

    Attributes:
        step_of_run, last_step: str, what `score` and `write_report` do, for the user.
    """

    step_of_run, last_step = "scoring", "report"

    def __init__(self, runs, records, out_dir, options):
        self._runs, self._records, self._out_dir, self._options = runs, records, Path(out_dir), options
        self._manifest = records[runs[0].title]
        self._models, self._images = [], []

    def score(self, run, trains_next):
        """Scores a run on whole images, measures its speed and memory, and keeps labels of some images."""
        manifest = self._records[run.title]
        scores = self._scores_of(run, manifest)
        self._models.append(self._entry(run, manifest, scores, self._predictions(run, manifest)))

    def write_report(self):
        """Writes the report of the runs that were scored; returns `(path of report.html, table as text)`."""
        manifest, count = self._manifest, len(self._manifest.images(SPLIT))
        data = SegmentationReportData(
            title="Segmentation networks side by side",
            label_set=manifest.label_set,
            models=tuple(self._models),
            images=tuple(self._images),
            intro="Each network was trained from TFRecords with `model.fit` and scored on whole images.",
            data_set=(
                f"{manifest.dataset} ({manifest.variant}): {len(manifest.images('train'))} training images, "
                f"{count} {SPLIT} images, which are scored"
            ),
            commit=current_commit(),
            machine=f"{platform.platform()}, {machine_name()}, Python {platform.python_version()}",
            date=datetime.date.today().isoformat(),
            command=self._options.command,
        )
        path = self._out_dir / "report.html"
        write_segmentation_report(path, data)
        _write_json(self._out_dir / "report.json", data)
        tables = [iou_table(data), seeds_of_networks(data)]
        return path, "\n\n".join(table_as_text(table) for table in tables if table)

    def _scores_of(self, run, manifest):
        """The run's score file, if it is of the weights that the run has now; else it is scored."""
        path = run.directory / "scores" / f"{SPLIT}.json"
        if path.is_file():
            saved = read_checked_json(path, "scores file")
            same = (saved["data_set"], saved["images"]) == (manifest.dataset, len(manifest.images(SPLIT)))
            if same and saved["run"] == Run(run.directory).describe():
                return saved
        return score_segmentation_run(run.directory, manifest.directory, SPLIT)[0]

    def _predictions(self, run, manifest):
        segmenter = segmenter_from_run(run.directory, run.config.training.selection)
        found, images = {}, []
        for number, image in enumerate(images_of(manifest, SPLIT)):
            if number == self._options.num_images:
                break
            images.append(ExampleImage(image["image_name"], image["pixels"], image["label"]))
            found[image["image_name"]] = segmenter.segment(image["pixels"])[0]
        self._images = images
        return found

    def _entry(self, run, manifest, scores, predictions):
        config, trained = run.config, Run(run.directory)
        (state,) = trained.finished_states().values()
        preset, cost = preset_for(config), self._cost(run, manifest)
        return SegmentationEntry(
            name=run.title,
            group=run.group,
            preset=config.preset,
            paper=preset.paper,
            parameters=state.parameters,
            train_secs=state.train_secs,
            train_steps=sum(
                config.training.steps_of_epoch(len(manifest.images("train")), row["batch_size"])
                for row in state.history
            ),
            train_epochs=state.epoch,
            secs_per_image=cost["secs_per_image"],
            memory_bytes=cost["peak_bytes"],
            scores=scores,
            published=tuple(
                PublishedIoU(item.column, item.mean_iou_percent, f"{item.data_set}; {item.reference}")
                for item in run.recipe.published_for(config.name)
            ),
            curves=state.history,
            config=f"recipes/{run.recipe.name}, config {config.name}",
            seed=config.training.seed,
            initial_weights=initial_weights_in_words(trained.describe()["initial_weights"]),
            notes="These images also chose the weights." if scores["selected_on_this_split"] else "",
            predictions=predictions,
        )

    def _cost(self, run, manifest):
        """Time and memory on this machine, measured once per run and kept in its directory."""
        path = run.directory / COST_FILE
        machine = machine_name()
        saved = saved_cost(path)
        if saved and saved["machine"] == machine and saved["run"] == Run(run.directory).describe():
            return saved
        cost = segmentation_cost(run.directory, manifest.directory, SPLIT)
        saved = {**cost, "machine": machine, "run": Run(run.directory).describe()}
        write_json(path, saved)
        return saved


def saved_cost(path):
    """Returns a measured cost, or None where there is none or a damaged one, which is measured again."""
    try:
        saved = read_json(path, "measured cost")
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(saved, dict) or not {"machine", "run", *COSTS} <= set(saved):
        return None
    is_number = all(type(saved[name]) in (int, float) and saved[name] > 0 for name in COSTS)
    return saved if is_number else None


def _write_json(path, data):
    """The report's figures for other programs; no pictures."""
    write_json(
        path,
        {
            "data_set": data.data_set,
            "commit": data.commit,
            "machine": data.machine,
            "date": data.date,
            "models": {
                model.name: {
                    "preset": model.preset,
                    "config": model.config,
                    "seed": model.seed,
                    "initial_weights": model.initial_weights,
                    "parameters": model.parameters,
                    "train_secs": model.train_secs,
                    "train_steps": model.train_steps,
                    "secs_per_image": model.secs_per_image,
                    "memory_bytes": model.memory_bytes,
                    "mean_iou": model.scores["mean_iou"],
                    "iou": model.scores["iou"],
                    "published": [
                        {
                            "column": item.column,
                            "mean_iou_percent": item.mean_iou_percent,
                            "of": item.data_set,
                        }
                        for item in model.published
                    ],
                }
                for model in data.models
            },
        },
    )
