"""The command `keras-d3`: list models, export, separate, evaluate."""

import argparse
import sys
from pathlib import Path

from keras_d3.utils.command_line import run_reporting_errors


def main(arguments=None):
    """Runs `keras-d3 COMMAND ...`; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="keras-d3", description="Separate songs, score estimates, export trained networks."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_models(commands)
    _add_separate(commands)
    _add_evaluate(commands)
    _add_export(commands)
    options = parser.parse_args(arguments)
    return run_reporting_errors(options.function, options)


def _add_models(commands):
    command = commands.add_parser("models", help="list the presets with their sizes")
    command.add_argument("name", nargs="?", help="show one preset with its arguments")
    command.set_defaults(function=_models)


def _models(options):
    from keras_d3.models import find_preset, presets

    if options.name:
        preset = find_preset(options.name)
        print(f"{preset.name}: {preset.description}")
        print(f"  paper       {preset.paper}")
        print(f"  parameters  {preset.parameters:,}")
        print(f"  task        {preset.task}")
        print(f"  sample rate {preset.sample_rate_hz or '-'} Hz")
        for key, value in preset.merged_arguments().items():
            print(f"  {key} = {value!r}")
        return
    known = presets().values()
    width = max(len(preset.name) for preset in known)
    for preset in known:
        print(f"{preset.name:{width}}  {preset.task:11}  {preset.parameters:>11,}  {preset.description}")


def _add_separate(commands):
    command = commands.add_parser("separate", help="separate songs into stems with a SavedModel")
    command.add_argument(
        "songs", nargs="+", metavar="SONG", help="audio files: any format of libsndfile or ffmpeg"
    )
    command.add_argument("--model", required=True, metavar="SAVED_MODEL", help="made by `keras-d3 export`")
    command.add_argument("--out", required=True, metavar="DIR", help="stems go to DIR/<song>/<source>.wav")
    command.add_argument(
        "--subtype",
        choices=("PCM_16", "PCM_24", "FLOAT"),
        default="PCM_16",
        help="sample format of the stems (default: PCM_16)",
    )
    command.set_defaults(function=_separate)


def _separate(options):
    from keras_d3.inference import load_separator, separate_file, song_name

    names = [song_name(song) for song in options.songs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            "Songs must have different names, as each gets the folder DIR/<song>. "
            f"Received twice: {', '.join(twice)}. Separate them into different directories."
        )
    separator = load_separator(options.model)
    for song in options.songs:
        for path in separate_file(separator, song, options.out, subtype=options.subtype):
            print(path)


def _add_evaluate(commands):
    command = commands.add_parser("evaluate", help="score estimates with museval")
    command.add_argument("--references", required=True, metavar="DIR", help="DIR/<track>/<source>.wav")
    command.add_argument("--estimates", required=True, metavar="DIR", help="DIR/<track>/<source>.wav")
    command.add_argument("--out", required=True, metavar="DIR", help="scores go to DIR/<track>.json")
    command.add_argument("--sources", help="comma-separated; by default those of the estimates")
    command.add_argument("--workers", type=int, help="processes (default: one per core)")
    command.add_argument(
        "--backend",
        choices=("museval", "shared"),
        default="museval",
        help="shared: the same numbers, faster, without museval (default: museval)",
    )
    command.set_defaults(function=_evaluate)


def _evaluate(options):
    from keras_d3.evaluation import aggregate, format_table, score_directory

    scores = score_directory(
        options.references,
        options.estimates,
        options.out,
        sources=options.sources.split(",") if options.sources else None,
        num_workers=options.workers,
        backend=options.backend,
    )
    print(format_table(aggregate(scores)))


def _add_export(commands):
    command = commands.add_parser(
        "export", help="export a trained run as a SavedModel: waveform in, stems out"
    )
    command.add_argument("--run-dir", required=True, help="directory of a finished run")
    command.add_argument("--out", metavar="SAVED_MODEL", help="default: RUN_DIR/saved_model")
    command.set_defaults(function=_export)


def _export(options):
    from keras_d3.experiments.evaluate import export_run

    print(export_run(Path(options.run_dir), options.out))


if __name__ == "__main__":
    sys.exit(main())
