"""The scores of finished runs, read from their directories and named by all that decides them."""

import dataclasses
from pathlib import Path
from typing import Any

from keras_d3.evaluation import aggregate, read_scores
from keras_d3.runs.initial_weights import initial_weights_in_words
from keras_d3.runs.origin import FROM_SCRATCH
from keras_d3.runs.run import Run
from keras_d3.settings import MEAN_IOU
from keras_d3.utils import read_checked_json

PIXELS = "pixels"
# The settings of a separation that make results of their own, by folder of the run.
WIENER = {"": "", "wiener_on": "Wiener filter", "wiener_off": "no Wiener filter"}
STEMS = {"all": "", "two": "vocals and accompaniment alone"}


@dataclasses.dataclass(frozen=True)
class RunScores:
    """What one run reached on one split with one choice of settings.

    Args:
        directory: path of the run.
        recipe, config: str, what was trained.
        seed: int, of the training.
        data_set, variant, split: str, what was scored.
        num_items: int, tracks or images that were scored.
        parameters: int, trainable parameters, of all networks of the run.
        commit: str, of the code that trained.
        initial_weights: str, what the weights started from; "" for drawn ones.
        settings: str, how the networks were applied where not as in the config; "" otherwise.
        values: dict of aggregation to a dict of name to score. SDR in dB by source for the aggregations of
            `keras_d3.evaluation.aggregate`; IoU in percent by class, and `mean_iou`, for "pixels".
    """

    directory: Path
    recipe: str
    config: str
    seed: int
    data_set: str
    variant: str
    split: str
    num_items: int
    parameters: int
    commit: str
    initial_weights: str
    settings: str
    values: dict[str, dict[str, float]]


def read_run_scores(run_dir: str | Path, split: str) -> list[RunScores]:
    """Reads every score of a finished run on a split.

    Args:
        run_dir: path of the run directory.
        split: str, "validation" or "test".

    Returns:
        List of `RunScores`, one for each choice of settings that was scored, the config's own first.

    Raises:
        FileNotFoundError: there is no run, or it was not scored on that split.
        ValueError: its training is not finished.
    """
    run = Run(run_dir)
    states = run.finished_states()
    config = run.config
    found = _audio_scores(run, split) if config.data.kind == "audio" else _image_scores(run, split)
    if not found:
        raise FileNotFoundError(
            f"The run `{run.path}` has no scores of the {split} split. Score it first: "
            f"`python -m recipes.{config.recipe}.evaluate --run-dir {run.path} --data RECORDS"
            f"{'' if config.data.kind == 'audio' else f' --split {split}'}`."
        )
    common = {
        "directory": run.path,
        "recipe": config.recipe,
        "config": config.name,
        "seed": config.training.seed,
        "parameters": sum(state.parameters or 0 for state in states.values()),
        "commit": next(iter(states.values())).commit,
        "initial_weights": _initial_weights(run),
        "split": split,
    }
    return [RunScores(**common, **scores) for scores in found]


def _initial_weights(run):
    words = initial_weights_in_words(run.describe()["initial_weights"])
    return "" if words == FROM_SCRATCH["source"] else words


def _audio_scores(run, split):
    found = []
    for folder, settings in WIENER.items():
        scores_dir = run.path / folder / "scores"
        if not (scores_dir / "provenance.json").is_file() or not (scores_dir / split).is_dir():
            continue
        facts = read_checked_json(scores_dir / "provenance.json", "provenance of scores")
        tracks = [read_scores(path) for path in sorted((scores_dir / split).glob("*.json"))]
        summary = aggregate(tracks)
        values: dict[str, dict[str, Any]] = {
            "track_median": {source: metrics["SDR"] for source, metrics in summary["track_median"].items()}
        }
        for statistic in ("mean", "median"):
            values[f"all_frames_{statistic}"] = {
                source: metrics["SDR"][statistic] for source, metrics in summary["all_frames"].items()
            }
        numbers = {
            aggregation: {source: float(value) for source, value in scores.items() if value is not None}
            for aggregation, scores in values.items()
        }
        found.append(
            {
                "data_set": facts["data_set"],
                "variant": facts["variant"],
                "num_items": len(tracks),
                "settings": ", ".join(part for part in (settings, STEMS[facts.get("stems", "all")]) if part),
                "values": numbers,
            }
        )
    return found


def _image_scores(run, split):
    files = sorted((run.path / "scores").glob(f"{split}*.json"), key=lambda path: len(path.stem))
    found = []
    for path in files:
        facts = read_checked_json(path, "scores file")
        percent = {name: 100 * value for name, value in facts["iou"].items() if value is not None}
        percent[MEAN_IOU] = 100 * facts["mean_iou"]
        found.append(
            {
                "data_set": facts["data_set"],
                "variant": facts["variant"],
                "num_items": facts["images"],
                "settings": path.stem.removeprefix(split).replace("_", " ").strip(),
                "values": {PIXELS: percent},
            }
        )
    return found
