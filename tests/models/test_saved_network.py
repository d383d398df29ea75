import random

import keras
import numpy as np
import pytest

from keras_d3.models import load_network


def network():
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(2, kernel_initializer="ones")(inputs))


def test_damaged_files_end_in_one_sentence(tmp_path):
    path, draw = tmp_path / "last.keras", random.Random(0)
    network().save(path)
    content = path.read_bytes()
    wanted = load_network(path).get_weights()
    for damaged in (b"", b"not a zip", content[: len(content) // 2], content[:-1], content[100:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"damaged, `.*last.keras`: .*[^.]\. Train again"):
            load_network(path, hint="Train again.")
    refused = 0
    for _ in range(40):
        damaged = bytearray(content)
        damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        try:
            # What no part holds (dates, permissions) may change.
            for ours, theirs in zip(load_network(path).get_weights(), wanted, strict=True):
                np.testing.assert_array_equal(ours, theirs)
        except ValueError as error:
            assert "last.keras" in str(error)
            refused += 1
    assert refused > 30


def test_missing_files_and_compiled_networks(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.keras"):
        load_network(tmp_path / "none.keras")
    model = network()
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "a.keras")
    assert load_network(tmp_path / "a.keras", compile=True).optimizer is not None
    assert getattr(load_network(tmp_path / "a.keras"), "optimizer", None) is None
