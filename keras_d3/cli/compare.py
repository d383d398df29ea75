"""`python -m recipes.compare`: networks on the same records, side by side in one report."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from keras_d3.cli.options import add_scoring, comma_separated, comma_separated_ints
from keras_d3.settings import Recipe, find_by_name
from keras_d3.utils import prefer_onednn, run_reporting_errors, share_one_arena

PROGRAM = "python -m recipes.compare"
# Of `--initial-weights` without a config.
EVERY_CONFIG = "*"


def compare_command(recipes: Sequence[Recipe], arguments: list[str] | None = None) -> int:
    """Compares networks of `recipes`; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    options = compare_parser().parse_args(given)
    return run_reporting_errors(_compare, recipes, options, f"{PROGRAM} {shlex.join(given)}")


def compare_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Train, export and score networks on the same records; write one report. Run again, "
        "it keeps what is there and goes on.",
    )
    parser.add_argument(
        "--data",
        required=True,
        action="append",
        metavar="[RATE=]DIR",
        help="directory of records (python -m tfrecords_tools); may be repeated: every network takes the "
        "records of its kind, sample rate, sources or classes, and splits",
    )
    parser.add_argument("--out", metavar="DIR", help="directory for runs, scores and report (not for --plan)")
    parser.add_argument(
        "--config", help="set of configs: tiny (default), paper, or one that a recipe names, such as table1"
    )
    parser.add_argument(
        "--recipes",
        type=comma_separated,
        help="comma-separated names, by default all with records of their kind",
    )
    _add_training(parser)
    parser.add_argument(
        "--plan",
        action="store_true",
        help="print records, steps, parameters, memory and hours of every network from a timed step; stop",
    )
    _add_report(parser)
    add_scoring(parser, choices=False)
    return parser


def _add_training(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runs", nargs="+", metavar="DIR", help="finished runs to report on, instead of a set of configs"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one value of every config, e.g. training.steps_per_epoch=10; may be repeated",
    )
    parser.add_argument(
        "--seeds",
        type=comma_separated_ints,
        metavar="A,B,...",
        help="train every network once per seed; the report has mean and standard deviation",
    )
    parser.add_argument(
        "--trainings",
        type=int,
        default=1,
        metavar="N",
        help="networks trained at a time, which share the cores (default 1)",
    )
    parser.add_argument(
        "--initial-weights",
        action="append",
        default=[],
        metavar="[CONFIG=]FILE",
        help="weights that a config's training starts from, or those of all that start from other weights; "
        "may be repeated",
    )
    parser.add_argument(
        "--from-scratch",
        action="store_true",
        help="let configs that start from other weights start from drawn ones",
    )


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--excerpt", metavar="TRACK", help="test track that the report plays (default: the first)"
    )
    parser.add_argument(
        "--images", type=int, default=4, metavar="N", help="images that the report shows (default 4)"
    )
    parser.add_argument(
        "--attribution",
        metavar="FILE",
        help="text with credit and license of the audio, which the report has to name",
    )


def _compare(recipes: Sequence[Recipe], options: argparse.Namespace, command: str) -> None:
    _check(options)
    weights = dict(weights_of(text) for text in options.initial_weights)
    chosen = _chosen_recipes(recipes, options)
    prefer_onednn()
    share_one_arena()

    from keras_d3.experiments import (
        ComparisonOptions,
        choose_records,
        compare,
        load_records,
        plan_runs,
        plan_table,
        runs_of_directories,
        runs_of_set,
    )
    from keras_d3.report import table_as_text

    def say(text):
        print(text, flush=True)

    manifests = load_records(options.data)
    if options.runs:
        runs = runs_of_directories(recipes, options.runs)
    else:
        kinds = {manifest.kind for manifest in manifests}
        if not options.recipes:
            chosen = [recipe for recipe in chosen if recipe.entries[0].config.data.kind in kinds]
        if not chosen:
            raise ValueError(
                f"`data` holds records of {' and '.join(sorted(kinds))}: no recipe has networks for them."
            )
        name = options.config or "tiny"
        runs = runs_of_set(chosen, name, options.out or "", options.set, options.seeds)
    if options.plan:
        print(table_as_text(plan_table(plan_runs(runs, choose_records(runs, manifests), say))))
        return
    settings = ComparisonOptions(
        excerpt_track=options.excerpt,
        num_images=options.images,
        num_workers=options.workers,
        num_trainings=options.trainings,
        backend=options.backend,
        command=command,
        attribution=_text_of(options.attribution),
    )
    path, table = compare(
        runs,
        options.data,
        options.out,
        settings,
        train=not options.runs,
        initial_weights=weights,
        from_scratch=options.from_scratch,
        say=say,
    )
    print(f"\n{table}\n\nReport: {path}")


def _check(options):
    if not options.out and not options.plan:
        raise ValueError("`--out` is required: the directory for runs, scores and report.")
    given = {"--config": options.config, "--recipes": options.recipes, "--seeds": options.seeds}
    given.update({"--set": options.set, "--initial-weights": options.initial_weights, "--plan": options.plan})
    given["--from-scratch"] = options.from_scratch
    useless = [name for name, value in given.items() if value]
    if options.runs and useless:
        raise ValueError(f"`--runs` are trained already: leave out {', '.join(useless)}.")
    if options.images < 0:
        raise ValueError(f"`--images` must be 0 or more. Received: {options.images}.")


def _chosen_recipes(recipes, options):
    by_name = {recipe.name: recipe for recipe in recipes}
    return [by_name[find_by_name(name, by_name, "recipes")] for name in options.recipes or by_name]


def weights_of(text):
    config, separator, file = text.rpartition("=")
    if separator and not (config and file):
        raise ValueError(f"`--initial-weights` must be FILE or CONFIG=FILE. Received: {text!r}.")
    return config or EVERY_CONFIG, file


def _text_of(path):
    return Path(path).read_text(encoding="utf-8").strip() if path else ""
