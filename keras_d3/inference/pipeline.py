"""What every separation graph is: a module with one function from a mixture to its sources."""

import tensorflow as tf

from keras_d3.inference.song_blocks import zeros_to_write


class SeparationPipeline(tf.Module):
    """Base of the graphs that are run in memory and exported.

    Args:
        networks: list of `GraphNetwork`.
        config: `WaveformSeparation` or `SpectrogramSeparation`.

    Attributes:
        separate: graph function from `mixture`, float32 (time, channels) with at least one sample, to
            a dict with one float32 (time, channels) tensor per source.
        separate_with_progress: the same, which also sets `progress` to the share of the networks'
            work that is done. Another thread may read it.
        progress: scalar `tf.Variable`, from 0 to 1.
    """

    def __init__(self, networks, config):
        super().__init__(name="separation")
        self.config = config
        # The list is what TensorFlow finds (and saves) the weights by.
        self.network_variables = [variable for network in networks for variable in network.variables]
        self.progress = tf.Variable(0.0, trainable=False, name="progress")
        # Concrete functions, because saving would trace functions with an input signature once more.
        mixture = tf.TensorSpec((None, config.channels), tf.float32, name="mixture")
        self.separate = tf.function(self._separate_quietly, autograph=False).get_concrete_function(mixture)
        self.separate_with_progress = tf.function(
            self._separate_reporting, autograph=False
        ).get_concrete_function(mixture)

    def _separate_quietly(self, mixture):
        return self._separate(mixture, lambda done, total: None)

    def _separate_reporting(self, mixture):
        def report(done, total):
            self.progress.assign(tf.cast(done, tf.float32) / tf.cast(total, tf.float32))

        return self._separate(mixture, report)

    def _empty_results(self, num_samples):
        """Zeros to be overwritten, (num_samples, channels) per source."""
        channels = self.config.channels
        results = {source: zeros_to_write((num_samples, channels)) for source in self.config.sources}
        return {source: tf.ensure_shape(result, (None, channels)) for source, result in results.items()}

    def _separate(self, mixture, report):
        """Builds the graph; `report(done, total)` is called with int32 scalars after each batch."""
        raise NotImplementedError


def loop(condition, body, state):
    """`tf.while_loop` over one dict of (dicts of) tensors, step by step, with the shapes it starts with.

    Args:
        condition: function of the state that returns whether to go on.
        body: function of the state that returns the next one.
        state: dict of tensors; only axes of unknown length may change.

    Returns:
        The last state.
    """
    shapes = tf.nest.map_structure(lambda tensor: tensor.shape, state)

    def checked_body(state):
        # Slices of unknown length lose the shape that the next step relies on.
        return [tf.nest.map_structure(tf.ensure_shape, body(state), shapes)]

    # Steps side by side would take the memory of several.
    return tf.while_loop(condition, checked_body, [state], shape_invariants=[shapes], parallel_iterations=1)[
        0
    ]
