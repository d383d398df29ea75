"""An image and its label map, drawn together."""

import numpy as np

from keras_d3.images import IGNORED_LABEL
from keras_d3.utils import optional_package

Image = optional_package("PIL.Image", "images", "Drawing scenes")
ImageDraw = optional_package("PIL.ImageDraw", "images", "Drawing scenes")


class Canvas:
    """Draws every shape into an RGB image and, with its class, into a label map of the same size.

    Args:
        height, width: ints, pixels.
        rng: `numpy.random.Generator` of colors and textures.
        label: int, class of the empty canvas.
        color: (red, green, blue), its color, 0 to 255.
    """

    def __init__(self, height, width, rng, label=IGNORED_LABEL, color=(0, 0, 0)):
        self.height, self.width, self.rng = height, width, rng
        self._image = Image.new("RGB", (width, height), tuple(color))
        self._label = Image.new("L", (width, height), label)
        self._draw_image, self._draw_label = ImageDraw.Draw(self._image), ImageDraw.Draw(self._label)

    def shape(self, kind, points, label, color):
        """Draws a shape: "rectangle" and "ellipse" by corners, "polygon" by points, as (x, y) pairs.

        Args:
            kind: name of the shape.
            points: list of (x, y).
            label: class, or None to paint over what is there without changing its class.
            color: (red, green, blue).
        """
        points = [(round(x), round(y)) for x, y in points]
        if kind != "polygon":
            (left, top), (right, bottom) = points
            points = [(min(left, right), min(top, bottom)), (max(left, right), max(top, bottom))]
        getattr(self._draw_image, kind)(points, fill=tuple(int(value) for value in np.clip(color, 0, 255)))
        if label is not None:
            getattr(self._draw_label, kind)(points, fill=label)

    def line(self, points, label, color, width):
        """Draws a line of a width of at least one pixel."""
        points = [(round(x), round(y)) for x, y in points]
        width = max(1, round(width))
        self._draw_image.line(points, tuple(int(value) for value in np.clip(color, 0, 255)), width)
        if label is not None:
            self._draw_label.line(points, label, width)

    def around(self, color, amount=18):
        """Returns a color near `color`."""
        return np.clip(np.asarray(color) + self.rng.integers(-amount, amount + 1, 3), 0, 255)

    @property
    def label(self):
        """The label map, uint8 (height, width)."""
        return np.array(self._label)

    def pixels(self, noise, textures=()):
        """Returns the image as uint8 (height, width, 3), with noise and a texture on some classes.

        Args:
            noise: float, standard deviation of the noise on every pixel.
            textures: dict of `class -> function of (rows, columns, rng) that returns a factor per pixel`.
        """
        image = np.array(self._image).astype("float64")
        label = self.label
        rows, columns = np.mgrid[0 : self.height, 0 : self.width]
        for name, texture in dict(textures).items():
            chosen = label == name
            if chosen.any():
                image[chosen] *= texture(rows, columns, self.rng)[chosen][:, None]
        light = 1 + 0.12 * np.cos(2 * np.pi * (columns / self.width + self.rng.random()))[:, :, None]
        image = image * light + self.rng.normal(0, noise, image.shape)
        return np.clip(np.round(image), 0, 255).astype("uint8")
