"""The official code's settings of D3Net for music, per target: built in, or read from the authors' files."""

import json
from pathlib import Path

from keras_d3.models import find_preset, to_band, to_bands, to_final_block
from keras_d3.utils import check_choice, optional_package

TARGETS = ("bass", "drums", "other", "vocals")
SUFFIXES = (".yaml", ".yml", ".json")
# (test_patch_len, out_shift) of the official separator.
PATCHES = {"bass": (384, 192), "drums": (256, 128), "other": (256, 128), "vocals": (256, 128)}


def official_settings(target):
    """Returns the settings that belong to the authors' weights of a target, in the official keys.

    They follow from the preset `d3net_<target>`; the lengths of the patches are those of the official
    separator: 256 frames at distances of 128, for bass 384 at 192.

    Args:
        target: `"bass"`, `"drums"`, `"other"` or `"vocals"`.

    Returns:
        dict as `d3net_music_from_official` takes it, and `hop_size`, `test_patch_len`, `out_shift`.

    Raises:
        ValueError: `target` is none of the four.

    Example:

    >>> from keras_d3.convert import official_settings
    >>> official_settings("bass")["test_patch_len"]
    384
    """
    preset = find_preset(f"d3net_{check_choice('target', target, TARGETS)}")
    patch_frames, patch_shift = PATCHES[target]
    return {
        **settings_from_arguments(preset.merged_arguments()),
        "hop_size": preset.stft["frame_step"],
        "test_patch_len": patch_frames,
        "out_shift": patch_shift,
    }


def settings_from_arguments(arguments):
    """Returns the official keys for arguments of `keras_d3.models.d3net`, where the official code has such.

    The reverse of `arguments_from_official`, for the arguments that one returns.

    Args:
        arguments: dict with `bands`, `full`, `final_block`, `dilation`, `num_bins` and `num_channels`.

    Raises:
        ValueError: a deepest block and the one after it differ in their number of D2 blocks, which the
            official code reads from one entry; or the dilation is `"standard"`, which it does not know.
    """
    check_choice("dilation", arguments["dilation"], ("multidilated", "none"))
    *bands, full = (*to_bands(arguments["bands"]), to_band(arguments["full"], "full"))
    final = to_final_block(arguments["final_block"])
    edges = [0]
    for band in bands:
        edges.append(edges[-1] + band.num_bins)
    return {
        "fft_size": 2 * (arguments["num_bins"] - 1),
        "n_channels": arguments["num_channels"],
        "valid_signal_idx": edges[-1],
        "band_split_idxs": edges[1:-1],
        "num_init_features": [band.filters for band in bands],
        "dens_k": [_column(band, 0) for band in bands],
        "num_layer_blocks": [_column(band, 1) for band in bands],
        "b_n_blocks": [_num_blocks(band) for band in bands],
        "comp_rates": [_compression(band) for band in bands],
        "f_num_init_features": full.filters,
        "f_dens_k": _column(full, 0),
        "f_num_layer_block": _column(full, 1),
        "f_n_blocks": _num_blocks(full),
        "f_comp_rates": _compression(full),
        "ttl_dens_k": final.growth_rate,
        "ttl_num_layer_block": final.num_layers,
        "dilation": arguments["dilation"] == "multidilated",
    }


def read_official_settings(path):
    """Reads settings in the official keys from a YAML or JSON file.

    Raises:
        FileNotFoundError: there is no file at `path`.
        ValueError: the file is no such mapping.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No settings at `{path}`. The authors' are configs/<target>.yaml.")
    if path.suffix == ".json":
        parse, errors = json.loads, json.JSONDecodeError
    else:
        yaml = optional_package("yaml", "convert", "Reading the authors' settings")
        parse, errors = yaml.safe_load, yaml.YAMLError
    try:
        settings = parse(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, errors) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"The settings `{path}` cannot be read ({reason}). Get the file again.") from error
    if not isinstance(settings, dict):
        raise ValueError(
            f"The settings `{path}` must be a mapping of the official code's keys. Received: "
            f"{type(settings).__name__}. Take the authors' configs/<target>.yaml."
        )
    return settings


def find_official_settings(directory, target):
    """Returns the path of a target's settings in a directory, or None: `<target>.yaml`, `.yml` or `.json`."""
    paths = (Path(directory) / f"{target}{suffix}" for suffix in SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def _column(band, index):
    return [block[index] for block in band.blocks]


def _num_blocks(band):
    """Numbers of D2 blocks in the place where the official code looks for them: see `_band_from_official`."""
    depth, numbers = band.num_poolings, _column(band, 2)
    if depth and numbers[depth] != numbers[depth + 1]:
        raise ValueError(
            f"`blocks` of band {band.name!r} must have as many D2 blocks in the deepest block as in the one "
            f"after it: the official code has one entry for both. Received: blocks={band.blocks}."
        )
    return [*numbers[:depth], *numbers[depth + 1 :], numbers[-1]]


def _compression(band):
    # The down path has entries, too; the official code pools without looking at them.
    return [1.0] * band.num_poolings + [float(value) for value in band.upsample_compression]
