import keras
import numpy as np
import pytest
from keras import ops

from keras_d3 import models
from keras_d3.analysis import receptive_field
from keras_d3.models import WaveUNet, wave_u_net_lengths
from tests.helpers.gradients import gradients
from tests.helpers.layer_checks import to_numpy
from tests.helpers.model_checks import check_model, count_parameters, random_input
from tests.models.receptive_field_formulas import formula

SMALL = {"num_levels": 3, "filters": 4, "num_output_samples": 64}
LENGTHS = {
    "m1": (16384, 16384),
    "m2": (16384, 16384),
    "m3": (147443, 16389),
    "m4": (147443, 16389),
    "m5": (147443, 16389),
    "m6": (147443, 16389),
    "m7": (233459, 102405),
    "m5_high_sr": (147443, 16389),
}


@pytest.mark.parametrize("variant", LENGTHS)
def test_preset_has_the_parameters_and_lengths_of_the_paper(variant):
    preset = models.find_preset(f"wave_u_net_{variant}")
    model = preset.build()
    assert count_parameters(model) == preset.parameters
    num_input, num_output = LENGTHS[variant]
    assert model.input_shape == (None, num_input, preset.arguments["channels"])
    shapes = model.compute_output_shape(model.input_shape)
    assert list(shapes) == model.output_names == list(preset.sources)
    assert set(shapes.values()) == {(None, num_output, preset.arguments["channels"])}


def test_known_parameter_counts():
    wanted = {
        "m1": 10_263_028,
        "m2": 10_263_002,
        "m3": 10_263_002,
        "m4": 10_263_390,
        "m5": 10_265_550,
        "m6": 10_263_498,
        "m7": 20_594_652,
        "m5_high_sr": 10_265_550,
    }
    presets = models.presets()
    assert {variant: presets[f"wave_u_net_{variant}"].parameters for variant in wanted} == wanted


def test_lengths_of_a_walk_through_the_layers():
    # The walk applies what each layer does to a length, from the bottleneck outwards.
    for wanted, levels, down, up, out in [(16384, 12, 15, 5, 1), (98560, 12, 15, 5, 1), (300, 4, 15, 5, 1)]:
        num_input, num_output = wave_u_net_lengths(wanted, levels, down, up, out, context=True)
        x, skips = num_input, []
        for _ in range(levels):
            x = x - down + 1
            assert x % 2 == 1
            skips.append(x)
            x = (x + 1) // 2
        x = x - down + 1
        for skip in reversed(skips):
            x = 2 * x - 1
            assert skip >= x and (skip - x) % 2 == 0
            x = x - up + 1
        assert x - out + 1 == num_output >= wanted
        bottleneck_less = wave_u_net_lengths(wanted - 2**levels, levels, down, up, out, context=True)
        assert bottleneck_less[1] == num_output - 2**levels


def test_lengths_of_the_published_configurations():
    assert wave_u_net_lengths(16384, context=True) == (147443, 16389)
    assert wave_u_net_lengths(98560, context=True) == (233459, 102405)
    assert wave_u_net_lengths(16384, 14, 5, 1, context=True)[1] == 16385
    assert wave_u_net_lengths(300, 4, context=True) == (803, 309)
    assert wave_u_net_lengths(16384) == (16384, 16384)
    assert wave_u_net_lengths(16385) == (20480, 20480)
    assert wave_u_net_lengths(1, num_levels=2) == (4, 4)


@pytest.mark.parametrize("wanted", [1, 2, 50, 333])
@pytest.mark.parametrize(
    "arguments", [{}, {"up_kernel_size": 9, "output_kernel_size": 4}, {"kernel_size": 4}]
)
def test_lengths_are_those_of_the_model(wanted, arguments):
    for context in (False, True):
        settings = {"num_levels": 2, "context": context, "num_output_samples": wanted, **arguments}
        num_input, num_output = wave_u_net_lengths(**settings)
        model = WaveUNet(filters=2, **settings)
        assert num_output >= wanted
        assert model.input_shape[1] == num_input
        assert model.compute_output_shape(model.input_shape)["vocals"][1] == num_output
        assert model(np.zeros((1, num_input, 1), "float32"))["vocals"].shape[1] == num_output


@pytest.mark.parametrize("variant", ["m1", "m5"])
def test_tiny_preset_saves_trains_and_mixes_precision(variant, tmp_path):
    check_model(lambda: models.build(f"wave_u_net_{variant}", tiny=True), tmp_path)


