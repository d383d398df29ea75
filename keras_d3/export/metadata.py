"""Metadata of separators and segmenters: `assets.extra/metadata.json` in their SavedModels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

import keras_d3
from keras_d3.utils import current_commit, read_json

SCHEMA_VERSION = 1
# TensorFlow's place for files of other programs; loading a SavedModel leaves it alone.
METADATA_FILE = Path("assets.extra") / "metadata.json"
EXPORT_COMMAND = "keras-d3 export"


def describe(entries: Mapping[str, Any], extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Returns the metadata of a separator or segmenter as a JSON-ready dict.

    Args:
        entries: dict, what every separator (or segmenter) states.
        extra: dict of further entries, `recipe` usually among them. They do not replace the others.

    Returns:
        dict with `recipe` (the recipe's config, `{}` if none is given), the entries of `extra`,
        `schema_version`, `entries`, and the versions it was made with: `keras_d3_version`, `commit`,
        `tensorflow_version`, `keras_version`.
    """
    return {
        "recipe": {},
        **(extra or {}),
        "schema_version": SCHEMA_VERSION,
        **entries,
        "keras_d3_version": keras_d3.__version__,
        "commit": current_commit(),
        "tensorflow_version": tf.__version__,
        "keras_version": keras.__version__,
    }


def read_metadata(path: str | Path, kind: str, required: Sequence[str]) -> dict[str, Any]:
    """Reads the metadata of a SavedModel, without loading its graph.

    Args:
        path: directory of the SavedModel.
        kind: `"separator"` or `"segmenter"`, for the errors.
        required: names of the entries that those of this kind have.

    Returns:
        dict, see `describe`.

    Raises:
        FileNotFoundError: there is no SavedModel, or one without metadata.
        ValueError: the metadata are damaged, of another kind or of another schema version.
    """
    path = Path(path)
    if not (path / "saved_model.pb").is_file():
        raise FileNotFoundError(
            f"No SavedModel at `{path}`: it would be a directory with a file saved_model.pb. "
            f"Make one by `{EXPORT_COMMAND}`."
        )
    values = read_json(path / METADATA_FILE, f"{kind}'s metadata", EXPORT_COMMAND)
    required = ("schema_version", *required)
    if not isinstance(values, dict) or any(name not in values for name in required):
        raise ValueError(
            f"The metadata `{path / METADATA_FILE}` must have the entries {', '.join(required)}. "
            f"Make the SavedModel again by `{EXPORT_COMMAND}`."
        )
    if values["schema_version"] != SCHEMA_VERSION:
        raise ValueError(
            f"The SavedModel `{path}` has metadata of schema version {values['schema_version']!r}; this "
            f"version of keras_d3 reads {SCHEMA_VERSION}. Make it again by `{EXPORT_COMMAND}`."
        )
    return values
