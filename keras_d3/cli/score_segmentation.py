"""`python -m recipes.<name>.evaluate` for recipes on images: the mean IoU of a run on whole images."""

import argparse

from keras_d3.cli.options import (
    LABEL_IDS_HELP,
    add_label_ids,
    add_run_dir,
    add_segmenter_settings,
    segmenter_changes,
)
from keras_d3.settings import Recipe
from keras_d3.utils import run_reporting_errors


def evaluate_segmentation_command(recipe: Recipe, arguments: list[str] | None = None) -> int:
    """Scores a run of `recipe` on whole images; returns the exit code."""
    options = evaluate_segmentation_parser(recipe).parse_args(arguments)
    return run_reporting_errors(_evaluate, recipe, options)


def evaluate_segmentation_parser(recipe: Recipe) -> argparse.ArgumentParser:
    """Returns the parser of the command."""
    parser = argparse.ArgumentParser(
        prog=f"python -m recipes.{recipe.name}.evaluate",
        description=f"Mean IoU on whole images: {recipe.title}.",
    )
    parser.add_argument(
        "--data", required=True, metavar="DIR", help="directory of image records (python -m tfrecords_tools)"
    )
    add_run_dir(parser)
    parser.add_argument(
        "--split", choices=("validation", "test"), default="validation", help="default: validation"
    )
    add_segmenter_settings(parser)
    parser.add_argument("--overlays", type=int, default=4, metavar="N", help="pictures to write (default 4)")
    add_label_ids(parser, None, LABEL_IDS_HELP)
    return parser


def _evaluate(recipe: Recipe, options: argparse.Namespace) -> None:
    from keras_d3.evaluation import format_iou_table
    from keras_d3.experiments import score_segmentation_run
    from keras_d3.runs import FROM_SCRATCH, Run, initial_weights_in_words

    scores, path = score_segmentation_run(
        options.run_dir,
        options.data,
        options.split,
        segmenter_changes(options),
        options.overlays,
        options.label_ids,
    )
    if scores is None:
        print(f"Label maps: {path}\nNo pixel has a class here, so there are no scores.")
        return
    published = recipe.entry(scores["run"]["config"]).published
    print(format_iou_table(scores, [(item.column, item.mean_iou_percent) for item in published]))
    for item in published:
        print(f"{item.column}: {item.data_set}; {item.reference}")
    started = scores["run"]["initial_weights"]
    print(f"Initial weights of this run: {initial_weights_in_words(started)}")
    if Run(options.run_dir).config.pretrained and FROM_SCRATCH in started.values():
        print("The published networks started from other weights: the scores are not comparable.")
    if scores["selected_on_this_split"]:
        print("These images also chose the weights (training.selection=best).")
    print(f"Scores: {path}")