@pytest.mark.parametrize("arguments", [{}, {"context": True, "output_kernel_size": 4}])
def test_a_network_for_any_length_gives_the_numbers_of_one_for_that_length(arguments):
    arguments = {**SMALL, "kernel_size": 6, "filters": 2, **arguments}
    fixed = WaveUNet(**arguments)
    free = WaveUNet(**{**arguments, "num_output_samples": None})
    free.set_weights(fixed.get_weights())
    assert free.input_shape == (None, None, 1)
    mixture = random_input(fixed)
    expected = to_numpy(fixed(mixture))
    for source, estimate in to_numpy(free(mixture)).items():
        np.testing.assert_allclose(estimate, expected[source], atol=1e-6)
    if not arguments.get("context"):
        with pytest.raises(ValueError, match=r"`inputs\[0\]` must be at least as long as `inputs\[1\]`"):
            free(mixture[:, 1:])


@pytest.mark.parametrize("context", [False, True])
def test_difference_outputs_add_up_to_the_mixture(context):
    sources = ("bass", "drums", "vocals")
    model = WaveUNet(sources=sources, channels=2, context=context, **SMALL)
    mixture = 4 * random_input(model)
    outputs = model(mixture, training=True)
    total = sum(ops.convert_to_numpy(output) for output in outputs.values())
    start = (mixture.shape[1] - total.shape[1]) // 2
    np.testing.assert_allclose(total, mixture[:, start : start + total.shape[1]], atol=1e-5)


def test_outputs_are_clipped_at_inference_only():
    model = WaveUNet(output_activation="linear", **SMALL)
    mixture = 20 * random_input(model)
    assert largest(model(mixture, training=True)) > 1
    assert largest(model(mixture, training=False)) <= 1
    free = WaveUNet(output_activation="linear", clip_at_inference=False, **SMALL)
    assert largest(free(mixture, training=False)) > 1


def largest(outputs):
    return max(np.max(np.abs(output)) for output in to_numpy(outputs).values())


def test_half_precision_network_gives_float32_waveforms():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = WaveUNet(channels=2, context=True, **SMALL)
    finally:
        keras.config.set_dtype_policy("float32")
    mixture = random_input(model)
    outputs = model(mixture, training=True)
    total = sum(ops.convert_to_numpy(output) for output in outputs.values())
    start = (mixture.shape[1] - total.shape[1]) // 2
    np.testing.assert_allclose(total, mixture[:, start : start + total.shape[1]], atol=1e-6)


@pytest.mark.parametrize("upsampling", ["linear", "learned"])
def test_receptive_field_is_where_gradients_come_from(upsampling):
    arguments = {"num_levels": 2, "kernel_size": 3, "up_kernel_size": 3, "output_kernel_size": 2}
    model = WaveUNet(
        filters=2,
        num_output_samples=60,
        context=True,
        output_type="direct",
        upsampling=upsampling,
        leaky_relu_slope=1.0,
        **arguments,
    )
    # Positive weights and a linear network: nothing can cancel out.
    for weight in model.weights:
        weight.assign(0.1 * np.ones(weight.shape))
    mixture = 0.01 * random_input(model, batch_size=1)
    widest = 0
    for position in range(20, 40):
        _, (gradient,) = gradients(lambda x: model(x)["vocals"][0, position, 0], [mixture])  # noqa: B023
        reached = np.flatnonzero(gradient[0, :, 0])
        widest = max(widest, reached[-1] - reached[0] + 1)
    assert receptive_field(model) == (widest,)
    assert widest == formula("wave_u_net_m1", **arguments)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"upsampling": "cubic"}, "`upsampling` must be one of 'linear', 'learned'"),
        ({"output_type": "mask"}, "`output_type` must be one of 'direct', 'difference'"),
        ({"output_activation": "relu"}, "`output_activation` must be one of 'tanh', 'linear'"),
        ({"sources": ("vocals",)}, "`sources` must be at least 2 different names"),
        ({"sources": ("vocals", "vocals")}, "`sources` must be at least 2 different names"),
        ({"sources": "vocals"}, "`sources` must be a list of names. Received: sources='vocals'"),
        ({"num_output_samples": 0}, "`num_output_samples` must be an integer of at least 1"),
        ({"num_levels": 0}, "`num_levels` must be an integer of at least 1"),
        ({"filters": 0}, "`filters` must be an integer of at least 1"),
        ({"num_input_samples": 65}, "`num_input_samples` must be a multiple of 2 .. num_levels"),
    ],
)
def test_argument_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        WaveUNet(**{**SMALL, **arguments})
