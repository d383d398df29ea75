"""Inputs to measure effective receptive fields with: random arrays, and images as a network takes them."""

from pathlib import Path

import numpy as np

from keras_d3.images import read_image
from keras_d3.models import presets
from keras_d3.utils import check_positive_int

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")


def random_inputs(shape, count, seed, scale=1.0):
    """Draws independent normal values.

    Args:
        shape: ints (..., channels), without the batch.
        count: int, number of inputs.
        seed: int, random seed.
        scale: float, standard deviation.

    Yields:
        float32 arrays (1, *shape).

    Raises:
        ValueError: `count` is no positive integer.
    """
    check_positive_int("num_random_inputs", count)
    generator = np.random.default_rng(seed)
    for _ in range(count):
        yield (scale * generator.standard_normal((1, *shape))).astype("float32")


def input_std(model):
    """Returns the standard deviation of random inputs that suits a network.

    Args:
        model: `keras.Model`.

    Returns:
        float: 0.1 for waveforms, so that no output is clipped, behind which every gradient is 0; else 1.0.
    """
    return 0.1 if len(model.inputs[0].shape) == 3 else 1.0


def input_shape(model, size=None):
    """Returns the shape of a network's input, without the batch.

    Args:
        model: `keras.Model`.
        size: sequence of ints, one per axis of unknown size, or one for all of them.

    Returns:
        Tuple of ints (..., channels).

    Raises:
        ValueError: `size` has too many or too few entries.
    """
    *known, channels = model.inputs[0].shape[1:]
    unknown = known.count(None)
    sizes = list(size or ())
    if len(sizes) == 1 and unknown:
        sizes *= unknown
    if len(sizes) != unknown:
        raise ValueError(
            f"`size` must fill the {unknown} unknown axes of the input {(*known, channels)}. "
            f"Received: size={size!r}."
        )
    return (*(sizes.pop(0) if axis is None else axis for axis in known), channels)


def image_inputs(directory, model):
    """Reads the images of a directory, normalized as the network's preset says.

    Args:
        directory: str or Path with image files.
        model: `keras.Model` named like its preset. One of another name gets pixels from 0 to 255.

    Returns:
        Iterator of float32 arrays (1, height, width, 3), in the order of the file names.

    Raises:
        FileNotFoundError: there are no images.
        ValueError: the network does not read RGB images.
    """
    preset = presets().get(model.name)
    if preset is not None and preset.normalization is None:
        raise ValueError(
            f"Images need a network that reads RGB images. Received: '{preset.name}', which works on "
            f"a {preset.task}."
        )
    files = sorted(path for path in Path(directory).glob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise FileNotFoundError(f"No images in `{directory}` ({', '.join(IMAGE_SUFFIXES)}).")

    def read(file):
        pixels = read_image(file).astype("float32")
        return (pixels if preset is None else preset.normalization(pixels))[np.newaxis]

    return map(read, files)
