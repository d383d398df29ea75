"""What every separation graph is: a module with one function from a mixture to its sources."""

import tensorflow as tf

from keras_d3.separation.buffers import zeros_to_write
from keras_d3.settings import QUALITIES
from keras_d3.utils import check_choice


class SeparationGraph(tf.Module):
    """Base of the graphs that are run in memory and exported.

    Args:
        networks: list of `GraphNetwork`.
        config: `WaveformSeparatorConfig` or `SpectrogramSeparatorConfig`.

    Attributes:
        separate: graph function from `mixture`, float32 (time, channels) with at least one sample, to
            a dict with one float32 (time, channels) tensor per source.
        separate_with_progress: the same, which also sets `progress` to the share of the networks'
            work that is done. Another thread may read it.
        separate_fast, separate_fast_with_progress: the same at the quality `"fast"`, by the same
            networks; None until `function` was asked for them.
        progress: scalar `tf.Variable`, from 0 to 1.
    """

    def __init__(self, networks, config):
        super().__init__(name="separation")
        self.config = config
        # The list is what TensorFlow finds (and saves) the weights by.
        self.network_variables = [variable for network in networks for variable in network.variables]
        self.progress = tf.Variable(0.0, trainable=False, name="progress")
        self.separate_fast = self.separate_fast_with_progress = None
        self.separate = self._trace("best", self._report_nothing)
        self.separate_with_progress = self._trace("best", self._report)

    def function(self, quality="best", with_progress=False):
        """Returns the graph function of a quality, which is traced when it is asked for first.

        Where the settings have nothing that `"fast"` leaves out, both qualities have one function.

        Raises:
            ValueError: `quality` is unknown.
        """
        name = function_name(quality, with_progress)
        if getattr(self, name) is None:
            if self.config.at_quality(quality) == self.config:
                function = self.function("best", with_progress)
            else:
                function = self._trace(quality, self._report if with_progress else self._report_nothing)
            setattr(self, name, function)
        return getattr(self, name)

    def _trace(self, quality, report):
        # Concrete functions, because saving would trace functions with an input signature once more.
        mixture = tf.TensorSpec((None, self.config.channels), tf.float32, name="mixture")
        separate = tf.function(lambda mixture: self._separate(mixture, report, quality), autograph=False)
        return separate.get_concrete_function(mixture)

    def _report_nothing(self, done, total):
        pass

    def _report(self, done, total):
        self.progress.assign(tf.cast(done, tf.float32) / tf.cast(total, tf.float32))

    def _empty_results(self, num_samples):
        """Zeros to be overwritten, (num_samples, channels) per source."""
        channels = self.config.channels
        results = {source: zeros_to_write((num_samples, channels)) for source in self.config.sources}
        return {source: tf.ensure_shape(result, (None, channels)) for source, result in results.items()}

    def _separate(self, mixture, report, quality):
        """Builds the graph; `report(done, total)` is called with int32 scalars after each batch."""
        raise NotImplementedError


def function_name(quality, with_progress=False):
    """Name of a quality's graph function, in `SeparationGraph` and in SavedModels.

    Raises:
        ValueError: `quality` is unknown.
    """
    names = {"best": "separate", "fast": "separate_fast"}
    return names[check_choice("quality", quality, QUALITIES)] + ("_with_progress" if with_progress else "")
