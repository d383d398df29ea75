import dataclasses

import numpy as np
import pytest
from keras import ops

from keras_d3 import models
from keras_d3.analysis import receptive_field
from keras_d3.models import DilatedDenseUNet, DilatedUNet
from keras_d3.presets import ADAPTIVE_DILATION_RATES
from tests.helpers.gradients import gradients
from tests.helpers.model_checks import check_model, count_parameters, random_input
from tests.models.receptive_field_formulas import formula

SMALL = {"num_samples": 64, "dilation_rates": ((1, 2), (2, 4)), "filters": 3, "kernel_size": 5}
F24 = {"filters": 24}
K15 = {"up_kernel_size": 15}
AFTER = {"skip": "after_transition"}
WITHOUT = {"block_output_with_input": False}
OPEN = {"bottleneck_transition": False}
ONE, THREE = {"dilation_rates": ((512,) * 3,)}, {"dilation_rates": ((512,) * 3,) * 3}


@pytest.mark.parametrize(
    "network,arguments,parameters",
    [
        (DilatedUNet, {}, 1_758_888),
        (DilatedUNet, F24, 4_500_090),
        (DilatedUNet, K15, 2_625_138),
        (DilatedUNet, {"dilation_rates": ((512,) * 3,) * 6}, 1_758_888),
        (DilatedUNet, ONE, 46_863),
        (DilatedUNet, THREE, 341_028),
        (DilatedDenseUNet, {}, 4_682_658),
        (DilatedDenseUNet, F24, 11_982_882),
        (DilatedDenseUNet, K15, 8_369_058),
        (DilatedDenseUNet, AFTER, 3_774_978),
        (DilatedDenseUNet, {**AFTER, **F24}, 9_659_682),
        (DilatedDenseUNet, {**AFTER, **K15}, 5_759_478),
        (DilatedDenseUNet, WITHOUT, 4_318_323),
        (DilatedDenseUNet, {**WITHOUT, **F24}, 11_050_674),
        (DilatedDenseUNet, {**WITHOUT, **K15}, 7_531_323),
        (DilatedDenseUNet, OPEN, 5_072_028),
        (DilatedDenseUNet, {**OPEN, **F24}, 12_979_770),
        (DilatedDenseUNet, {**OPEN, **K15}, 9_568_428),
        (DilatedDenseUNet, ONE, 98_958),
        (DilatedDenseUNet, THREE, 842_628),
    ],
)
def test_parameter_counts(network, arguments, parameters):
    assert count_parameters(network(**arguments)) == parameters


@pytest.mark.parametrize("name", ["dilated_u_net", "dilated_dense_u_net"])
def test_preset(name):
    preset = models.find_preset(name)
    model = preset.build()
    assert count_parameters(model) == preset.parameters
    assert model.input_shape == (None, 16384, 2)
    shapes = model.compute_output_shape(model.input_shape)
    assert list(shapes) == model.output_names == ["bass", "drums", "other", "vocals"]
    assert set(shapes.values()) == {(None, 16384, 2)}


def test_presets_state_every_argument():
    # Nothing that the paper fixes or leaves open is hidden in a network's default.
    for name in ("dilated_u_net", "dilated_dense_u_net"):
        preset = models.find_preset(name)
        fields = dataclasses.fields(preset.network.arguments_class)
        assert {field.name for field in fields} - set(preset.arguments) == {"clip_at_inference"}


def test_adaptive_rates_double_and_go_on_from_the_last_block():
    assert sum(map(sum, ADAPTIVE_DILATION_RATES)) == 9555
    for rates in ADAPTIVE_DILATION_RATES:
        assert rates[1:] == tuple(2 * rate for rate in rates[:-1])
    for before, after in zip(ADAPTIVE_DILATION_RATES, ADAPTIVE_DILATION_RATES[1:], strict=False):
        assert after[0] == before[-1]


@pytest.mark.parametrize("name", ["dilated_u_net", "dilated_dense_u_net"])
def test_tiny_preset_saves_trains_and_mixes_precision(name, tmp_path):
    check_model(lambda: models.build(name, tiny=True, num_samples=512), tmp_path, batch_size=1)


@pytest.mark.parametrize("network", [DilatedUNet, DilatedDenseUNet])
def test_difference_outputs_add_up_to_the_mixture(network):
    model = network(**SMALL)
    mixture = 4 * random_input(model)
    total = sum(ops.convert_to_numpy(output) for output in model(mixture, training=True).values())
    np.testing.assert_allclose(total, mixture, atol=1e-5)


def reference_network(model, mixture, arguments, dense):
    """The network of the docstring, written out on arrays with NumPy loops."""

    def conv(x, layer, rate):
        kernel, bias = (ops.convert_to_numpy(w).astype("float64") for w in layer.weights)
        half = (kernel.shape[0] - 1) // 2
        y = np.zeros((*x.shape[:2], kernel.shape[2])) + bias
        for tap in range(kernel.shape[0]):
            shift = (tap - half) * rate
            for t in range(x.shape[1]):
                if 0 <= t + shift < x.shape[1]:
                    y[:, t] += x[:, t + shift] @ kernel[tap]
        return y

    def leaky(x):
        return np.where(x < 0, 0.2 * x, x)

    def block(x, rates, stage):
        if not dense:
            for index, rate in enumerate(rates, 1):
                x = leaky(conv(x, model.get_layer(f"{stage}_conv_{index}"), rate))
            return x, x
        for layer, rate in zip(model.get_layer(f"{stage}_dense").convolutions, rates, strict=True):
            x = np.concatenate([x, leaky(conv(x, layer, rate))], axis=-1)
        return conv(x, model.get_layer(f"{stage}_transition"), 1), x

    rates = arguments["dilation_rates"]
    x, skips = mixture.astype("float64"), []
    for index, block_rates in enumerate(rates, 1):
        x, skip = block(x, block_rates, f"down_{index}")
        skips.append(skip)
    x, _ = block(x, (1, 1, 1), "bottleneck")
    for step in range(1, len(rates) + 1):
        x = np.concatenate([x, skips[-step]], axis=-1)
        x, _ = block(x, rates[-step][:: -1 if arguments.get("mirrored") else 1], f"up_{step}")
    x = np.concatenate([mixture, x], axis=-1)
    outputs = {s: np.tanh(conv(x, model.get_layer(f"head_{s}"), 1)) for s in ("bass", "drums", "other")}
    outputs["vocals"] = mixture - sum(outputs.values())
    return outputs


