"""The graph from an image of any size to class probabilities and labels."""

from typing import Any

import keras
import tensorflow as tf

from keras_d3.export import GraphModule, GraphNetwork, loop
from keras_d3.ops import resize_bilinear
from keras_d3.settings import SegmenterConfig

# The poolings of some networks leave nothing of smaller images.
MINIMUM_SIZE = 32
MAX_UINT8_CLASSES = 256


class SegmentationGraph(GraphModule):
    """A segmentation network with all that surrounds it, as one graph.

    For every scale and mirror image: resize the pixels bilinearly; normalize; pass them through the network,
    whole or window by window; resize the logits to the image's size; softmax. The probabilities are
    averaged; the label is the most probable class, the lowest number among equals. Images smaller than 32
    pixels, or than a window, are padded with the mean color and the labels cropped.

    Args:
        network: `keras.Model`, normalized images (batch, height, width, 3) to logits (batch, any height, any
            width, classes) or a dict with `logits`; or `SavedNetwork`.
        config: `SegmenterConfig`.

    Attributes:
        network: graph function of the network alone, which a SavedModel carries along for other settings.
        segment: graph function from `image`, uint8 (height, width, 3), to `labels`, uint8 (height, width)
            (int32 for more than 256 classes), and `probabilities`, float32 (height, width, classes).

    Raises:
        ValueError: the network does not fit.
        RuntimeError: Keras runs on another backend than TensorFlow.
    """

    def __init__(self, network: keras.Model, config: SegmenterConfig):
        self.num_classes = len(config.label_set)
        if not isinstance(network, SavedNetwork):
            _check_network(network, self.num_classes)
            network = GraphNetwork(network, (None, None, 3))
        self._network = network
        self.network = network.function
        super().__init__(
            "segmentation",
            [self._network],
            tf.TensorSpec((None, None, 3), tf.uint8, name="image"),
            {"segment": config},
        )

    def call(self, inputs: tf.Tensor, settings: SegmenterConfig) -> dict[str, tf.Tensor]:
        pixels = tf.cast(inputs, tf.float32)[tf.newaxis]
        total, count = 0.0, 0
        for scale in settings.scales:
            scaled = _scaled(pixels, scale)
            for flip in (False, True) if settings.flip else (False,):
                normalized = settings.normalization(scaled)
                logits = self._logits(normalized[:, :, ::-1] if flip else normalized, settings)
                logits = logits[:, :, ::-1] if flip else logits
                logits = tf.image.resize(logits, tf.shape(inputs)[:2]) if scale != 1 else logits
                total, count = total + tf.nn.softmax(logits[0]), count + 1
        probabilities = total / count if count > 1 else total
        dtype = tf.uint8 if self.num_classes <= MAX_UINT8_CLASSES else tf.int32
        labels = tf.cast(tf.argmax(probabilities, axis=-1, output_type=tf.int32), dtype)
        return {"labels": labels, "probabilities": probabilities}

    def _logits(self, inputs, config):
        """Logits (1, height, width, classes) of normalized images of one size."""
        size = tf.shape(inputs)[1:3]
        window = config.window
        minimum = (MINIMUM_SIZE, MINIMUM_SIZE) if window is None else window
        # Zeros are the mean color.
        missing = tf.maximum(tf.constant(minimum) - size, 0)
        inputs = tf.pad(inputs, [(0, 0), (0, missing[0]), (0, missing[1]), (0, 0)])
        inputs = tf.ensure_shape(inputs, (1, None, None, 3))
        logits = self._whole(inputs, config) if window is None else self._windows(inputs, config)
        return logits[:, : size[0], : size[1]]

    def _whole(self, inputs, config):
        logits = self._network(inputs)
        logits = logits["logits"] if isinstance(logits, dict) else logits
        size = tf.shape(inputs)[1:3]
        # At equal size every weight of a neighbor is exactly zero.
        return resize_bilinear(logits, size, half_pixel=config.resize == "half_pixel")

    def _windows(self, inputs, config):
        """Sum of the logits of all windows that hold a pixel, divided by their number."""
        (height, width), (step_down, step_right) = config.window, config.stride
        size = tf.shape(inputs)[1:3]
        rows = -(-(size[0] - height) // step_down) + 1
        columns = -(-(size[1] - width) // step_right) + 1
        shape = (1, size[0], size[1], self.num_classes)

        def body(state):
            index = state["index"]
            top = tf.minimum(index // columns * step_down, size[0] - height)
            left = tf.minimum(index % columns * step_right, size[1] - width)
            part = tf.ensure_shape(inputs[:, top : top + height, left : left + width], (1, height, width, 3))
            padding = [
                (0, 0),
                (top, size[0] - height - top),
                (left, size[1] - width - left),
                (0, 0),
            ]
            return {
                "index": index + 1,
                "total": state["total"] + tf.pad(self._whole(part, config), padding),
                "count": state["count"] + tf.pad(tf.ones((1, height, width, 1)), padding),
            }

        state = {
            "index": tf.constant(0),
            "total": tf.ensure_shape(tf.zeros(shape), (1, None, None, self.num_classes)),
            "count": tf.ensure_shape(tf.zeros((*shape[:3], 1)), (1, None, None, 1)),
        }
        state = loop(lambda state: state["index"] < rows * columns, body, state)
        return state["total"] / state["count"]


class SavedNetwork:
    """The network of a segmenter's SavedModel, for a graph with other settings around it.

    Args:
        module: the loaded SavedModel of a `SegmentationGraph`.

    Attributes:
        function: its function of normalized images, float32 (batch, height, width, 3).
        variables: list of `tf.Variable`, all that the function reads.

    Raises:
        ValueError: the SavedModel was made before it carried its network.
    """

    def __init__(self, module: Any):
        if not hasattr(module, "network"):
            raise ValueError(
                "The settings of this segmenter cannot be changed: its SavedModel has no function `network`. "
                "Make it again by `keras-d3 export` or `keras-d3 convert`."
            )
        # The module owns the variables.
        self._module = module
        self.function = module.network
        self.variables = list(module.network_variables)

    def __call__(self, inputs: tf.Tensor) -> Any:
        return self.function(inputs)


def _scaled(pixels, scale):
    if scale == 1:
        return pixels
    size = tf.cast(tf.shape(pixels)[1:3], tf.float32)
    return tf.image.resize(pixels, tf.maximum(tf.cast(tf.round(size * scale), tf.int32), 1))


def _check_network(network, num_classes):
    shape = tuple(network.input_shape) if hasattr(network, "input_shape") else None
    if shape != (None, None, None, 3):
        raise ValueError(
            "`network` must take images (batch, height, width, 3) of any size. "
            f"Received: input_shape={shape}. Build it with unknown height and width."
        )
    outputs = network.output
    logits = outputs.get("logits") if isinstance(outputs, dict) else outputs
    if getattr(logits, "shape", (None,))[-1] != num_classes:
        raise ValueError(
            "`network` must give one logit per class of `label_set`, as its output or under `logits`. "
            f"Received: {num_classes} classes, output {logits!r}."
        )
