"""Loads the `manifest.json` of a directory of records, whatever their kind."""

import dataclasses
from pathlib import Path

from keras_d3.data.audio.manifest import AudioManifest
from keras_d3.data.images.manifest import ImageManifest
from keras_d3.data.shards import MANIFEST_NAME, ShardedManifest, check_shard_size
from keras_d3.settings import from_dict
from keras_d3.utils import CHECKSUM, check_choice, read_json, without_checksum

COMMAND = "python -m tfrecords_tools musdb18|folder|cityscapes|voc --root DATA --out DIR"
MANIFESTS = {manifest.kind: manifest for manifest in (AudioManifest, ImageManifest)}


def load_manifest(directory: str | Path, check_shards: bool = True) -> AudioManifest | ImageManifest:
    """Loads and checks the manifest of a TFRecord directory.

    Args:
        directory: str or Path, the `--out` of a `python -m tfrecords_tools` command.
        check_shards: bool, whether every shard must be there with its right size and number of records
            (cheap: no shard is opened; `check_shards_once` compares checksums).

    Returns:
        `AudioManifest` or `ImageManifest`.

    Raises:
        FileNotFoundError: no directory, no manifest, or a shard is missing.
        ValueError: the manifest is of another kind or schema version, broken or changed, names what is no
            name, or a shard has another size than it was written with.

    Example:

    >>> manifest = load_manifest("records")
    >>> manifest.sources, len(manifest.tracks("train"))
    (('drums', 'bass', 'other', 'vocals'), 86)
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise FileNotFoundError(f"No directory of TFRecords at `{directory}`. It is made by `{COMMAND}`.")
    path = directory / MANIFEST_NAME
    values = read_json(path, "manifest of TFRecords", COMMAND)
    values = dict(values) if isinstance(values, dict) else {}
    kind = check_choice(f"kind of {path}", values.pop("kind", None), MANIFESTS)
    manifest_class = MANIFESTS[kind]
    version = values.get("schema_version")
    if version != manifest_class.schema:
        raise ValueError(
            f"`{path}` has schema version {version!r}; this version reads {manifest_class.schema}. Make the "
            f"records again, into another directory, with `{COMMAND}`."
        )
    fields = {name: value for name, value in values.items() if name != CHECKSUM}
    try:
        manifest = from_dict(manifest_class, fields)
        manifest.check_items()
        if check_shards:
            manifest.check_counts()
    except ValueError as error:
        raise ValueError(f"The manifest `{path}` is damaged: {error} Make the records again.") from error
    without_checksum({"kind": kind, **values}, f"manifest `{path}`")
    manifest = dataclasses.replace(manifest, directory=str(directory))
    if check_shards:
        for shard in manifest.shards:
            check_shard_size(manifest, shard)
    return manifest


def check_kind(manifest: ShardedManifest, kind: str) -> None:
    """Raises ValueError if the records are not of that kind ("audio" or "images")."""
    if manifest.kind != kind:
        raise ValueError(
            f"`data` must be records of {kind}. Received: `{manifest.directory}`, which holds records of "
            f"{manifest.kind} ({manifest.dataset})."
        )
