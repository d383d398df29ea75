"""The official code's settings of Wave-U-Net: the named configurations, and what the keys mean here."""

import difflib
import json
from pathlib import Path

from keras_d3.models import wave_u_net_lengths
from keras_d3.utils import check_choice, check_file_name, check_positive_int

TASKS = {
    "voice": ("accompaniment", "vocals"),
    "multi_instrument": ("bass", "drums", "other", "vocals"),
}
# What shapes the network, with the values of the official base configuration.
DEFAULTS = {
    "num_layers": 12,
    "num_initial_filters": 24,
    "filter_size": 15,
    "merge_filter_size": 5,
    "input_filter_size": 15,
    "output_filter_size": 1,
    "upsampling": "linear",
    "output_type": "direct",
    "output_activation": "tanh",
    "context": False,
    "mono_downmix": True,
    "task": "voice",
    "network": "unet",
}
# The rest of the base configuration: how long the outputs are, and what belongs to the training.
NUM_FRAMES, SAMPLE_RATE_HZ = 16384, 22050
# A window of 2 ** num_layers samples is the least; sizes of a broken file would ask for all memory there is.
MAX_SIZE, MAX_NUM_FRAMES, MAXIMA = 1 << 16, 1 << 28, {"num_layers": 24}
OTHER_KEYS = (
    "num_frames",
    "expected_sr",
    "source_names",
    "num_sources",
    "num_channels",
    "musdb_path",
    "estimates_path",
    "data_path",
    "model_base_dir",
    "log_dir",
    "batch_size",
    "init_sup_sep_lr",
    "epoch_it",
    "cache_size",
    "num_workers",
    "num_snippets_per_track",
    "augmentation",
    "raw_audio_loss",
    "worse_epochs",
    "duration",
)
_DIFFERENCE = {"output_type": "difference"}
_CONTEXT = {**_DIFFERENCE, "context": True}
_STEREO = {**_CONTEXT, "mono_downmix": False}
NAMED_CONFIGS = {
    "baseline": {},
    "baseline_diff": _DIFFERENCE,
    "baseline_context": _CONTEXT,
    "baseline_stereo": _STEREO,
    "full": {**_STEREO, "upsampling": "learned"},
    "full_44KHz": {**_STEREO, "upsampling": "learned", "expected_sr": 44100},
    "full_multi_instrument": {**_STEREO, "task": "multi_instrument"},
    "baseline_comparison": {
        **_CONTEXT,
        "num_frames": 98560,
        "expected_sr": 8192,
        "num_initial_filters": 34,
    },
    "baseline_context_smallfilter_deep": {
        **_CONTEXT,
        "num_layers": 14,
        "filter_size": 5,
        "merge_filter_size": 1,
    },
}


def official_wave_u_net_settings(name):
    """Returns the settings of a named configuration of the official code (f90/Wave-U-Net), in its keys.

    Args:
        name: string, such as `"baseline_stereo"` (M4), `"full_multi_instrument"` (M6) or `"full_44KHz"`.

    Returns:
        dict of what shapes the network, `source_names`, `num_frames` and `expected_sr`.

    Raises:
        ValueError: there is no such configuration.

    Example:

    >>> from keras_d3.convert import official_wave_u_net_settings
    >>> official_wave_u_net_settings("full_multi_instrument")["source_names"]
    ['bass', 'drums', 'other', 'vocals']
    """
    check_choice("name", name, tuple(NAMED_CONFIGS))
    settings = {
        **DEFAULTS,
        "num_frames": NUM_FRAMES,
        "expected_sr": SAMPLE_RATE_HZ,
        **NAMED_CONFIGS[name],
    }
    return {**settings, "source_names": list(TASKS[settings["task"]])}


def read_wave_u_net_settings(name_or_path):
    """Returns settings in the official keys: those of a named configuration, or of a JSON file.

    The file holds a mapping of the official keys, alone or under the key `config` or `model_config`.
    Keys that are not there have the official base configuration's values.

    Raises:
        FileNotFoundError: it is no name, and there is no such file.
        ValueError: the file is no JSON mapping.
    """
    if str(name_or_path) in NAMED_CONFIGS:
        return official_wave_u_net_settings(str(name_or_path))
    path = Path(name_or_path)
    if not path.is_file():
        close = difflib.get_close_matches(str(name_or_path), NAMED_CONFIGS, n=1)
        raise FileNotFoundError(
            f"No settings at `{path}`.{f' Did you mean {close[0]!r}?' if close else ''} Give a JSON file in "
            f"the official keys, or one of the official names: {', '.join(NAMED_CONFIGS)}."
        )
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # not UTF-8 or JSON, or too many brackets
        raise ValueError(f"The settings `{path}` must be JSON ({error}). Write the file again.") from error
    for key in ("config", "model_config"):
        if isinstance(settings, dict) and isinstance(settings.get(key), dict):
            settings = settings[key]
    if not isinstance(settings, dict):
        raise ValueError(
            f"The settings `{path}` must be a mapping of the official code's keys. Received: "
            f"{type(settings).__name__}."
        )
    return settings


