"""DeepLabv2: parameters, layers, what smoothing adds, and a residual block by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_d3 import models
from keras_d3.blocks import residual_bottleneck
from keras_d3.models import DeepLabV2
from tests.helpers.model_checks import check_model, count_parameters

SMALL = {
    "num_blocks": (1, 1, 2, 1),
    "filters": (2, 3, 2, 3),
    "stem_filters": 4,
    "classifier_rates": (1, 3),
    "num_classes": 5,
}
SUFFIXES = ("", "_group_interaction", "_separable_shared", "_multigrid")


def symbolic(name, **overrides):
    """A network without values: its weights know their shapes alone."""
    with keras.StatelessScope(initialize_variables=False):
        return models.build(name, **overrides)


def count_by_hand(num_rates, num_classes=21):
    """Convolutions of ResNet-101 without bias, and the output layer with bias."""
    total, channels = 7 * 7 * 3 * 64, 64
    for blocks, width in ((3, 64), (4, 128), (23, 256), (3, 512)):
        for block in range(blocks):
            total += channels * width + 9 * width * width + width * 4 * width
            total += channels * 4 * width if block == 0 else 0
            channels = 4 * width
    return total + num_rates * (9 * channels * num_classes + num_classes)


@pytest.mark.parametrize("output,num_rates", [("aspp", 4), ("largefov", 1)])
def test_number_of_parameters(output, num_rates):
    by_hand = count_by_hand(num_rates)
    added = {"": 0, "_group_interaction": 1136, "_separable_shared": 354, "_multigrid": 0}
    for suffix in SUFFIXES:
        assert models.presets()[f"deeplab_v2_{output}{suffix}"].parameters == by_hand + added[suffix]
    smoothings = {"aspp": SUFFIXES[1:3], "largefov": SUFFIXES[:1]}[output]
    for suffix in smoothings:
        model = symbolic(f"deeplab_v2_{output}{suffix}")
        assert count_parameters(model) == by_hand + added[suffix]
        frozen = [weight for weight in model.non_trainable_weights if weight.path.endswith(("gamma", "beta"))]
        assert sum(weight.shape[0] for weight in frozen) == 105_344
    if output == "aspp":
        convolutions = [layer for layer in model.layers if hasattr(layer, "smoothing_kernel")]
        assert [layer.dilation_rate[0] for layer in convolutions] == [2] * 23 + [4] * 3
        assert (convolutions[0].name, convolutions[-1].name) == ("res4_block1_conv2", "res5_block3_conv2")


@pytest.mark.large
@pytest.mark.parametrize("name", [name for name in models.presets() if name.startswith("deeplab")])
def test_every_preset_has_its_parameters(name):
    assert count_parameters(symbolic(name)) == models.presets()[name].parameters


def test_multigrid_rates():
    """Section 4.3: 1, 2, 3 in turns, the last two blocks of the fourth stage stay at 2; then 3, 4, 5."""
    rates = models.presets()["deeplab_v2_aspp_multigrid"].arguments["dilation_rates"]
    assert rates[2] == (1, 2, 3) * 7 + (2, 2) and rates[3] == (3, 4, 5)
    model = symbolic("deeplab_v2_aspp_multigrid", tiny=True)
    names = [f"res{stage}_block{block}_conv2" for stage in (4, 5) for block in (1, 2, 3)]
    assert [model.get_layer(name).dilation_rate[0] for name in names] == [1, 2, 3, 3, 4, 5]


def test_saving_training_and_mixed_precision(tmp_path):
    settings = {
        **SMALL,
        "num_blocks": (1, 1),
        "filters": (2, 3),
        "strides": (1, 1),
        "dilation_rates": (1, 2),
    }
    model = check_model(
        lambda: DeepLabV2(**settings, smoothing="group_interaction", freeze_norm=False, norm_epsilon=1e-5),
        tmp_path,
    )
    assert model.input_shape == (None, None, None, 3) and model.output_shape == (None, None, None, 5)


def test_smoothing_starts_as_the_regular_network():
    """Sizes that are no multiples of the rates; with frozen normalization, training changes nothing in it."""
    image = np.random.default_rng(0).standard_normal((2, 45, 70, 3)).astype("float32")
    regular = DeepLabV2(**SMALL)
    expected = ops.convert_to_numpy(regular(image))
    assert expected.shape == (2, 6, 9, 5)
    for smoothing in ("group_interaction", "separable_shared_convolution"):
        smoothed = DeepLabV2(**SMALL, smoothing=smoothing)
        by_path = {weight.path: weight for weight in smoothed.weights}
        for weight in regular.weights:
            by_path.pop(weight.path).assign(weight)
        assert {path.split("/")[-1] for path in by_path} == {"smoothing_kernel"} and len(by_path) == 3
        np.testing.assert_allclose(ops.convert_to_numpy(smoothed(image)), expected, atol=1e-5)
    before = [ops.convert_to_numpy(weight) + 0.0 for weight in regular.non_trainable_weights]
    np.testing.assert_array_equal(ops.convert_to_numpy(regular(image, training=True)), expected)
    for weight, old in zip(regular.non_trainable_weights, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(weight), old)
    resized = DeepLabV2(**SMALL, upsample_logits=True)
    resized.set_weights(regular.get_weights())
    assert tuple(resized(image).shape) == (2, 45, 70, 5)


def test_residual_block_by_hand():
    """A projection of stride 2, then the block; every 1x1 convolution is a product of matrices."""
    image = keras.Input((None, None, 3))
    model = keras.Model(
        image, residual_bottleneck(image, 2, "block", stride=2, dilation_rate=2, shortcut="projection")
    )
    generator = np.random.default_rng(0)
    for weight in model.weights:
        low = 0.5 if "variance" in weight.path else -1.0
        weight.assign(generator.uniform(low, 1.0, weight.shape))
    inputs = generator.standard_normal((1, 9, 7, 3)).astype("float32")

    def normalized(x, name):
        norm = model.get_layer(f"block_{name}_norm")
        gamma, beta, mean, variance = (ops.convert_to_numpy(weight) for weight in norm.weights)
        return gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta

    def kernel(name):
        return ops.convert_to_numpy(model.get_layer(f"block_{name}").kernel)

    strided = inputs[:, ::2, ::2]
    first = np.maximum(normalized(strided @ kernel("conv1")[0, 0], "conv1"), 0)
    _, height, width, _ = first.shape
    padded = np.pad(first, ((0, 0), (2, 2), (2, 2), (0, 0)))
    middle = sum(
        padded[:, 2 * i : 2 * i + height, 2 * j : 2 * j + width] @ kernel("conv2")[i, j]
        for i in range(3)
        for j in range(3)
    )
    middle = np.maximum(normalized(middle, "conv2"), 0)
    expected = normalized(middle @ kernel("conv3")[0, 0], "conv3")
    expected = np.maximum(expected + normalized(strided @ kernel("shortcut")[0, 0], "shortcut"), 0)
    outputs = ops.convert_to_numpy(model(inputs, training=False))
    assert expected.max() > 0.1
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_errors():
    with pytest.raises(ValueError, match="`smoothing` must be one of None, 'group_interaction'"):
        DeepLabV2(**SMALL, smoothing="blur")
    with pytest.raises(ValueError, match="`stem_padding` must be one of 'same', 'both_sides'"):
        DeepLabV2(**SMALL, stem_padding="valid")
    with pytest.raises(
        ValueError, match=r"`classifier_rates` must be at least one rate, all different.*\(2, 2\)"
    ):
        DeepLabV2(**{**SMALL, "classifier_rates": (2, 2)})
    with pytest.raises(ValueError, match=r"must have one entry per stage. Received: num_blocks=\(1, 1\)"):
        DeepLabV2(**{**SMALL, "num_blocks": (1, 1)})
    with pytest.raises(ValueError, match=r"`dilation_rates` must have one rate per stage.*\(1, 2, 3\) for 2"):
        DeepLabV2(**SMALL, dilation_rates=(1, 1, (1, 2, 3), 4))
    with pytest.raises(ValueError, match="`shortcut` must be one of 'identity', 'projection'"):
        residual_bottleneck(keras.Input((4, 4, 8)), 2, "block", shortcut="none")
