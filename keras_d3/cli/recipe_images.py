"""Command line of `python -m recipes.<name>.evaluate` for recipes on images."""

import argparse

from keras_d3.utils import run_reporting_errors


def evaluate_segmentation_command(recipe, arguments=None):
    """Scores a run of `recipe` on whole images; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m recipes.{recipe.name}.evaluate",
        description=f"Mean IoU on whole images: {recipe.title}.",
    )
    parser.add_argument(
        "--data", required=True, help="directory of image records (python -m tfrecords_tools)"
    )
    parser.add_argument("--run-dir", required=True, help="directory of a finished run")
    parser.add_argument(
        "--split", choices=("validation", "test"), default="validation", help="default: validation"
    )
    parser.add_argument("--scales", metavar="A,B,C", help="average over resized images, e.g. 0.5,0.75,1,1.25")
    parser.add_argument("--flip", action="store_true", help="average with the mirrored image")
    parser.add_argument("--window", metavar="HxW", help="sliding windows of that size, e.g. 512x1024")
    parser.add_argument("--overlays", type=int, default=4, metavar="N", help="pictures to write (default 4)")
    options = parser.parse_args(arguments)
    return run_reporting_errors(_evaluate, recipe, options)


def _evaluate(recipe, options):
    from keras_d3.evaluation import format_iou_table
    from keras_d3.experiments import score_segmentation_run

    scores, path = score_segmentation_run(
        options.run_dir, options.data, options.split, _changes(options), options.overlays
    )
    name = scores["run"]["config"]
    published = [(item.column, item.mean_iou_percent) for item in recipe.published.get(name, ())]
    print(format_iou_table(scores, published))
    for item in recipe.published.get(name, ()):
        print(f"{item.column}: {item.data_set}; {item.reference}")
    if scores["selected_on_this_split"]:
        print("These images also chose the weights (training.selection=best).")
    print(f"Scores: {path}")


def _changes(options):
    changes = {}
    if options.scales:
        changes["scales"] = _numbers("scales", options.scales, ",", float)
    if options.flip:
        changes["flip"] = True
    if options.window:
        changes["window"] = _numbers("window", options.window.lower(), "x", int)
    return changes


def _numbers(name, text, separator, kind):
    try:
        return [kind(part) for part in text.split(separator)]
    except ValueError:
        raise ValueError(
            f"`--{name}` must be numbers with {separator!r} between. Received: {text!r}."
        ) from None