def wave_u_net_arguments(config):
    """Returns the arguments of `keras_d3.models.WaveUNet` for settings in the official keys.

    Args:
        config: dict. Keys that are not there have the official base configuration's values; keys that
            do not shape the network are ignored. With `num_frames` the input has the official length;
            without it the network takes any length.

    Raises:
        ValueError: an unknown value, keys that contradict each other, or an unknown key that looks like
            a mistyped one.
    """
    if not isinstance(config, dict):
        raise ValueError(
            f"`config` must be a dict in the official code's keys. Received: {type(config).__name__}."
        )
    _check_spelling(config)
    values = {**DEFAULTS, **{key: config[key] for key in DEFAULTS if key in config}}
    if values["network"] != "unet":
        raise ValueError(
            "`config['network']` must be 'unet', the Wave-U-Net; the official code's other network is a "
            f"spectrogram U-Net. Received: network={values['network']!r}."
        )
    for key, choices in (
        ("upsampling", ("linear", "learned")),
        ("output_type", ("direct", "difference")),
        ("output_activation", ("tanh", "linear")),
        ("context", (True, False)),
        ("mono_downmix", (True, False)),
    ):
        check_choice(f"config['{key}']", values[key], choices)
    for key in DEFAULTS:
        if isinstance(DEFAULTS[key], int) and not isinstance(DEFAULTS[key], bool):
            check_positive_int(f"config['{key}']", values[key], 1, MAXIMA.get(key, MAX_SIZE))
    return {
        "sources": _sources(config, values["task"]),
        "channels": _channels(config, values["mono_downmix"]),
        "num_levels": values["num_layers"],
        "filters": values["num_initial_filters"],
        "kernel_size": values["filter_size"],
        "up_kernel_size": values["merge_filter_size"],
        "output_kernel_size": values["output_filter_size"],
        "context": bool(values["context"]),
        "upsampling": values["upsampling"],
        "output_type": values["output_type"],
        "output_activation": values["output_activation"],
        **_lengths(config, values),
    }


def _check_spelling(config):
    known = (*DEFAULTS, *OTHER_KEYS)
    for key in config:
        close = [] if key in known else difflib.get_close_matches(str(key), known, n=1, cutoff=0.85)
        if close:
            raise ValueError(
                f"`config` must hold the official code's keys. Received: {key!r}, which is none. "
                f"Did you mean {close[0]!r}?"
            )


def _sources(config, task):
    """`source_names`, which is what the official network reads, or else those of the task."""
    check_choice("config['task']", task, tuple(TASKS))
    names = config.get("source_names")
    if names is None:
        names = TASKS[task]
    elif not isinstance(names, (list, tuple)) or not names:
        raise ValueError(
            f"`config['source_names']` must be a list of names. Received: source_names={names!r}."
        )
    names = tuple(check_file_name("config['source_names']", name) for name in names)
    if len(set(names)) < len(names):
        raise ValueError(f"`config['source_names']` must be different names. Received: {names!r}.")
    if config.get("num_sources", len(names)) != len(names):
        raise ValueError(
            "`config['num_sources']` must be the number of sources. Received: "
            f"num_sources={config['num_sources']!r}, sources {names!r}."
        )
    return names


def _channels(config, mono_downmix):
    channels = 1 if mono_downmix else 2
    if config.get("num_channels", channels) != channels:
        raise ValueError(
            "`config['num_channels']` must be 1 with `mono_downmix`, else 2. Received: "
            f"num_channels={config['num_channels']!r}, mono_downmix={mono_downmix!r}."
        )
    return channels


def _lengths(config, values):
    """The lengths of the official `get_padding`, with what it takes for the sizes of the outer kernels."""
    num_frames = config.get("num_frames")
    if num_frames is None:
        return {"num_output_samples": None}
    num_frames = check_positive_int("config['num_frames']", num_frames, 1, MAX_NUM_FRAMES)
    if not values["context"]:
        if num_frames % 2 ** values["num_layers"]:
            raise ValueError(
                "`config['num_frames']` must be a multiple of 2 ** num_layers without context. Received: "
                f"num_frames={num_frames}, num_layers={values['num_layers']}."
            )
        return {"num_output_samples": num_frames}
    # It subtracts the surplus of the output kernel where it should add it.
    output_kernel = values["output_filter_size"]
    wanted = max(1, num_frames - 2 * (output_kernel - 1))
    sizes = values["num_layers"], values["filter_size"], values["merge_filter_size"], output_kernel
    input_samples, output_samples = wave_u_net_lengths(wanted, *sizes, context=True)
    surplus = values["input_filter_size"] - values["filter_size"]
    return {
        "num_output_samples": output_samples,
        "num_input_samples": input_samples + surplus if surplus else None,
    }
