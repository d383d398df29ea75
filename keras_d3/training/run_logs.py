"""TensorBoard's logs of a run, which end in one sentence where the disk is full."""

import keras
import tensorflow as tf

from keras_d3.utils import write_errors


class RunLogs(keras.callbacks.TensorBoard):
    """Keras' TensorBoard callback; what TensorFlow raises while it writes names the folder.

    Args:
        log_dir: path of the folder.

    Raises:
        OSError: the logs cannot be written. The last finished epoch stays on disk.
    """

    def __init__(self, log_dir):
        super().__init__(str(log_dir), write_graph=False)

    def _named(self):
        return write_errors(self.log_dir, tf.errors.OpError)

    def on_train_begin(self, logs=None):
        with self._named():
            super().on_train_begin(logs)

    def on_train_end(self, logs=None):
        with self._named():
            super().on_train_end(logs)

    def on_test_begin(self, logs=None):
        with self._named():
            super().on_test_begin(logs)

    def on_test_end(self, logs=None):
        with self._named():
            super().on_test_end(logs)

    def on_epoch_begin(self, epoch, logs=None):
        with self._named():
            super().on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch, logs=None):
        with self._named():
            super().on_epoch_end(epoch, logs)