@pytest.mark.parametrize("order", ["as_listed", "mirrored"])
@pytest.mark.parametrize("network", [DilatedUNet, DilatedDenseUNet])
def test_equals_a_loop_over_arrays(network, order):
    model = network(up_dilation_order=order, **SMALL)
    for weight in model.weights:
        if weight.name == "bias":
            weight.assign(0.1 * np.random.default_rng(0).standard_normal(weight.shape))
    mixture = random_input(model)
    settings = {**SMALL, "mirrored": order == "mirrored"}
    expected = reference_network(model, mixture, settings, dense=network is DilatedDenseUNet)
    outputs = model(mixture, training=True)
    assert set(outputs) == set(expected)
    for source, wanted in expected.items():
        np.testing.assert_allclose(ops.convert_to_numpy(outputs[source]), wanted, atol=1e-5)


def test_open_points_change_the_network():
    plain = DilatedUNet(**SMALL)
    by_layer = DilatedUNet(filters_by="layer", **SMALL)
    # Filters 3, 6 | 9, 12 | bottleneck 15 | 12, 9 | 6, 3.
    wanted = [3, 6, 9, 12, 15, 15, 15, 12, 9, 6, 3]
    convolutions = [layer for layer in by_layer.layers if "_conv_" in layer.name]
    assert [layer.filters for layer in convolutions] == wanted
    rates = [1, 2, 2, 4, 1, 1, 1, 2, 4, 1, 2]
    assert [layer.dilation_rate[0] for layer in convolutions] == rates
    assert plain.get_layer("up_1_conv_1").kernel_size == (5,)

    assert not any(layer.name == "output_concat" for layer in DilatedUNet(input_skip=False, **SMALL).layers)
    dilated = DilatedUNet(bottleneck_dilation_rate=4, bottleneck_layers=2, **SMALL)
    assert dilated.get_layer("bottleneck_conv_2").dilation_rate == (4,)
    active = DilatedDenseUNet(transition_activation="leaky_relu", **SMALL)
    assert active.get_layer("down_1_transition_activation").negative_slope == 0.2
    direct = DilatedUNet(output_type="direct", sources=("a", "b"), **SMALL)
    assert direct.get_layer("head_b").filters == 2
    dense_by_layer = DilatedDenseUNet(filters_by="layer", **SMALL)
    assert dense_by_layer.get_layer("down_2_dense").filters == (9, 12)


@pytest.mark.parametrize(
    "arguments,samples",
    [
        ({}, 172_033),
        ({"up_kernel_size": 15}, 267_583),
        ({"dilation_rates": ((512,) * 3,) * 6}, 165_931),
        ({"dilation_rates": ((1,) * 3,) * 6}, 367),
    ],
)
def test_receptive_field(arguments, samples):
    for name in ("dilated_u_net", "dilated_dense_u_net"):
        assert formula(name, **arguments) == samples


def test_receptive_field_is_where_gradients_come_from():
    arguments = {**SMALL, "num_samples": 200, "bottleneck_layers": 1, "bottleneck_kernel_size": 3}
    model = DilatedUNet(output_type="direct", output_activation="linear", **arguments)
    for weight in model.weights:
        weight.assign(0.01 * np.ones(weight.shape))
    mixture = 0.01 * random_input(model, batch_size=1)
    _, (gradient,) = gradients(lambda x: model(x, training=True)["vocals"][0, 100, 0], [mixture])
    reached = np.flatnonzero(gradient[0, :, 0])
    (width,) = receptive_field(model)
    assert reached[-1] - reached[0] + 1 == width == formula("dilated_u_net", **arguments)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"up_kernel_size": 4}, "`up_kernel_size` must be odd.*Received: up_kernel_size=4"),
        ({"dilation_rates": (1, 2, 4)}, "`dilation_rates` must be a list of blocks"),
        ({"dilation_rates": ()}, "`dilation_rates` must be a list of blocks"),
        ({"dilation_rates": ((1, 0),)}, "`dilation_rates` must be an integer of at least 1"),
        ({"filters_by": "depth"}, "`filters_by` must be one of 'block', 'layer'"),
        ({"up_dilation_order": "reversed"}, "`up_dilation_order` must be one of"),
        ({"num_samples": 0}, "`num_samples` must be an integer of at least 1"),
        ({"sources": ("vocals",)}, "`sources` must be at least 2 different names"),
    ],
)
@pytest.mark.parametrize("network", [DilatedUNet, DilatedDenseUNet])
def test_argument_errors(network, arguments, message):
    with pytest.raises(ValueError, match=message):
        network(**{**SMALL, **arguments})


def test_argument_errors_of_the_dense_network():
    with pytest.raises(ValueError, match="`skip` must be one of 'before_transition', 'after_transition'"):
        DilatedDenseUNet(skip="none", **SMALL)
    with pytest.raises(ValueError, match="`transition_activation` must be one of 'linear', 'leaky_relu'"):
        DilatedDenseUNet(transition_activation="relu", **SMALL)
