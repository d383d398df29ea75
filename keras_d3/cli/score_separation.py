"""`python -m recipes.<name>.evaluate` for recipes on audio: exports, separates and scores a run."""

import argparse
from pathlib import Path

from keras_d3.cli.options import add_run_dir, add_scoring, scoring_options
from keras_d3.settings import Recipe
from keras_d3.utils import run_reporting_errors


def evaluate_command(recipe: Recipe, arguments: list[str] | None = None) -> int:
    """Exports, separates and scores a run of `recipe`; returns the exit code."""
    return run_reporting_errors(_evaluate, evaluate_parser(recipe).parse_args(arguments))


def evaluate_parser(recipe: Recipe) -> argparse.ArgumentParser:
    """Returns the parser of the command."""
    parser = argparse.ArgumentParser(
        prog=f"python -m recipes.{recipe.name}.evaluate",
        description=f"Score on the test tracks: {recipe.title}.",
    )
    parser.add_argument("--data", required=True, metavar="DIR", help="directory of records with a test split")
    add_run_dir(parser)
    parser.add_argument(
        "--references", metavar="DIR", help="where to put the references (default: in the run directory)"
    )
    add_scoring(parser)
    parser.add_argument(
        "--wiener",
        choices=("on", "off"),
        help="multichannel Wiener filter after spectrogram networks (default: as the run's config says)",
    )
    parser.add_argument(
        "--skip-trained-songs",
        action="store_true",
        help="leave out test songs that the run was trained or validated on (default: refuse them)",
    )
    return parser


def _evaluate(options: argparse.Namespace) -> None:
    from keras_d3.data import load_manifest
    from keras_d3.evaluation import aggregate, format_table
    from keras_d3.experiments import SPLIT, score_run, separate_run

    references = options.references or Path(options.run_dir) / "references"
    skip = options.skip_trained_songs
    wiener = None if options.wiener is None else options.wiener == "on"
    times_real_time = separate_run(options.run_dir, options.data, references, skip, wiener)
    scores = score_run(
        options.run_dir,
        options.data,
        references,
        skip,
        wiener,
        **scoring_options(options),
    )
    skipped = [track.name for track in load_manifest(options.data).tracks(SPLIT) if track.name not in scores]
    if skipped:
        print(f"Left out, because they were trained on: {', '.join(skipped)}")
    print(format_table(aggregate(scores)))
    print(f"Separation: {times_real_time:.1f} times real time")
