"""What travels with a separator or segmenter: `assets.extra/metadata.json` in its SavedModel."""

from pathlib import Path

import keras
import tensorflow as tf

import keras_d3
from keras_d3.settings import to_dict
from keras_d3.utils import current_commit, read_json

SCHEMA_VERSION = 1
# TensorFlow's place for files of other programs; loading a SavedModel leaves it alone.
METADATA_FILE = Path("assets.extra") / "metadata.json"
MADE_BY = "keras-d3 export"


def describe(config, extra=None):
    """Returns the metadata of a separator as a JSON-ready dict.

    Args:
        config: `WaveformSeparatorConfig` or `SpectrogramSeparatorConfig`.
        extra: dict of further entries, `recipe` usually among them. They do not replace the others.

    Returns:
        dict with `recipe` (the recipe's config, `{}` if none is given), the entries of `extra`,
        `schema_version`, `sample_rate_hz`, `channels`, `sources`, `separation` (all settings), `stft`
        (`frame_length`, `frame_step`, `window`, `padding`; None for a waveform network), and what made
        it: `keras_d3_version`, `commit`, `tensorflow_version`, `keras_version`.
    """
    stft = None
    if config.kind == "spectrogram":
        stft = {
            "frame_length": config.frame_length,
            "frame_step": config.frame_step,
            "window": "hann",
            "padding": config.padding,
        }
    return {
        "recipe": {},
        **(extra or {}),
        "schema_version": SCHEMA_VERSION,
        "sample_rate_hz": config.sample_rate_hz,
        "channels": config.channels,
        "sources": list(config.sources),
        "separation": to_dict(config),
        "stft": stft,
        **_made_by(),
    }


def describe_segmenter(config, extra=None):
    """Returns the metadata of a segmenter as a JSON-ready dict.

    Args:
        config: `SegmenterConfig`.
        extra: as of `describe`.

    Returns:
        dict with `recipe`, the entries of `extra`, `schema_version`, `task` ("segmentation"), `classes`,
        `palette`, `normalization`, `segmentation` (all settings), and what made it, as `describe` has it.
    """
    settings = to_dict(config)
    return {
        "recipe": {},
        **(extra or {}),
        "schema_version": SCHEMA_VERSION,
        "task": "segmentation",
        "classes": settings["label_set"]["names"],
        "palette": settings["label_set"]["palette"],
        "normalization": settings["normalization"],
        "segmentation": settings,
        **_made_by(),
    }


def _made_by():
    return {
        "keras_d3_version": keras_d3.__version__,
        "commit": current_commit(),
        "tensorflow_version": tf.__version__,
        "keras_version": keras.__version__,
    }


def read_metadata(path):
    """Reads the metadata of a separator's SavedModel, without loading its graph.

    Args:
        path: directory of the SavedModel.

    Returns:
        dict, see `describe`.

    Raises:
        FileNotFoundError: there is no SavedModel, or one that is no separator.
        ValueError: the metadata are damaged or of another schema version.
    """
    return _read(path, "separator's", ("schema_version", "sample_rate_hz", "channels", "sources"))


def read_segmenter_metadata(path):
    """Reads the metadata of a segmenter's SavedModel, without loading its graph.

    Args:
        path: directory of the SavedModel.

    Returns:
        dict, see `describe_segmenter`.

    Raises:
        FileNotFoundError: there is no SavedModel, or one that is no segmenter.
        ValueError: the metadata are damaged, of another schema version, or a separator's.
    """
    return _read(path, "segmenter's", ("schema_version", "classes", "palette", "normalization"))


def _read(path, whose, wanted):
    path = Path(path)
    if not (path / "saved_model.pb").is_file():
        raise FileNotFoundError(
            f"No SavedModel at `{path}`: it would be a directory with a file saved_model.pb. "
            f"Make one by `{MADE_BY}`."
        )
    values = read_json(path / METADATA_FILE, f"{whose} metadata", MADE_BY)
    if not isinstance(values, dict) or any(name not in values for name in wanted):
        raise ValueError(
            f"The metadata `{path / METADATA_FILE}` must have the entries {', '.join(wanted)}. "
            f"Make the SavedModel again by `{MADE_BY}`."
        )
    if values["schema_version"] != SCHEMA_VERSION:
        raise ValueError(
            f"The SavedModel `{path}` has metadata of schema version {values['schema_version']!r}; this "
            f"version of keras_d3 reads {SCHEMA_VERSION}. Make it again by `{MADE_BY}`."
        )
    return values
