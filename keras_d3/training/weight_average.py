"""The exponential moving average of a network's weights, kept beside the weights that are trained."""

import contextlib

import keras
import numpy as np


class WeightAverage(keras.callbacks.Callback):
    """Averages all weights over the training steps, and validates with the averages.

        average = weight                                         after the first update of the weights
        average = momentum * average + (1 - momentum) * weight   after every later one

    As `use_ema` of Keras' optimizers, with three differences. Training itself is untouched: Keras replaces
    the trained weights by their averages at the end of every `fit`, here of every stage. Batch
    normalization's moving statistics are averaged too: they follow the trained weights within
    1 / (1 - momentum of the layer) steps, ten in most networks here, and would not be those of averages over
    hundreds. And weights and averages change places exactly, not by sums and differences, so that how
    often is validated changes no bit.

    Args:
        momentum: float in (0, 1); the average reaches back about `1 / (1 - momentum)` updates.
        steps_per_update: int, batches per update of the weights; an epoch is a multiple of it.

    Example:

    >>> average = WeightAverage(0.999)
    >>> model.fit(dataset, validation_data=validation, callbacks=[average])
    >>> with average.in_model():
    ...     model.save("averaged.keras")
    """

    def __init__(self, momentum, steps_per_update=1):
        super().__init__()
        self._momentum = momentum
        self._steps_per_update = steps_per_update
        self._averages = []
        self._update = None

    def set_values(self, values):
        """Goes on from averages that were saved.

        Args:
            values: list of arrays in the order of the model's `weights`.
        """
        self._averages = [keras.Variable(value, dtype=value.dtype.name, trainable=False) for value in values]

    @contextlib.contextmanager
    def in_model(self):
        """Has the averages in the model's weights inside the block only."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def on_train_batch_end(self, batch, logs=None):
        if (batch + 1) % self._steps_per_update:
            return
        if keras.backend.backend() == "jax":
            # Inside of `fit` JAX keeps the weights elsewhere.
            self.model.jax_state_sync()
        if not self._averages:
            self.set_values([keras.ops.convert_to_numpy(weight) for weight in self.model.weights])
        else:
            self._update = self._update or _compiled(self._step)
            self._update()

    def on_test_begin(self, logs=None):
        self._exchange()

    def on_test_end(self, logs=None):
        self._exchange()

    def _step(self):
        for average, weight in zip(self._averages, self.model.weights, strict=True):
            average.assign(self._momentum * average + (1 - self._momentum) * weight)

    def _exchange(self):
        if not self._averages:  # before the first step
            return
        for average, weight in zip(self._averages, self.model.weights, strict=True):
            if keras.backend.backend() == "jax":
                # Arrays never change, and values from elsewhere would be compared among all processes.
                trained = weight.value
                weight.assign(average.value)
                average.assign(trained)
                continue
            # Copies: an array of a backend may be a view of what is about to be overwritten.
            trained = np.array(keras.ops.convert_to_numpy(weight))
            weight.assign(np.array(keras.ops.convert_to_numpy(average)))
            average.assign(trained)


def _compiled(function):
    """As one call instead of some per weight, where the backend is TensorFlow."""
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function, autograph=False)
