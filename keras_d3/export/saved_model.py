"""Graph modules as SavedModel directories."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from keras_d3.export.file_checksums import check_files, write_checksums
from keras_d3.export.metadata import EXPORT_COMMAND, METADATA_FILE
from keras_d3.export.model_cards import CARD_FILE, model_card
from keras_d3.utils import atomic_path, path_without_brackets, write_errors, write_json

if TYPE_CHECKING:
    from keras_d3.export.graph import GraphModule

# Two runs of one graph differ by the order of sums only.
TOLERANCE = 1e-5
# The signature that TensorFlow Serving, `saved_model_cli` and others take where none is named.
DEFAULT_SIGNATURE = "serving_default"


def write_saved_model(
    module: GraphModule,
    path: str | Path,
    metadata: Mapping[str, Any],
    overwrite: bool = False,
    check_with: Any = None,
    write_more: Callable[[Path], None] | None = None,
) -> Path:
    """Writes a graph module, metadata and model card as a SavedModel; its functions are the signatures.

    The first of them (`separate`, `segment`) is also the signature `serving_default`.

    Args:
        module: `GraphModule`.
        path: directory; appears whole or not at all.
        metadata: JSON-ready dict.
        overwrite: bool, whether a SavedModel at `path` may be replaced.
        check_with: array, an input (noise) on which the SavedModel is compared with `module` before it gets
            its name; or None, not to check it.
        write_more: function that writes further files below the directory it is given, or None.

    Returns:
        `path` as a `pathlib.Path`.

    Raises:
        FileExistsError: `path` exists and `overwrite` is False, or it is no SavedModel.
        ValueError: the metadata cannot be written as JSON.
        RuntimeError: the check failed.
        OSError: it cannot be written, for instance on a full disk.
    """
    path = Path(path)
    if overwrite and path.exists() and not (path / "saved_model.pb").is_file():
        raise FileExistsError(
            f"`{path}` exists and is no SavedModel, so it is not overwritten. Choose another path."
        )
    with write_errors(path, tf.errors.OpError), atomic_path(path, overwrite=overwrite) as temporary:
        default = next(iter(module.functions.values()))
        signatures = {**module.functions, DEFAULT_SIGNATURE: default}
        tf.saved_model.save(module, str(temporary), signatures=signatures)
        write_json(temporary / METADATA_FILE, metadata)
        (temporary / CARD_FILE).write_text(model_card(metadata), encoding="utf-8")
        if write_more is not None:
            write_more(temporary)
        write_checksums(temporary)
        if check_with is not None:
            _check(module, temporary, tf.constant(check_with, module.inputs.dtype))
    return path


def _check(module, path, example):
    """Compares the SavedModel's floating-point outputs with those of the graphs in memory."""
    with path_without_brackets(path) as readable:
        signatures = tf.saved_model.load(str(readable)).signatures
    for name, function in module.functions.items():
        with _without_graph_optimization():
            saved, in_memory = signatures[name](**{module.inputs.name: example}), function(example)
        for output, expected in in_memory.items():
            if not expected.dtype.is_floating:
                continue
            difference = float(tf.reduce_max(tf.abs(saved[output] - expected)))
            scale = max(1.0, float(tf.reduce_max(tf.abs(expected))))
            if not difference <= TOLERANCE * scale:
                raise RuntimeError(
                    f"The SavedModel gives another {output!r} than the networks in memory: they differ "
                    f"by up to {difference:.3g} on noise (signature {name!r}). Nothing was written: please "
                    "report it."
                )


@contextlib.contextmanager
def _without_graph_optimization():
    """Runs graphs as they are: optimizing one takes longer than running it once."""
    name = "disable_meta_optimizer"
    before = tf.config.optimizer.get_experimental_options().get(name, False)
    tf.config.optimizer.set_experimental_options({name: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({name: before})


def load_saved_model(path: str | Path, kind: str, signatures: Sequence[str]) -> Any:
    """Loads a SavedModel that `write_saved_model` wrote.

    Args:
        path: directory of the SavedModel.
        kind: `"separator"` or `"segmenter"`, for the error.
        signatures: names of the signatures it must have.

    Returns:
        The module, with one attribute per function.

    Raises:
        ValueError: the SavedModel is damaged, or lacks a signature.
    """
    check_files(Path(path), None, kind)
    try:
        with path_without_brackets(path) as readable:
            module = tf.saved_model.load(str(readable))
        for name in signatures:
            _ = module.signatures[name], getattr(module, name)
    # A damaged graph makes TensorFlow raise nearly anything: OpError, IndexError, protobuf's DecodeError, ...
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"The SavedModel `{path}` cannot be loaded as a {kind}: {reason}. "
            f"Make it again by `{EXPORT_COMMAND}`."
        ) from error
    return module
