"""Metadata of segmenters, read and checked before anything is loaded. No TensorFlow."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_d3.export import METADATA_FILE, metadata_fault, read_metadata
from keras_d3.images import LabelSet
from keras_d3.settings import SegmenterConfig, from_dict


def segmenter_config(
    metadata: Mapping[str, Any], changes: Mapping[str, Any] | None = None
) -> SegmenterConfig:
    """Returns the settings that the metadata of a segmenter state, with changes.

    Raises:
        ValueError: a setting is unknown or out of range.
    """
    config = from_dict(SegmenterConfig, metadata.get("segmentation"), "segmentation")
    return config.changed(changes)


def read_segmenter_metadata(path: str | Path) -> dict[str, Any]:
    """Reads the metadata of a segmenter's SavedModel, without loading its graph.

    Args:
        path: directory of the SavedModel.

    Returns:
        dict, see `Segmenter`.

    Raises:
        FileNotFoundError: there is no SavedModel, or one that is no segmenter.
        ValueError: the metadata are damaged, of another schema version, or a separator's.
    """
    metadata = read_metadata(path, "segmenter", ("classes", "palette", "normalization"))
    try:
        from_dict(LabelSet, {"names": metadata["classes"], "palette": metadata["palette"]})
    except ValueError as error:
        raise metadata_fault(Path(path) / METADATA_FILE, str(error)) from error
    return metadata
