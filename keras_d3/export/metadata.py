"""Metadata of separators and segmenters: `assets.extra/metadata.json` in their SavedModels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras_d3
from keras_d3.export.file_checksums import check_files
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
    # Reading metadata needs neither.
    import keras
    import tensorflow as tf

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
        ValueError: the metadata are damaged, of another kind or of another schema version, or not as they
            were written.
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
    _check_types(values, path / METADATA_FILE)
    check_files(path, [METADATA_FILE.as_posix()], kind)
    return values


def metadata_fault(path: Path, reason: str) -> ValueError:
    """Returns the error for metadata that say what cannot be."""
    return ValueError(
        f"The metadata `{path}` are damaged: {reason} Make the SavedModel again by `{EXPORT_COMMAND}`."
    )


def _check_types(values, path):
    """Raises ValueError where an entry of another program's metadata is of a type that ours never are."""
    recipe = values.get("recipe")
    inside = recipe if isinstance(recipe, dict) else {}
    config, tracks, weights = (inside.get(name) for name in ("config", "tracks", "weights"))
    weights_settings = weights.get("settings") if isinstance(weights, dict) else None
    training = config.get("training") if isinstance(config, dict) else None
    for name, value in (
        ("recipe", recipe),
        ("separation", values.get("separation")),
        ("segmentation", values.get("segmentation")),
        ("stft", values.get("stft")),
        ("recipe.run", inside.get("run")),
        ("recipe.tracks", tracks),
        ("recipe.config", None if isinstance(config, str) else config),
        ("recipe.config.training", training),
        ("recipe.settings", inside.get("settings")),
        ("recipe.weights", weights),
        ("recipe.weights.settings", weights_settings),
    ):
        if value is not None and not isinstance(value, dict):
            raise metadata_fault(path, f"`{name}` must be a mapping. Received: {name}={value!r}.")
    for split, names in (tracks or {}).items():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            reason = f"`recipe.tracks.{split}` must be a list of names. Received: {names!r}."
            raise metadata_fault(path, reason)
    for name, item in (weights or {}).items():
        # A file's SHA-256, or what is known of a source's file.
        settings = item.get("settings", {}) if isinstance(item, dict) else {}
        if not isinstance(item, (str, dict)) or not isinstance(settings, dict):
            raise metadata_fault(path, f"`recipe.weights.{name}` must tell of a file. Received: {item!r}.")
