"""Command lines of `python -m recipes.<name>.train` and `.evaluate`."""

import argparse
from pathlib import Path

from keras_d3.evaluation import aggregate, format_table
from keras_d3.utils.command_line import run_reporting_errors
from keras_d3.utils.files import read_json


def train_command(recipe, arguments=None):
    """Trains a config of `recipe`; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m recipes.{recipe.name}.train",
        description=f"Train: {recipe.title}. Run again, it goes on where it stopped.",
    )
    parser.add_argument("--data", required=True, help="directory of records (python -m tfrecords_tools)")
    parser.add_argument("--run-dir", required=True, help="directory of the run")
    parser.add_argument(
        "--config", default="tiny", help=f"one of {', '.join(recipe.configs)} (default: tiny)"
    )
    parser.add_argument("--target", help="spectrogram networks: a source, or all (default)")
    parser.add_argument("--sources", help="comma-separated sources of the records, if not the config's")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one value of the config, e.g. training.seed=1; may be repeated",
    )
    parser.add_argument("--stop-after-epoch", type=int, help="stop there, to be resumed later")
    options = parser.parse_args(arguments)
    return run_reporting_errors(_train, recipe, options)


def evaluate_command(recipe, arguments=None):
    """Exports, separates and scores a run of `recipe`; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m recipes.{recipe.name}.evaluate",
        description=f"Score on the test tracks: {recipe.title}.",
    )
    parser.add_argument("--data", required=True, help="directory of records with a test split")
    parser.add_argument("--run-dir", required=True, help="directory of a finished run")
    parser.add_argument("--references", help="where to put the references (default: in the run directory)")
    parser.add_argument("--workers", type=int, help="scoring processes (default: one per core)")
    parser.add_argument(
        "--backend",
        choices=("museval", "shared"),
        default="museval",
        help="shared: the same numbers, faster, without museval (default: museval)",
    )
    parser.add_argument(
        "--skip-trained-songs",
        action="store_true",
        help="leave out test songs that the run was trained or validated on (default: refuse them)",
    )
    options = parser.parse_args(arguments)
    return run_reporting_errors(_evaluate, options)


_WEIGHTS_KEPT = {
    "best": "of the epoch with the lowest validation loss (training.selection=best)",
    "last": "of the last epoch (training.selection=last)",
}


def _train(recipe, options):
    from keras_d3.data import load_manifest, shuffle_bytes
    from keras_d3.training import train_targets

    config = recipe.config(
        options.config,
        overrides=options.set,
        sources=options.sources.split(",") if options.sources else None,
        target=options.target,
    )
    manifest = load_manifest(options.data)
    print(f"Shuffle: {shuffle_bytes(manifest, config.data) / 1e6:.0f} MB of memory")
    print(f"Weights kept: {_WEIGHTS_KEPT[config.training.selection]}")
    states = train_targets(config, options.data, options.run_dir, stop_after_epoch=options.stop_after_epoch)
    for target, state in states.items():
        name = f"{target}: " if target else ""
        best = (
            f"best epoch {state.best_epoch}, loss {state.best_loss:.3g}" if state.best_epoch else "no epoch"
        )
        done = "finished" if state.finished else "stopped, to be resumed"
        print(f"{name}{done} after epoch {state.epoch}; {best}; {state.train_secs:.0f} s")
    print(f"Run directory: {options.run_dir}")


def _evaluate(options):
    from keras_d3.experiments.evaluate import score_run, separate_run

    references = options.references or Path(options.run_dir) / "references"
    skip = options.skip_trained_songs
    times_real_time = separate_run(options.run_dir, options.data, references, skip)
    scores = score_run(
        options.run_dir,
        options.data,
        references,
        skip,
        num_workers=options.workers,
        backend=options.backend,
    )
    skipped = read_json(Path(options.run_dir) / "scores" / "provenance.json")["skipped_trained_songs"]
    if skipped:
        print(f"Left out, because they were trained on: {', '.join(skipped)}")
    print(format_table(aggregate(scores)))
    print(f"Separation: {times_real_time:.1f} times real time")
