"""Building blocks of graphs: buffers and loops."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_d3 import models
from keras_d3.export import as_graph_networks, empty_buffer, is_zero, write_in_place
from tests.helpers.tiny_networks import waveform_conv


@pytest.mark.parametrize("sample", [-0.1, 0.1])
def test_is_zero(sample):
    song = np.zeros((50, 2), "float32")
    assert is_zero(tf.constant(song))
    song[20, 1] = sample
    assert not is_zero(tf.constant(song))


def test_buffers_share_no_memory():
    @tf.function
    def write():
        first, second = empty_buffer((4, 2)), empty_buffer((4, 2))
        return write_in_place(first, 1, tf.ones((2, 2))), write_in_place(second, 4, tf.ones((0, 2)))

    first, second = write()
    np.testing.assert_array_equal(first, [[0, 0], [1, 1], [1, 1], [0, 0]])
    np.testing.assert_array_equal(second, np.zeros((4, 2)))


def small_wave_u_net(seed, **arguments):
    keras.utils.set_random_seed(seed)
    arguments = {"num_levels": 2, "filters": 2, "num_output_samples": 64, **arguments}
    return models.build("wave_u_net_m1", tiny=True, **arguments)


def test_networks_of_one_architecture_share_a_graph():
    networks = {f"net_{seed}": small_wave_u_net(seed) for seed in range(2)}
    networks["wider"] = small_wave_u_net(0, filters=3)
    half = {**networks["net_0"].get_config(), "dtype": "mixed_bfloat16"}
    networks["half"] = models.WaveUNet.from_config(half)
    networks["plain"] = waveform_conv(64, 64, channels=1)
    graphs = as_graph_networks(networks, dict.fromkeys(networks, (64, 1)))
    assert graphs["net_0"].function is graphs["net_1"].function
    assert len({id(graph.function) for graph in graphs.values()}) == 4
    inputs = np.random.default_rng(0).standard_normal((3, 64, 1)).astype("float32")
    outputs = {name: graphs[name](inputs) for name in networks}
    for name in ("net_0", "net_1", "wider", "plain"):
        for source, expected in networks[name](inputs, training=False).items():
            np.testing.assert_allclose(outputs[name][source], expected, atol=1e-6)
    assert np.max(np.abs(outputs["net_0"]["vocals"] - outputs["net_1"]["vocals"])) > 1e-3
    # The weights are read when the graph runs.
    before = outputs["net_1"]["vocals"]
    networks["net_1"].set_weights(networks["net_0"].get_weights())
    np.testing.assert_array_equal(graphs["net_1"](inputs)["vocals"], outputs["net_0"]["vocals"])
    assert np.max(np.abs(before - outputs["net_0"]["vocals"])) > 1e-3
