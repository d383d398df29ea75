"""The run directory of a training in several processes, as seen by those that do not write it."""

import contextlib

from keras_d3.runs.run import Run


class FollowingRun(Run):
    """A `Run` that is read and never written: process 0 writes it, on a disk that all processes see."""

    def claim(self, config):
        """Checks that the first process has made the directory one of `config`.

        Raises:
            ValueError: it is not there, or belongs to another config.
        """
        if not self._config_file.is_file():
            raise ValueError(
                "`run_dir` must be on a disk that all processes of the training see. Received: "
                f"run_dir='{self.path}', where process 0 wrote nothing."
            )
        super().claim(config)

    def claim_initial_weights(self, description, state, from_scratch=False):
        """Nothing: process 0 writes and compares them."""

    def record_tracks(self, names):
        """Nothing."""

    def save_epoch(self, model, state, average=None):
        """Nothing, but that the averages come and go: all processes assign the weights they share."""
        if average is not None:
            with average.in_model():
                pass

    def save_state(self, state):
        """Nothing."""

    @contextlib.contextmanager
    def writing(self):
        """Nothing: process 0 holds the directory."""
        yield
