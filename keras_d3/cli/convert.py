"""`keras-d3 convert`: weights that authors published as SavedModels."""

import sys

from keras_d3.cli.options import add_out, add_sources, add_with_networks, check_out, height_and_width
from keras_d3.settings import PADDINGS


def add_convert(command):
    """Adds the options of the command."""
    networks = command.add_subparsers(dest="network", required=True, metavar="NETWORK")
    _add_d3net_music(networks)
    _add_d3net_segmentation(networks)
    _add_wave_u_net(networks)
    _add_deeplab_v2(networks)


def _add_d3net_music(networks):
    command = networks.add_parser("d3net-music", help="D3Net for music, sony/ai-research-code (NNabla .h5)")
    command.add_argument(
        "--weights",
        required=True,
        metavar="DIR",
        help="vocals.h5, drums.h5, bass.h5, other.h5, or one .h5 with these four scopes",
    )
    command.add_argument(
        "--config",
        metavar="DIR",
        help="<target>.yaml or .json in the official keys (default: the official settings, built in)",
    )
    add_out(command, "the SavedModel", "SAVED_MODEL")
    add_sources(command, "fewer than the four leave out the Wiener filter (default: all)")
    add_with_networks(command)
    command.set_defaults(run=_d3net_music)


def _add_d3net_segmentation(networks):
    command = networks.add_parser(
        "d3net-segmentation", help="D3Net for segmentation, sony/ai-research-code (NNabla .h5)"
    )
    command.add_argument("--weights", required=True, metavar="FILE", help="the .h5 of a whole network")
    command.add_argument(
        "--config",
        required=True,
        metavar="S|L|FILE",
        help="S or L: the authors' settings, built in; or a YAML or JSON file in the official keys",
    )
    add_out(command, "the SavedModel", "SAVED_MODEL")
    _add_window(command)
    command.set_defaults(run=_d3net_segmentation)


def _add_wave_u_net(networks):
    command = networks.add_parser("wave-u-net", help="Wave-U-Net, f90/Wave-U-Net (TensorFlow checkpoint)")
    command.add_argument(
        "--weights", required=True, metavar="PREFIX", help="path of the checkpoint without .index"
    )
    command.add_argument(
        "--config",
        required=True,
        metavar="NAME|FILE",
        help="name of an official configuration (baseline_stereo, full_multi_instrument, full_44KHz, ...) "
        "or a JSON file in the official keys",
    )
    add_out(command, "the SavedModel", "SAVED_MODEL")
    command.add_argument(
        "--padding",
        choices=PADDINGS,
        default="zeros",
        help="beyond a song's ends; reflect: the song mirrored (default: zeros, as the official code)",
    )
    command.add_argument(
        "--keep-channels",
        action="store_true",
        help="mono networks separate channels one by one (default: their mean, as the official code)",
    )
    add_with_networks(command)
    command.set_defaults(run=_wave_u_net)


def _add_deeplab_v2(networks):
    command = networks.add_parser(
        "deeplab-v2", help="DeepLabv2, smoothed or not, divelab/dilated (TensorFlow checkpoint)"
    )
    command.add_argument(
        "--weights",
        required=True,
        metavar="PREFIX",
        help="path of the checkpoint without .index, or a file of TensorFlow's first format",
    )
    command.add_argument(
        "--preset",
        metavar="NAME",
        help="a preset of `keras-d3 models` (default: the one that the variables are of; rates are not in a "
        "checkpoint, so name deeplab_v2_aspp_multigrid)",
    )
    add_out(command, "the SavedModel", "SAVED_MODEL")
    _add_window(command)
    command.set_defaults(run=_deeplab_v2)


def _add_window(command):
    command.add_argument(
        "--window",
        type=height_and_width,
        metavar="HEIGHTxWIDTH",
        help="cut images into overlapping windows, which bounds the memory (default: the whole image)",
    )


def _d3net_music(options):
    from keras_d3.convert import d3net_music_separator

    check_out(options, options.out)
    separator = d3net_music_separator(options.weights, options.config, options.sources, _print_progress)
    _write(separator, options, openvino=options.with_openvino, onnx=options.with_onnx)


def _d3net_segmentation(options):
    from keras_d3.convert import d3net_segmentation_segmenter

    check_out(options, options.out)
    _write(d3net_segmentation_segmenter(options.weights, options.config, options.window), options)


def _deeplab_v2(options):
    from keras_d3.convert import deeplab_v2_segmenter

    check_out(options, options.out)
    _write(deeplab_v2_segmenter(options.weights, options.preset, options.window), options)


def _wave_u_net(options):
    from keras_d3.convert import wave_u_net_separator

    check_out(options, options.out)
    separator = wave_u_net_separator(
        options.weights, options.config, options.padding, not options.keep_channels, _print_progress
    )
    _write(separator, options, openvino=options.with_openvino, onnx=options.with_onnx)


def _write(converted, options, **kwargs):
    for file, checksum in _checksums(converted.metadata["recipe"]["weights"]):
        _print_progress(f"SHA-256 of {file}: {checksum}")
    _print_progress("writing and checking the SavedModel")
    print(converted.export(options.out, overwrite=options.overwrite, **kwargs))


def _checksums(weights):
    """Returns the (file, SHA-256) that the metadata of a converted network state, each once."""
    if "sha256" in weights:
        return [(weights["file"], weights["sha256"])]
    # By file for a checkpoint, by source for several networks.
    items = [
        (name, value) if isinstance(value, str) else (value["file"], value["sha256"])
        for name, value in weights.items()
    ]
    return list(dict.fromkeys(items))


def _print_progress(line):
    print(line, file=sys.stderr)
