"""Command lines of `python -m recipes.<name>.train` and `.evaluate`."""

import argparse
from pathlib import Path

from keras_d3.evaluation import aggregate, format_table
from keras_d3.utils import run_reporting_errors


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
    parser.add_argument(
        "--initial-weights",
        metavar="FILE",
        help="weights that a new network starts from: RUN/checkpoints/last.keras of an earlier run; D3Net "
        "for segmentation: the authors' .h5; DeepLabv2: weights of Keras' ResNet101, or imagenet "
        "(downloads them)",
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
        "--wiener",
        choices=("on", "off"),
        help="multichannel Wiener filter after spectrogram networks (default: as the run's config says)",
    )
    parser.add_argument(
        "--skip-trained-songs",
        action="store_true",
        help="leave out test songs that the run was trained or validated on (default: refuse them)",
    )
    options = parser.parse_args(arguments)
    return run_reporting_errors(_evaluate, options)


_WEIGHTS_KEPT = {
    "best": "of the epoch with the best validation {monitor} (training.selection=best)",
    "last": "of the last epoch (training.selection=last)",
}


def _train(recipe, options):
    from keras_d3.data import check_kind, load_manifest
    from keras_d3.training import task_of, train_targets

    config = recipe.config(
        options.config,
        overrides=options.set,
        sources=options.sources.split(",") if options.sources else None,
        target=options.target,
    )
    manifest = load_manifest(options.data)
    check_kind(manifest, config.data.kind)
    print(f"Shuffle: {task_of(config).shuffle_bytes(manifest) / 1e6:.0f} MB of memory")
    kept = _WEIGHTS_KEPT[config.training.selection].format(monitor=config.training.monitor)
    print(f"Weights kept: {kept}")
    initial = None
    if options.initial_weights:
        from keras_d3.convert import InitialWeights
        from keras_d3.models import preset_for

        if config.target == "all":
            raise ValueError(
                "`--initial-weights` are for one network. Received: target='all'. Choose one: `--target`."
            )
        initial = InitialWeights(options.initial_weights, preset_for(config).name)
    states = train_targets(
        config,
        options.data,
        options.run_dir,
        stop_after_epoch=options.stop_after_epoch,
        initial_weights=initial,
    )
    for target, state in states.items():
        name = f"{target}: " if target else ""
        best = (
            f"best epoch {state.best_epoch}, {config.training.monitor} {state.best_value:.3g}"
            if state.best_epoch
            else "no epoch"
        )
        done = "finished" if state.finished else "stopped, to be resumed"
        print(f"{name}{done} after epoch {state.epoch}; {best}; {state.train_secs:.0f} s")
    print(f"Run directory: {options.run_dir}")


def _evaluate(options):
    from keras_d3.data import load_manifest
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
        num_workers=options.workers,
        backend=options.backend,
    )
    skipped = [track.name for track in load_manifest(options.data).tracks(SPLIT) if track.name not in scores]
    if skipped:
        print(f"Left out, because they were trained on: {', '.join(skipped)}")
    print(format_table(aggregate(scores)))
    print(f"Separation: {times_real_time:.1f} times real time")
