"""Base class of upsampling by two in time: new samples between the old ones."""

import keras
from keras import ops

from keras_d3.utils import check_choice


class InterleavingUpsampling1D(keras.layers.Layer):
    """Base of layers that put one new sample after each old one (not for use by itself).

    A subclass computes the new samples in `between` from each sample and its successor, and says
    what follows the last sample in `after_last`.

    Args:
        padding: `"same"` (2 * time samples: the last one is made with `after_last`) or `"valid"`
            (2 * time - 1 samples: only what lies between two given ones).
    """

    def __init__(self, padding="same", **kwargs):
        super().__init__(**kwargs)
        self.padding = check_choice("padding", padding, ("same", "valid"))
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def between(self, samples, successors):
        """Returns the new samples, one after each of `samples`."""
        raise NotImplementedError

    def after_last(self, last):
        """Returns what stands for the successor of the `last` sample with padding "same"."""
        raise NotImplementedError

    def call(self, inputs):
        last = inputs[:, -1:]
        successors = ops.concatenate([inputs[:, 1:], self.after_last(last)], axis=1)
        pairs = ops.stack([inputs, self.between(inputs, successors)], axis=2)
        batch, num_samples, channels = ops.shape(inputs)
        # (batch, time, 2, channels) -> (batch, 2 * time, channels): old, new, old, new, ...
        outputs = ops.reshape(pairs, (batch, 2 * num_samples, channels))
        return outputs if self.padding == "same" else outputs[:, :-1]

    def compute_output_shape(self, input_shape):
        batch, num_samples, channels = input_shape
        if num_samples is not None:
            num_samples = 2 * num_samples - (self.padding == "valid")
        return (batch, num_samples, channels)

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}
