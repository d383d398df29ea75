"""Label maps of segmentation data sets, read as class numbers."""

import io
from pathlib import Path

import numpy as np

from keras_d3.images import CITYSCAPES_IDS, IGNORED_LABEL
from keras_d3.utils import check_choice, optional_package
from tfrecords_tools.pictures import open_file

Image = optional_package("PIL.Image", "images", "Reading label maps")

# Ids of Cityscapes that are not among `CITYSCAPES_IDS` are not evaluated.
LAST_CITYSCAPES_ID = 33


def read_label(path: str | Path, coding: str, num_classes: int) -> tuple[np.ndarray, bytes]:
    """Reads a label map.

    Args:
        path: str or Path.
        coding: str, "indices" (palette or grayscale PNG of class numbers), "cityscapes_ids" (grayscale PNG of
            Cityscapes' ids) or "sbd" (.mat of the Semantic Boundaries Dataset).
        num_classes: int; labels are 0 to `num_classes - 1`, or 255.

    Returns:
        `(label, encoded)`: uint8 (height, width), and the bytes of a grayscale PNG of it.

    Raises:
        ValueError: the file cannot be read, or holds other labels.
    """
    label, encoded = CODINGS[check_choice("coding", coding, CODINGS)](Path(path))
    _check_range(path, label, num_classes)
    if encoded is None:
        buffer = io.BytesIO()
        Image.fromarray(label).save(buffer, "PNG")
        encoded = buffer.getvalue()
    return label, encoded


def _open_labels(path, modes):
    """Returns `(picture, data)` of a PNG of one of Pillow's color modes."""
    picture, data = open_file(path)
    if picture.format != "PNG" or picture.mode not in modes:
        raise ValueError(
            f"`{path}` must be PNG of mode {' or '.join(modes)}. "
            f"Received: {picture.format} of mode {picture.mode}. {_conversion(picture)}"
        )
    return picture, data


def _conversion(picture):
    if picture.format != "PNG":
        return "Lossy formats change class numbers: make label maps as PNG."
    if picture.mode in ("1", "P", "L"):
        return "Save it with one channel of 8 bits, whose values are the class numbers."
    if picture.mode.startswith("I"):
        return "Save it with 8 bits per pixel."
    return "Colors are no class numbers: replace each color by its class number, 0 and up."


def _read_indices(path):
    # The indices of a palette PNG, not its colors, are the classes.
    picture, data = _open_labels(path, ("P", "L"))
    return np.array(picture), data if picture.mode == "L" else None


def _read_cityscapes_ids(path):
    picture, _ = _open_labels(path, ("L",))
    ids = np.array(picture)
    largest = int(ids[ids != IGNORED_LABEL].max(initial=0))
    if largest > LAST_CITYSCAPES_ID:
        raise ValueError(
            f"`{path}` must hold Cityscapes' ids, 0 to {LAST_CITYSCAPES_ID} or {IGNORED_LABEL}. "
            f"Received: {largest}."
        )
    table = np.full(256, IGNORED_LABEL, "uint8")
    table[list(CITYSCAPES_IDS)] = range(len(CITYSCAPES_IDS))
    return table[ids], None


def _read_sbd(path):
    scipy_io = optional_package("scipy.io", "images", "Reading the Semantic Boundaries Dataset")

    try:
        label = scipy_io.loadmat(str(path))["GTcls"]["Segmentation"][0, 0]
    except (ValueError, KeyError, IndexError, TypeError, NotImplementedError, OSError) as error:
        raise ValueError(
            f"`{path}` must be a .mat file of the Semantic Boundaries Dataset with "
            f"GTcls.Segmentation. Received: {type(error).__name__}: {error}."
        ) from error
    return np.ascontiguousarray(label, "uint8"), None


def _check_range(path, label, num_classes):
    wrong = sorted(set(np.unique(label).tolist()) - set(range(num_classes)) - {IGNORED_LABEL})
    if wrong:
        raise ValueError(
            f"`{path}` must hold labels 0 to {num_classes - 1}, or {IGNORED_LABEL}. "
            f"Received: {', '.join(map(str, wrong[:5]))}{', ...' if len(wrong) > 5 else ''}."
        )


CODINGS = {"indices": _read_indices, "cityscapes_ids": _read_cityscapes_ids, "sbd": _read_sbd}
