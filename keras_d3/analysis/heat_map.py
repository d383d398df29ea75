"""Maps of effective receptive fields as pictures: black is exactly zero."""

import numpy as np

from keras_d3.utils import atomic_path, check_positive_int, optional_package

DECADES = 6
# Gray level of the smallest values other than zero, which must not look black.
DARKEST = 56
MAX_PIXELS = 4000
_CURVE_HEIGHT, _STRIP_HEIGHT = 160, 20
_GAP, _LINE, _NARROWEST = 16, 15, 250
_WHITE = 255


def gray_levels(values):
    """Returns gray levels of a map: 0 for exact zeros alone, 255 for the maximum.

    In between the scale is logarithmic over six decades, from 255 down to 56: smaller values than a
    millionth of the maximum, except zero, are 56 too. The paper's pictures seem to be linear (it does
    not say), where most small values look black.

    Args:
        values: array of numbers of at least 0.

    Returns:
        uint8 array of the same shape.

    Example:

    >>> import numpy as np
    >>> from keras_d3.analysis.heat_map import gray_levels
    >>> gray_levels(np.array([0.0, 1e-30, 1e-3, 1.0])).tolist()
    [0, 56, 156, 255]
    """
    values = np.asarray(values, "float64")
    levels = np.zeros(values.shape, "uint8")
    lit = values > 0
    if lit.any():
        decades = np.log10(values[lit]) - np.log10(values.max())
        share = np.clip(1 + decades / DECADES, 0, 1)
        levels[lit] = np.rint(DARKEST + (_WHITE - DARKEST) * share)
    return levels


def heat_map(values, enlarge=10, max_pixels=MAX_PIXELS):
    """Draws a map, every value as a square of `enlarge` x `enlarge` pixels (nearest neighbor).

    Two dimensions: the gray levels. One dimension: a curve of the gray levels above a strip of them, with
    no bar over exact zeros. A picture that would be larger than `max_pixels` is enlarged less, down to a
    pixel per value; a longer sequence is drawn with the maximum of several values per column, a larger
    map as it is.

    Args:
        values: array (time,) or (height, width) of numbers of at least 0.
        enlarge: int, at least 1.
        max_pixels: int, largest width or height in pixels.

    Returns:
        uint8 array (height, width) of gray levels.

    Example:

    >>> import numpy as np
    >>> from keras_d3.analysis.heat_map import heat_map
    >>> heat_map(np.eye(2), enlarge=2).tolist()
    [[255, 255, 0, 0], [255, 255, 0, 0], [0, 0, 255, 255], [0, 0, 255, 255]]
    """
    check_positive_int("enlarge", enlarge)
    check_positive_int("max_pixels", max_pixels)
    values = np.asarray(values, "float64")
    if values.ndim == 1 and len(values) > max_pixels:
        width = -(-len(values) // max_pixels)
        values = np.pad(values, (0, -len(values) % width)).reshape(-1, width).max(axis=1)
    enlarge = max(1, min(enlarge, max_pixels // max(values.shape)))
    levels = gray_levels(values)
    if levels.ndim == 2:
        return levels.repeat(enlarge, axis=0).repeat(enlarge, axis=1)
    levels = levels.repeat(enlarge)
    heights = np.ceil(levels / _WHITE * _CURVE_HEIGHT)
    from_below = np.arange(_CURVE_HEIGHT, 0, -1)[:, None]
    curve = np.where(from_below <= heights, _WHITE, 0).astype("uint8")
    ruler = np.full((4, len(levels)), 128, "uint8")
    return np.concatenate([curve, ruler, np.tile(levels, (_STRIP_HEIGHT, 1))])


def common_window(fields, margin=1):
    """Returns per axis the (first, last) offset from the position that covers all bounding boxes.

    Raises:
        ValueError: a map has no value other than 0.
    """
    boxes = [field.bounding_box for field in fields]
    if None in boxes:
        raise ValueError("A map without any value other than 0 cannot be drawn.")
    windows = []
    for axis in range(fields[0].map.ndim):
        ends = [
            (box[axis][0] - field.position[axis], box[axis][1] - field.position[axis])
            for box, field in zip(boxes, fields, strict=True)
        ]
        windows.append((min(first for first, _ in ends) - margin, max(last for _, last in ends) + margin))
    return windows


def cut_out(field, window):
    """Returns the part of a field's map within a window around its position, padded with zeros."""
    values, starts = field.map, []
    for axis, (first, last) in enumerate(window):
        start, stop = field.position[axis] + first, field.position[axis] + last + 1
        amounts = [(0, 0)] * values.ndim
        amounts[axis] = (max(0, -start), max(0, stop - values.shape[axis]))
        values = np.pad(values, amounts)
        starts.append(slice(max(0, start), max(0, start) + stop - start))
    return values[tuple(starts)]


def save_figure(path, rows):
    """Writes pictures side by side, each under its caption, on a white page.

    Args:
        path: str or Path of the PNG.
        rows: list of rows; each a list of (caption, uint8 array of gray levels). Captions may have
            several lines.
    """
    Image, ImageDraw, ImageFont = (_pillow(name) for name in ("Image", "ImageDraw", "ImageFont"))
    font = ImageFont.load_default()
    rows = [list(row) for row in rows]
    placed, top, page_width = [], _GAP, 0
    for row in rows:
        head = max(len(caption.splitlines()) for caption, _ in row) * _LINE
        left = _GAP
        for caption, picture in row:
            placed.append((left, top, caption, top + head, picture))
            left += max(picture.shape[1], _NARROWEST) + _GAP
        page_width = max(page_width, left)
        top += head + max(picture.shape[0] for _, picture in row) + _GAP
    page = Image.new("L", (page_width, top), _WHITE)
    draw = ImageDraw.Draw(page)
    for left, upper, caption, lower, picture in placed:
        for index, line in enumerate(caption.splitlines()):
            draw.text((left, upper + index * _LINE), line, fill=0, font=font)
        page.paste(Image.fromarray(picture), (left, lower))
    save_png(path, page)


def save_png(path, picture):
    """Writes a uint8 array of gray levels (height, width), or a Pillow image, as a PNG."""
    Image = _pillow("Image")
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    with atomic_path(path) as temporary:
        image.save(temporary, format="PNG", optimize=True)


def _pillow(name):
    return optional_package(f"PIL.{name}", "evaluation", "Writing figures")
