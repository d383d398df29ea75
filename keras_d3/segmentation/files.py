"""One image file in, a label map and an overlay out."""

from pathlib import Path

from keras_d3.images import overlay, read_image, write_image, write_labels
from keras_d3.segmentation.graph_segmenter import GraphSegmenter


def segment_file(
    segmenter: GraphSegmenter, path: str | Path, out_dir: str | Path, opacity: float = 0.5
) -> list[Path]:
    """Segments an image file into `out_dir/<name>_labels.png` and `out_dir/<name>_overlay.png`.

    The first has the class numbers as values (8 bits, with the classes' colors as its palette), the second
    shows the image under these colors. Both have the image's size.

    Args:
        segmenter: `Segmenter`, or the `GraphSegmenter` that `load_segmenter` returns.
        path: image file of any format that Pillow reads; its EXIF orientation is applied.
        out_dir: directory; made when needed. Files of a earlier segmentation are replaced.
        opacity: float from 0 to 1, weight of the colors in the overlay.

    Returns:
        List of the two `pathlib.Path`s.

    Raises:
        FileNotFoundError: there is no file at `path`.
        ValueError: it is no image, `opacity` is out of range, or the segmenter has more classes than 8 bits
            can count.

    Example:

    >>> segment_file(load_segmenter("d3net"), "street.jpg", "labels")
    [PosixPath('labels/street_labels.png'), PosixPath('labels/street_overlay.png')]
    """
    path, out_dir = Path(path), Path(out_dir)
    image = read_image(path)
    labels, _ = segmenter.segment(image)
    picture = overlay(image, labels, segmenter.palette, opacity)
    files = [out_dir / f"{path.stem}_{kind}.png" for kind in ("labels", "overlay")]
    write_labels(files[0], labels, segmenter.palette)
    write_image(files[1], picture)
    return files
