"""`python -m recipes.<name>.train`: trains a config of a recipe."""

import argparse
import sys

from keras_d3.cli.options import add_run_dir, add_sources
from keras_d3.settings import Recipe, RunConfig, described_fields
from keras_d3.utils import prefer_onednn, run_reporting_errors, share_one_arena

_WEIGHTS_KEPT = {
    "best": "of the epoch with the best validation {monitor} (training.selection=best)",
    "last": "of the last epoch (training.selection=last)",
}


def train_command(recipe: Recipe, arguments: list[str] | None = None) -> int:
    """Trains a config of `recipe`; returns the exit code."""
    parser = train_parser(recipe)
    options = parser.parse_args(arguments)
    if not options.show and not (options.data and options.run_dir):
        parser.error("the following arguments are required: --data, --run-dir (or --show)")
    if options.show:
        return run_reporting_errors(_show, recipe, options)
    code = run_reporting_errors(_train, recipe, options)
    if code and "keras_d3.training" in sys.modules:
        sys.modules["keras_d3.training"].end_without_others(code)
    return code


def train_parser(recipe: Recipe) -> argparse.ArgumentParser:
    """Returns the parser of the command."""
    parser = argparse.ArgumentParser(
        prog=f"python -m recipes.{recipe.name}.train",
        description=f"Train: {recipe.title}. Run again, it goes on where it stopped.",
    )
    parser.add_argument("--data", metavar="DIR", help="directory of records (python -m tfrecords_tools)")
    add_run_dir(parser, "directory of the run", required=False)
    parser.add_argument(
        "--config", default="tiny", help=f"one of {', '.join(recipe.configs)} (default: tiny)"
    )
    parser.add_argument("--target", help="spectrogram networks: a source, or all (default)")
    add_sources(parser, "sources of the records, if not the config's")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one value of the config, e.g. training.seed=1; may be repeated",
    )
    parser.add_argument(
        "--show",
        action="store_true",
        help="print every key of the config with value, type and meaning",
    )
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        "--initial-weights",
        metavar="FILE",
        help="weights that a new network starts from: RUN/checkpoints/last.keras of an earlier run; D3Net "
        "for segmentation: the authors' .h5; DeepLabv2: a TensorFlow checkpoint of divelab/dilated (path "
        "without .index), weights of Keras' ResNet101, or imagenet (downloads them). Configs whose paper "
        "starts from other weights ask for it",
    )
    start.add_argument(
        "--from-scratch",
        action="store_true",
        help="start such a config from drawn weights all the same",
    )
    parser.add_argument("--stop-after-epoch", type=int, metavar="N", help="stop there, to be resumed later")
    parser.add_argument(
        "--devices",
        type=_devices,
        metavar="all|N",
        help="devices of this machine that share each batch (default: one; in a training of several "
        "processes, all)",
    )
    return parser


def _devices(text):
    if text != "all" and not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"must be 'all' or a number from 1 on. Received: {text!r}.")
    return text if text == "all" else int(text)


def _config(recipe: Recipe, options: argparse.Namespace) -> RunConfig:
    return recipe.config(
        options.config, overrides=options.set, sources=options.sources, target=options.target
    )


def _show(recipe: Recipe, options: argparse.Namespace) -> None:
    for key, value, kind, meaning in described_fields(_config(recipe, options)):
        print(f"{key} = {value!r}")
        print(f"    {kind}: {meaning}" if meaning else f"    {kind}")


def _train(recipe: Recipe, options: argparse.Namespace) -> None:
    config = _config(recipe, options)
    prefer_onednn()
    share_one_arena()

    from keras_d3.runs import Run, check_initial_weights

    check_initial_weights(config, options.run_dir, bool(options.initial_weights), options.from_scratch)

    from keras_d3.data import check_kind, load_manifest
    from keras_d3.training import join_processes, task_of, train_targets

    # Before anything is computed.
    is_first = join_processes().number == 0
    initial_weights = _initial_weights(config, options.initial_weights)
    manifest = load_manifest(options.data)
    check_kind(manifest, config.data.kind)
    if is_first:
        _announce(config, manifest, task_of(config))
    states = train_targets(
        config,
        options.data,
        options.run_dir,
        stop_after_epoch=options.stop_after_epoch,
        initial_weights=initial_weights,
        from_scratch=options.from_scratch,
        devices=options.devices,
    )
    if is_first:
        _summarize(config, states, Run(options.run_dir))


def _announce(config, manifest, task):
    print(f"Shuffle: {task.shuffle_bytes(manifest) / 1e6:.0f} MB of memory")
    kept = _WEIGHTS_KEPT[config.training.selection].format(monitor=config.training.monitor)
    momentum = config.training.ema_momentum
    averages = "" if momentum is None else f"moving averages (training.ema_momentum={momentum}) "
    print(f"Weights kept: {averages}{kept}")


def _summarize(config, states, run):
    from keras_d3.runs import initial_weights_in_words

    for target, state in states.items():
        name = f"{target}: " if target else ""
        best = (
            f"best epoch {state.best_epoch}, {config.training.monitor} {state.best_value:.3g}"
            if state.best_epoch
            else "no epoch"
        )
        done = "finished" if state.finished else "stopped, to be resumed"
        print(f"{name}{done} after epoch {state.epoch}; {best}; {state.train_secs:.0f} s")
    started = {str(target): network.initial_weights for target, network in run.networks.items()}
    print(f"Initial weights: {initial_weights_in_words(started)}")
    print(f"Run directory: {run.path}")


def _initial_weights(config, source):
    if not source:
        return None
    from keras_d3.convert import InitialWeights
    from keras_d3.models import preset_for

    if config.target == "all":
        raise ValueError(
            "`--initial-weights` are for one network. Received: target='all'. Choose one: `--target`."
        )
    return InitialWeights(source, preset_for(config).name)
