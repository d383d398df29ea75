"""Metadata of separators, read and checked before anything is loaded. No TensorFlow."""

from pathlib import Path
from typing import Any

from keras_d3.export import METADATA_FILE, metadata_fault, read_metadata
from keras_d3.utils import check_file_name, check_positive_int, check_sample_rate

# More than any format of audio files has.
MAX_CHANNELS = 1024


def read_separator_metadata(path: str | Path) -> dict[str, Any]:
    """Reads the metadata of a separator's SavedModel, without loading its graph.

    Args:
        path: directory of the SavedModel.

    Returns:
        dict, see `Separator`.

    Raises:
        FileNotFoundError: there is no SavedModel, or one that is no separator.
        ValueError: the metadata are damaged or of another schema version.
    """
    metadata = read_metadata(path, "separator", ("sample_rate_hz", "channels", "sources"))
    try:
        _check_metadata(metadata)
    except ValueError as error:
        raise metadata_fault(Path(path) / METADATA_FILE, str(error)) from error
    return metadata


def _check_metadata(metadata):
    check_sample_rate("sample_rate_hz", metadata["sample_rate_hz"])
    check_positive_int("channels", metadata["channels"], 1, MAX_CHANNELS)
    sources = metadata["sources"]
    if not isinstance(sources, list) or not sources:
        raise ValueError(f"`sources` must be a list of names. Received: sources={sources!r}.")
    for source in sources:
        check_file_name("sources", source)
    separation = metadata.get("separation") or {}
    for name in ("sample_rate_hz", "channels"):
        if separation.get(name, metadata[name]) != metadata[name]:
            raise ValueError(
                f"`separation.{name}` must be `{name}`, {metadata[name]!r}. Received: {separation[name]!r}."
            )
