"""What a SavedModel is: its kind, its checksum, and where its metadata say that it comes from."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_d3.data import AudioManifest, ImageManifest
from keras_d3.export import read_metadata
from keras_d3.utils import sha256_of_file


def model_kind(saved_model: str | Path) -> str:
    """Returns "audio" for a separator's SavedModel and "images" for a segmenter's, as records call it.

    Raises:
        FileNotFoundError: there is no SavedModel, or one without metadata.
        ValueError: its metadata are of neither.
    """
    metadata = read_metadata(saved_model, "model", ())
    if metadata.get("task") == "segmentation":
        return "images"
    if "sources" in metadata:
        return "audio"
    raise ValueError(
        f"`model` must be the SavedModel of a separator or segmenter. Received: `{saved_model}`, whose "
        "metadata have neither sources nor classes."
    )


def file_checksums(saved_model: str | Path) -> dict[str, str]:
    """Returns a dict of file name to SHA-256; it changes with the SavedModel's graph, weights or metadata."""
    files = sorted(path for path in Path(saved_model).rglob("*") if path.is_file())
    return {path.relative_to(saved_model).as_posix(): sha256_of_file(path) for path in files}


def records_sha256(manifest: AudioManifest | ImageManifest, split: str) -> str:
    """Returns one SHA-256 for the records of a split: that of their shards' checksums."""
    return _sha256([[shard.file, shard.sha256] for shard in manifest.shards if shard.split == split])


def model_origin(saved_model: str | Path, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what score files say of a SavedModel; None where its metadata do not tell.

    Args:
        saved_model: path of the SavedModel.
        metadata: its metadata.

    Returns:
        JSON-ready dict: "name" of its directory; "sha256", one for all its files; "recipe", "config",
        "seed", and "commit" of the code that trained it (or, for converted weights, that wrote it);
        "converted_from" and "weights" (the authors' files with their SHA-256) of converted weights.
    """
    recipe = metadata.get("recipe") or {}
    run, config = recipe.get("run", {}), recipe.get("config")
    config = config if isinstance(config, dict) else {"name": config}
    return {
        "name": Path(saved_model).resolve().name,
        "sha256": _sha256(file_checksums(saved_model)),
        "recipe": run.get("recipe", recipe.get("recipe")),
        "config": run.get("config", config.get("name")),
        "seed": config.get("training", {}).get("seed"),
        "commit": run.get("commit", metadata.get("commit")),
        "converted_from": recipe.get("converted_from"),
        "weights": recipe.get("weights"),
    }


def trained_names(metadata: Mapping[str, Any], *splits: str) -> list[str] | None:
    """Returns the names of songs or images that a model was made from, as far as its metadata hold them.

    Args:
        metadata: metadata of a SavedModel.
        *splits: "train", "validation": which of them.

    Returns:
        Sorted list, or None if the metadata do not tell.
    """
    tracks = (metadata.get("recipe") or {}).get("tracks")
    if tracks is None:
        return None
    return sorted({name for split in splits for name in tracks.get(split, ())})


def _sha256(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode("utf-8")).hexdigest()
