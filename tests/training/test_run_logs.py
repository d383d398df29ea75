import resource

import keras
import pytest

from keras_d3.training.run_logs import RunLogs


def test_a_full_disk_is_one_sentence(tmp_path):
    """A limit of a file's size stands for it."""
    logs = RunLogs(tmp_path / "tensorboard")
    inputs = keras.Input((1,))
    logs.set_model(keras.Model(inputs, keras.layers.Dense(1)(inputs)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(OSError, match="tensorboard` could not be written: .*too large"):
            logs.on_train_begin()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
