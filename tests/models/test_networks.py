"""What all networks share: presets, configs that build them again, files, copies and parts."""

import inspect
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from keras_d3 import models
from keras_d3.analysis.graph import is_functional
from keras_d3.models import D3Net, DeepLabV2, MMDenseNet, Network, WaveUNet
from tests.helpers.layer_checks import to_numpy
from tests.helpers.model_checks import random_input
from tests.helpers.multi_band_reference import SMALL, magnitudes

NETWORKS = models.registry.NETWORKS
# Saved before networks had classes of their own.
PLAIN = Path(__file__).parents[1] / "golden" / "old_networks"
TINY_WAVE = {"num_levels": 2, "filters": 2, "num_output_samples": 20}


def assert_equal(outputs, expected):
    for output, wanted in zip(keras.tree.flatten(outputs), keras.tree.flatten(expected), strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(output), ops.convert_to_numpy(wanted))


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.__name__)
def test_a_config_builds_the_network_again(network):
    name = list(network.presets)[-1]
    model = network.from_preset(name, tiny=True)
    assert type(model) is network and model.name == name and is_functional(model)
    assert keras.saving.get_registered_name(network) == f"keras_d3>{network.__name__}"
    config = json.loads(json.dumps(model.get_config()))
    again = network.from_config(config)
    assert again.arguments == model.arguments and again.get_config() == model.get_config()
    assert [(weight.path, weight.shape) for weight in again.weights] == [
        (weight.path, weight.shape) for weight in model.weights
    ]
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.__name__)
def test_presets_of_a_class(network):
    assert all(preset.network is network for preset in network.presets.values())
    assert all(models.find_preset(name) is preset for name, preset in network.presets.items())
    arguments = network.presets[next(iter(network.presets))].known_arguments
    signature = inspect.signature(network).parameters
    assert set(signature) == {*arguments, "name", "trainable", "dtype", "frozen_layers"}


def test_a_preset_of_another_class_is_refused():
    with pytest.raises(ValueError, match=r"preset of WaveUNet: .*Use `keras_d3.models.D3Net.from_preset"):
        WaveUNet.from_preset("d3net_vocals")
    with pytest.raises(ValueError, match="Did you mean 'd3net_vocals"):
        D3Net.from_preset("d3net_vocal")
    with pytest.raises(ValueError, match="Unknown argument of preset 'wave_u_net_m1': depth"):
        WaveUNet.from_preset("wave_u_net_m1", depth=3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'depth'"):
        WaveUNet(depth=3)


# Keras warns before it refuses a file that does not fit.
@pytest.mark.filterwarnings("ignore:Skipping nested container")
@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_weights_of_a_local_file(tmp_path, suffix):
    model = WaveUNet.from_preset("wave_u_net_m5", **TINY_WAVE)
    path = tmp_path / f"network{suffix}"
    model.save(path) if suffix == ".keras" else model.save_weights(path)
    again = WaveUNet.from_preset("wave_u_net_m5", weights=path, **TINY_WAVE)
    assert_equal(again.weights, model.weights)
    with pytest.raises(ValueError):
        WaveUNet.from_preset("wave_u_net_m5", weights=path, **{**TINY_WAVE, "filters": 3})


def test_weights_of_a_plain_functional_model_fit_the_class():
    preset, path = "wave_u_net_m5", PLAIN / "wave_u_net.keras"
    model = WaveUNet.from_preset(preset, weights=path, **TINY_WAVE)
    stored = np.load(PLAIN / "wave_u_net.npz")
    np.testing.assert_allclose(
        to_numpy(model(stored["input"], training=False))["vocals"], stored["vocals"], atol=1e-5
    )


def test_copies_and_parts():
    model = D3Net(**SMALL)
    mixture = magnitudes(1, 8, 13, 2)
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    assert_equal(copy(mixture), model(mixture))
    plain = keras.models.clone_model(
        model, clone_function=lambda layer: type(layer).from_config(layer.get_config())
    )
    plain.set_weights(model.get_weights())
    assert_equal(plain(mixture), model(mixture))
    part = keras.Model(model.input, model.get_layer("low_bottleneck").output)
    assert part(mixture).shape[-1] == 2
    inner = keras.Sequential([keras.Input((8, 13, 2)), model])
    assert_equal(inner(mixture), model(mixture))


def test_a_file_keeps_precision_and_what_is_frozen(tmp_path):
    model = WaveUNet(**TINY_WAVE, dtype="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"
    model.get_layer("bottleneck_conv").trainable = False
    model.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    assert type(again) is WaveUNet
    assert again.get_layer("down_1_conv").compute_dtype == "bfloat16"
    assert again.get_layer("vocals").compute_dtype == "float32"
    assert [layer.trainable for layer in again.layers] == [layer.trainable for layer in model.layers]
    assert [weight.path for weight in again.trainable_weights] == [
        weight.path for weight in model.trainable_weights
    ]
    inputs = random_input(model)
    assert_equal(again(inputs), model(inputs))
    model.trainable = False
    assert not WaveUNet.from_config(model.get_config()).trainable_weights


def test_frozen_norms_of_deeplab_are_arguments():
    small = {"num_blocks": (1,), "filters": (2,), "strides": (1,), "dilation_rates": (1,), "stem_filters": 2}
    model = DeepLabV2(**small)
    assert model.get_config()["frozen_layers"] == [] and not model.get_layer("stem_conv_norm").trainable
    assert [layer.trainable for layer in DeepLabV2.from_config(model.get_config()).layers] == [
        layer.trainable for layer in model.layers
    ]


def test_initializers_travel_in_the_config():
    model = MMDenseNet.from_preset(
        "mdensenet", tiny=True, kernel_initializer=keras.initializers.Constant(0.5)
    )
    again = MMDenseNet.from_config(json.loads(json.dumps(model.get_config())))
    assert float(np.mean(to_numpy(again.get_layer("full_first_conv").kernel))) == 0.5


def test_a_network_defines_its_layers():
    with pytest.raises(ValueError, match="`name` must be a preset of Network: it has none"):
        Network.from_preset("d3net_vocals")
