"""Graphs as SavedModel directories."""

from pathlib import Path

import tensorflow as tf

from keras_d3.export.metadata import METADATA_FILE
from keras_d3.utils import atomic_path, write_json

# Two runs of one graph differ by the order of sums only.
TOLERANCE = 1e-5


def write_saved_model(module, signatures, path, metadata, overwrite=False, check=None, write_more=None):
    """Writes a module with its graph functions and its metadata as a SavedModel.

    Args:
        module: `tf.Module`.
        signatures: dict of `name: concrete function`.
        path, metadata, overwrite, write_more: see `export_saved_model`.
        check: function that is given the finished SavedModel before it gets its name, to raise; or None.

    Returns:
        `path` as a `pathlib.Path`.

    Raises:
        FileExistsError: `path` exists and `overwrite` is False, or it is no SavedModel.
        ValueError: the metadata cannot be written as JSON.
    """
    path = Path(path)
    if overwrite and path.exists() and not (path / "saved_model.pb").is_file():
        raise FileExistsError(
            f"`{path}` exists and is no SavedModel, so it is not overwritten. Choose another path."
        )
    with atomic_path(path, overwrite=overwrite) as temporary:
        tf.saved_model.save(module, str(temporary), signatures=signatures)
        write_json(temporary / METADATA_FILE, metadata)
        if write_more is not None:
            write_more(temporary)
        if check is not None:
            check(temporary)
    return path
