"""Images in, label maps and overlays out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_d3.images import LABEL_IDS, benchmark_labels, overlay, read_image, write_image, write_labels
from keras_d3.utils import check_choice

if TYPE_CHECKING:
    from keras_d3.segmentation.graph_segmenter import GraphSegmenter


def segment_file(
    segmenter: GraphSegmenter,
    path: str | Path,
    out_dir: str | Path,
    opacity: float = 0.5,
    label_ids: str = "classes",
) -> list[Path]:
    """Segments an image file into `out_dir/<name>_labels.png` and `out_dir/<name>_overlay.png`.

    The first has the class numbers as values (8 bits, with the classes' colors as its palette), the second
    shows the image under these colors. Both have the image's size. With `label_ids="dataset"` there is one
    file for the server of a benchmark instead, see `keras_d3.images.BenchmarkLabels`.

    Args:
        segmenter: `Segmenter`, or the `GraphSegmenter` that `load_segmenter` returns.
        path: image file of any format that Pillow reads; its EXIF orientation is applied.
        out_dir: directory; made when needed. Files of an earlier segmentation are replaced.
        opacity: float from 0 to 1, weight of the colors in the overlay.
        label_ids: `"classes"`, or `"dataset"` for the data set's own ids under the server's file name.

    Returns:
        List of the `pathlib.Path`s.

    Raises:
        FileNotFoundError: there is no file at `path`.
        ValueError: it is no image, `opacity` is out of range, the segmenter has more classes than 8 bits
            can count, or classes of no benchmark for `label_ids="dataset"`.

    Example:

    >>> segment_file(load_segmenter("d3net"), "street.jpg", "labels")
    [PosixPath('labels/street_labels.png'), PosixPath('labels/street_overlay.png')]
    """
    files = label_files(segmenter.classes, Path(path).stem, out_dir, label_ids)
    image = read_image(path)
    labels, _ = segmenter.segment(image)
    write_segmentation(segmenter, image, labels, files, opacity, label_ids)
    return files


def label_files(
    classes: tuple[str, ...], name: str, out_dir: str | Path, label_ids: str = "classes"
) -> list[Path]:
    """Returns the paths that `segment_file` writes for an image: of the label map, and of the overlay if any.

    Args:
        classes: names of the segmenter's classes.
        name: str, the image's name, of its file (without suffix) or in records.
        out_dir, label_ids: see `segment_file`.

    Raises:
        ValueError: `label_ids` is unknown, or the classes are those of no benchmark.
    """
    if check_choice("label_ids", label_ids, LABEL_IDS) == "dataset":
        # Alone: the server wants one file per image.
        return [Path(out_dir) / benchmark_labels(classes).file_name(name)]
    return [Path(out_dir) / f"{name}_{kind}.png" for kind in ("labels", "overlay")]


def write_segmentation(
    segmenter: GraphSegmenter,
    image: np.ndarray,
    labels: np.ndarray,
    files: list[Path],
    opacity: float = 0.5,
    label_ids: str = "classes",
) -> None:
    """Writes the files of a segmented image.

    Args:
        segmenter, opacity, label_ids: see `segment_file`.
        image: uint8 array (height, width, 3), RGB.
        labels: integer array (height, width) of class numbers.
        files: paths from `label_files`: of the label map, and of the overlay if there is to be one.

    Raises:
        ValueError: see `segment_file`.
    """
    picture = overlay(image, labels, segmenter.palette, opacity) if len(files) > 1 else None
    palette = segmenter.palette
    if label_ids == "dataset":
        benchmark = benchmark_labels(segmenter.classes)
        labels, palette = benchmark.encode(labels), palette if benchmark.colors else None
    write_labels(files[0], labels, palette)
    if picture is not None:
        write_image(files[1], picture)
