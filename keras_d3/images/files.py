"""Image files in and out of NumPy, and label maps in colors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_d3.images.decoding import decode_image
from keras_d3.utils import atomic_path, optional_package

# (red, green, blue), 0 to 255.
Color = tuple[int, int, int]
BLACK = (0, 0, 0)


def colorize(labels: np.ndarray, palette: Sequence[Color], other: Color = BLACK) -> np.ndarray:
    """Returns a label map in the colors of its classes.

    Args:
        labels: integer array (height, width).
        palette: sequence of (red, green, blue), one per class, 0 to 255.
        other: (red, green, blue) for numbers that are no class, such as 255.

    Returns:
        uint8 array (height, width, 3).

    Raises:
        ValueError: `labels` is no integer array of two axes.

    Example:

    >>> import numpy as np
    >>> from keras_d3.images.files import colorize
    >>> colorize(np.array([[0, 255, 1]]), [(1, 2, 3), (4, 5, 6)]).tolist()
    [[[1, 2, 3], [0, 0, 0], [4, 5, 6]]]
    """
    labels = np.asarray(labels)
    if labels.ndim != 2 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            "`labels` must be an integer array (height, width). "
            f"Received: shape={labels.shape}, dtype={labels.dtype}."
        )
    colors = np.asarray([*palette, other], "uint8")
    is_class = (labels >= 0) & (labels < len(palette))
    return colors[np.where(is_class, labels, len(palette))]


def overlay(
    image: np.ndarray, labels: np.ndarray, palette: Sequence[Color], opacity: float = 0.5
) -> np.ndarray:
    """Returns an image with the colors of its classes laid over it; numbers that are no class stay clear.

    Args:
        image: uint8 array (height, width, 3), RGB.
        labels: integer array (height, width).
        palette: as of `colorize`.
        opacity: float from 0 to 1, weight of the colors.

    Returns:
        uint8 array (height, width, 3).

    Raises:
        ValueError: sizes differ, or `opacity` is out of range.

    Example:

    >>> import numpy as np
    >>> from keras_d3.images.files import overlay
    >>> overlay(np.full((1, 1, 3), 100, "uint8"), np.array([[0]]), [(0, 100, 200)]).tolist()
    [[[50, 100, 150]]]
    """
    image, labels = np.asarray(image), np.asarray(labels)
    if image.shape != (*labels.shape, 3):
        raise ValueError(
            "`image` must have the height and width of `labels`, and three channels. "
            f"Received: image shape={image.shape}, labels shape={labels.shape}."
        )
    if isinstance(opacity, bool) or not 0 <= opacity <= 1:
        raise ValueError(f"`opacity` must be a number from 0 to 1. Received: opacity={opacity!r}.")
    colors = colorize(labels, palette).astype("float32")
    mixed = np.round((1 - opacity) * image + opacity * colors).astype("uint8")
    is_class = (labels >= 0) & (labels < len(palette))
    return np.where(is_class[..., np.newaxis], mixed, image)


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Writes a uint8 array (height, width, 3) as a picture; the suffix of `path` is its format."""
    Image = optional_package("PIL.Image", "images", "Writing images")

    with atomic_path(path) as temporary:
        Image.fromarray(np.ascontiguousarray(image, "uint8")).save(temporary)


def write_labels(path: str | Path, labels: np.ndarray, palette: Sequence[Color] | None) -> None:
    """Writes a label map as a PNG whose values are the class numbers, shown in the classes' colors.

    The format of PASCAL VOC's label images: 8 bits per pixel that index a palette of 256 colors. Without a
    palette, that of Cityscapes' `labelIds`: one channel of 8 bits.

    Args:
        path: str or Path.
        labels: integer array (height, width).
        palette: as of `colorize`, or None for a grayscale image.

    Raises:
        ValueError: `labels` is no array (height, width) of numbers from 0 to 255.
    """
    Image = optional_package("PIL.Image", "images", "Writing images")

    labels = np.asarray(labels)
    is_map = labels.ndim == 2 and np.issubdtype(labels.dtype, np.integer)
    if not is_map or (labels.size and (labels.min() < 0 or labels.max() > 255)):
        raise ValueError(
            "`labels` must be an array (height, width) of class numbers from 0 to 255. "
            f"Received: shape={labels.shape}, dtype={labels.dtype}."
        )
    image = Image.fromarray(np.ascontiguousarray(labels, "uint8"))
    if palette is not None:
        image.putpalette(np.asarray(palette, "uint8").tobytes() + bytes(3 * (256 - len(palette))))
    with atomic_path(path) as temporary:
        image.save(temporary, format="PNG")


def read_image(path: str | Path) -> np.ndarray:
    """Reads a picture as a uint8 array (height, width, 3), RGB; see `decode_image`.

    Raises:
        FileNotFoundError: there is no file at `path`.
        ValueError: it is no picture, broken, gigantic, or of samples that 8 bits cannot show.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"No image at `{path}`.") from None
    except IsADirectoryError:
        raise ValueError(f"`{path}` must be an image file that Pillow reads (it is a folder).") from None
    return decode_image(data, str(path))
