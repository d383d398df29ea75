"""The command `keras-d3`: list models, export, convert, separate, segment, evaluate, receptive fields."""

import argparse
import sys
from pathlib import Path

from keras_d3.cli.erf import add_erf
from keras_d3.cli.filter_norms import add_filter_norms
from keras_d3.cli.segmentation import add_convert_d3net_segmentation, add_segment
from keras_d3.utils import run_reporting_errors


def main(arguments=None):
    """Runs `keras-d3 COMMAND ...`; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="keras-d3",
        description="Separate songs, segment images, score estimates, export, convert and analyse networks.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_models(commands)
    _add_separate(commands)
    add_segment(commands)
    _add_evaluate(commands)
    _add_export(commands)
    _add_convert(commands)
    add_erf(commands)
    add_filter_norms(commands)
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
        if preset.sample_rate_hz:
            print(f"  sample rate {preset.sample_rate_hz} Hz")
        if preset.normalization:
            print(f"  input       {preset.normalization}")
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
    command.add_argument(
        "--quality",
        choices=("best", "fast"),
        default="best",
        help="fast: no overlap, no channel flips (default: best, as the model was made)",
    )
    command.add_argument(
        "--runtime",
        choices=("tensorflow", "openvino"),
        default="tensorflow",
        help="what computes the networks; openvino takes a model made --with-openvino (default: tensorflow)",
    )
    command.add_argument(
        "--precision",
        choices=("f32", "bf16"),
        default="f32",
        help="of openvino; bf16 is faster on CPUs that have it and less exact (default: f32)",
    )
    command.set_defaults(function=_separate)


def _separate(options):
    from keras_d3.separation import load_separator, separate_file, song_name

    names = [song_name(song) for song in options.songs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            "Songs must have different names, as each gets the folder DIR/<song>. "
            f"Received twice: {', '.join(twice)}. Separate them into different directories."
        )
    separator = load_separator(options.model, options.runtime, options.precision)
    for song in options.songs:
        for path in separate_file(
            separator, song, options.out, subtype=options.subtype, quality=options.quality
        ):
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
        "export",
        help="export a trained run as a SavedModel (waveform in, stems out; image in, labels out), or its "
        "networks alone",
    )
    command.add_argument("--run-dir", required=True, help="directory of a finished run")
    command.add_argument("--out", metavar="PATH", help="default: RUN_DIR/<format>")
    command.add_argument(
        "--format",
        choices=("saved_model", "openvino", "onnx"),
        default="saved_model",
        help="openvino, onnx: a directory with one file per network (default: saved_model)",
    )
    command.add_argument(
        "--with-openvino",
        action="store_true",
        help="the SavedModel also carries its networks for `separate --runtime openvino`",
    )
    command.add_argument(
        "--segment-samples",
        type=int,
        metavar="N",
        help="waveform networks: samples per window, if not those of the training; dilated networks get "
        "worse by longer ones, hence a warning",
    )
    command.set_defaults(function=_export)


def _export(options):
    from keras_d3.experiments import export_run, export_run_networks, export_segmentation_run, read_run

    if read_run(options.run_dir)[0].data.kind == "images":
        if options.format != "saved_model" or options.with_openvino:
            raise ValueError(
                "Segmenters are exported as SavedModels alone. Leave `--format` and `--with-openvino` out."
            )
        print(export_segmentation_run(options.run_dir, options.out))
        return
    if options.format == "saved_model":
        print(
            export_run(
                Path(options.run_dir),
                options.out,
                openvino=options.with_openvino,
                segment_samples=options.segment_samples,
            )
        )
        return
    if options.with_openvino:
        raise ValueError(
            "`--with-openvino` belongs to `--format saved_model`. "
            f"Received: --format {options.format}. Leave one of them out."
        )
    if options.segment_samples is not None:
        raise ValueError(
            "`--segment-samples` belongs to `--format saved_model`. "
            f"Received: --format {options.format}. Leave one of them out."
        )
    print(export_run_networks(Path(options.run_dir), options.format, options.out))


def _add_convert(commands):
    command = commands.add_parser("convert", help="turn weights that authors published into a SavedModel")
    networks = command.add_subparsers(dest="network", required=True, metavar="NETWORK")
    d3net = networks.add_parser("d3net-music", help="D3Net for music, sony/ai-research-code (NNabla .h5)")
    d3net.add_argument(
        "--weights-dir",
        required=True,
        metavar="DIR",
        help="vocals.h5, drums.h5, bass.h5, other.h5, or one .h5 with these four scopes",
    )
    d3net.add_argument("--out", required=True, metavar="SAVED_MODEL")
    d3net.add_argument(
        "--configs",
        metavar="DIR",
        help="<target>.yaml or .json in the official keys (default: the official settings, built in)",
    )
    d3net.add_argument(
        "--sources", help="comma-separated; fewer than the four leave out the Wiener filter (default: all)"
    )
    d3net.add_argument("--overwrite", action="store_true", help="replace a SavedModel at --out")
    d3net.add_argument("--with-openvino", action="store_true", help="as of `keras-d3 export`")
    d3net.set_defaults(function=_convert_d3net_music)
    add_convert_d3net_segmentation(networks)
    wave_u_net = networks.add_parser("wave-u-net", help="Wave-U-Net, f90/Wave-U-Net (TensorFlow checkpoint)")
    wave_u_net.add_argument(
        "--checkpoint", required=True, metavar="PREFIX", help="path of the checkpoint without .index"
    )
    wave_u_net.add_argument(
        "--config",
        required=True,
        metavar="NAME_OR_JSON",
        help="name of an official configuration (baseline_stereo, full_multi_instrument, full_44KHz, ...) "
        "or a JSON file in the official keys",
    )
    wave_u_net.add_argument("--out", required=True, metavar="SAVED_MODEL")
    wave_u_net.add_argument(
        "--padding",
        choices=("zeros", "reflect"),
        default="zeros",
        help="beyond a song's ends; reflect: the song mirrored (default: zeros, as the official code)",
    )
    wave_u_net.add_argument(
        "--keep-channels",
        action="store_true",
        help="mono networks separate channels one by one (default: their mean, as the official code)",
    )
    wave_u_net.add_argument("--overwrite", action="store_true", help="replace a SavedModel at --out")
    wave_u_net.add_argument("--with-openvino", action="store_true", help="as of `keras-d3 export`")
    wave_u_net.set_defaults(function=_convert_wave_u_net)


def _convert_d3net_music(options):
    from keras_d3.convert import d3net_music_separator

    _check_out(options)
    separator = d3net_music_separator(
        options.weights_dir,
        options.configs,
        options.sources.split(",") if options.sources else None,
        _print_progress,
    )
    _write_converted(separator, options)


def _convert_wave_u_net(options):
    from keras_d3.convert import wave_u_net_separator

    _check_out(options)
    separator = wave_u_net_separator(
        options.checkpoint, options.config, options.padding, not options.keep_channels, _print_progress
    )
    _write_converted(separator, options)


def _check_out(options):
    if Path(options.out).exists() and not options.overwrite:
        raise FileExistsError(f"`{options.out}` exists already. Choose another path, or give --overwrite.")


def _print_progress(line):
    print(line, file=sys.stderr)


def _write_converted(separator, options):
    _print_progress("writing and checking the SavedModel")
    print(separator.export(options.out, overwrite=options.overwrite, openvino=options.with_openvino))


if __name__ == "__main__":
    sys.exit(main())
