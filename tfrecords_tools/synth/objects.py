"""Pictures of one to three objects on a background, with the 21 classes of PASCAL VOC."""

import numpy as np

from keras_d3.images import IGNORED_LABEL, VOC
from tfrecords_tools.synth.canvas import Canvas

SHAPES = ("ellipse", "rectangle", "triangle", "cross", "ring")
COLORS = ((205, 60, 50), (60, 170, 70), (70, 90, 215), (215, 190, 60))


def object_picture(height, width, rng, number=0):
    """Draws a picture; every object has an outline of no class, as in the data set.

    Class `1 + 4 s + c` is shape `s` in color `c`. Classes come in turns, so that twenty pictures have all.

    Args:
        height, width: ints, pixels, at least 32.
        rng: `numpy.random.Generator`.
        number: int, the picture's number; chooses the class of its first object.

    Returns:
        `(image, label)`: uint8 (height, width, 3) and uint8 (height, width).
    """
    canvas = Canvas(height, width, rng, 0, rng.integers(90, 170, 3))
    classes = [1 + number % (len(VOC) - 1), *rng.integers(1, len(VOC), rng.integers(0, 3))]
    places = rng.permutation(3)[: len(classes)]
    for kind, place in zip(classes, places, strict=True):
        size = min(height, width / 3) * rng.uniform(0.65, 0.95) / 2
        x = (place + 0.5) * width / 3 + rng.uniform(-0.05, 0.05) * width / 3
        y = height / 2 + rng.uniform(-0.5, 0.5) * (height - 2 * size)
        shape, color = SHAPES[(kind - 1) // len(COLORS)], canvas.around(COLORS[(kind - 1) % len(COLORS)])
        outline = max(1, round(min(height, width) / 64))
        _draw(canvas, shape, x, y, size + outline, IGNORED_LABEL, np.array(color) * 0.7)
        _draw(canvas, shape, x, y, size, int(kind), color)
        if shape == "ring":
            inner = size * 0.45
            _draw(canvas, "ellipse", x, y, inner + outline, IGNORED_LABEL, np.array(color) * 0.7)
            _draw(canvas, "ellipse", x, y, inner, 0, (128, 128, 128))
    return canvas.pixels(noise=8.0), canvas.label


def _draw(canvas, shape, x, y, size, label, color):
    box = [(x - size, y - size), (x + size, y + size)]
    if shape == "triangle":
        canvas.shape("polygon", [(x, y - size), (x + size, y + size), (x - size, y + size)], label, color)
    elif shape == "cross":
        arm = size * 0.4
        canvas.shape("rectangle", [(x - size, y - arm), (x + size, y + arm)], label, color)
        canvas.shape("rectangle", [(x - arm, y - size), (x + arm, y + size)], label, color)
    elif shape == "rectangle":
        canvas.shape("rectangle", [(x - size, y - 0.7 * size), (x + size, y + 0.7 * size)], label, color)
    else:
        canvas.shape("ellipse", box, label, color)
