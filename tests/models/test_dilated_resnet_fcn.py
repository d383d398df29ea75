"""Dilated ResNets with FCN heads: the printed sizes, layers, a network by hand, what is refused."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_d3 import models
from keras_d3.blocks import residual_bottleneck
from keras_d3.models import DilatedResNetFCN
from tests.helpers.layer_checks import to_numpy
from tests.helpers.model_checks import check_model, count_parameters
from tests.helpers.official_deeplab import convolve

SMALL = {
    "num_blocks": (1, 1, 2, 2),
    "filters": (2, 2, 3, 2),
    "stem_filters": 4,
    "head_filters": 3,
    "auxiliary_filters": 2,
    "num_classes": 5,
    "residual_gamma_initializer": "ones",
}
PRINTED_MILLIONS = {50: 49.5, 101: 68.5}


def symbolic(name, **overrides):
    """A network without values: its weights know their shapes alone."""
    with keras.StatelessScope(initialize_variables=False):
        return models.build(name, **overrides)


def count_by_hand(num_blocks):
    """Convolutions without bias and two values per map that is normalized; classifiers have a bias."""

    def unit(taps, channels, filters):
        return taps * taps * channels * filters + 2 * filters

    encoder, channels = unit(3, 3, 32) + unit(3, 32, 32) + unit(3, 32, 64), 64
    for blocks, width in zip(num_blocks, (64, 128, 256, 512), strict=True):
        for block in range(blocks):
            encoder += unit(1, channels, width) + unit(3, width, width) + unit(1, width, 4 * width)
            encoder += unit(1, channels, 4 * width) if block == 0 else 0
            channels = 4 * width
    head = unit(3, 2048, 512) + unit(3, 512, 512) + unit(3, 2560, 512) + 512 * 19 + 19
    return encoder, head, unit(3, 1024, 256) + 256 * 19 + 19


@pytest.mark.parametrize("depth, num_blocks", [(50, (3, 4, 6, 3)), (101, (3, 4, 23, 3))])
def test_the_printed_size_has_the_auxiliary_head(depth, num_blocks):
    preset = models.presets()[f"d_resnet_{depth}_fcn"]
    encoder, head, auxiliary = count_by_hand(num_blocks)
    assert preset.parameters == encoder + head + auxiliary
    assert round(preset.parameters / 1e6, 1) == PRINTED_MILLIONS[depth]
    assert round((encoder + head) / 1e6, 1) != PRINTED_MILLIONS[depth]
    model = symbolic(preset.name)
    assert count_parameters(model) == preset.parameters
    assert count_parameters(symbolic(preset.name, auxiliary_logits=False)) == encoder + head
    # "Seven times smaller", section 6.1 of D3Net's paper, is of the larger one.
    assert depth == 50 or 7 < preset.parameters / models.presets()["d3net_segmentation_s"].parameters < 7.1


def test_rates_and_strides():
    model = symbolic("d_resnet_50_fcn")
    rates = {
        layer.name: layer.dilation_rate[0]
        for layer in model.layers
        if layer.name.startswith("res") and layer.name.endswith("conv2") and max(layer.dilation_rate) > 1
    }
    assert rates == {
        **{f"res4_block{block}_conv2": 2 for block in range(2, 7)},
        **{f"res5_block{block}_conv2": 2 if block == 1 else 4 for block in range(1, 4)},
    }
    assert model.get_layer("res3_block1_conv2").strides == (2, 2)
    assert model.get_layer("res3_block1_conv1").strides == (1, 1)
    assert model.get_layer("res3_block1_shortcut").strides == (2, 2)


@pytest.mark.parametrize("name", list(DilatedResNetFCN.presets))
def test_tiny_networks(name, tmp_path):
    def build():
        return models.build(name, tiny=True, residual_gamma_initializer="ones", dropout=0.0)

    model = check_model(build, tmp_path)
    assert {key: value.shape for key, value in model.output.items()} == dict.fromkeys(
        ("logits", "auxiliary_logits"), (None, None, None, 19)
    )


def test_logits_by_hand():
    """Even and odd sizes, every unit as a sum over taps in float64."""
    model = DilatedResNetFCN(**SMALL, upsample_logits=False)
    generator = np.random.default_rng(0)
    for weight in model.weights:
        if "seed" in weight.path:
            continue
        low, high = (0.5, 1.5) if weight.path.endswith(("variance", "gamma")) else (-0.7, 0.7)
        weight.assign(generator.uniform(low, high, weight.shape))

    def normalized(x, name):
        gamma, beta, mean, variance = (
            np.float64(to_numpy(value)) for value in model.get_layer(f"{name}_norm").weights
        )
        return gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta

    def unit(x, name, stride=1, rate=1, final=False):
        kernel = np.float64(to_numpy(model.get_layer(name).kernel))
        if stride == 2 and kernel.shape[0] == 3:
            # Padded on both sides, and then nothing is missing: sizes that are odd.
            x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
            x = convolve(x, kernel)[:, 1:-1:2, 1:-1:2]
        else:
            x = convolve(x, kernel, stride, rate)
        x = normalized(x, name)
        return x if final else np.maximum(x, 0)

    def classify(x, name):
        layer = model.get_layer(name)
        return x @ to_numpy(layer.kernel)[0, 0] + to_numpy(layer.bias)

    for size in ((32, 40), (37, 45)):
        image = generator.standard_normal((2, *size, 3)).astype("float32")
        x = unit(unit(unit(np.float64(image), "stem_conv_1", 2), "stem_conv_2"), "stem_conv_3")
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        x = np.max([padded[:, i:, j:][:, : x.shape[1], : x.shape[2]] for i in range(3) for j in range(3)], 0)
        x, maps = x[:, ::2, ::2], []
        for stage, (blocks, rate) in enumerate(zip(SMALL["num_blocks"], (1, 1, 2, 4), strict=True), 2):
            for block in range(1, blocks + 1):
                name = f"res{stage}_block{block}"
                stride = 2 if name == "res3_block1" else 1
                rate_of_block = max(1, rate // 2) if block == 1 else rate
                shortcut = unit(x, f"{name}_shortcut", stride, final=True) if block == 1 else x
                y = unit(unit(x, f"{name}_conv1"), f"{name}_conv2", stride, rate_of_block)
                x = np.maximum(shortcut + unit(y, f"{name}_conv3", final=True), 0)
            maps.append(x)
        y = unit(unit(maps[-1], "head_conv_1"), "head_conv_2")
        y = unit(np.concatenate([maps[-1], y], -1), "head_fusion_conv")
        expected = {
            "logits": classify(y, "classifier"),
            "auxiliary_logits": classify(unit(maps[-2], "auxiliary_conv"), "auxiliary_classifier"),
        }
        outputs = to_numpy(model(image, training=False))
        for name, wanted in expected.items():
            assert outputs[name].shape == wanted.shape == (2, -(-size[0] // 8), -(-size[1] // 8), 5)
            assert wanted.std() > 0.01
            np.testing.assert_allclose(outputs[name], wanted, atol=1e-5 * np.abs(wanted).max())


def test_blocks_start_as_their_shortcut_and_layers_differ():
    model = models.build("d_resnet_50_fcn", tiny=True, filters=(4, 4, 4, 4), auxiliary_logits=False)
    assert not to_numpy(model.get_layer("res4_block2_conv3_norm").gamma).any()
    assert to_numpy(model.get_layer("res4_block2_conv2_norm").gamma).all()
    kernels = [to_numpy(model.get_layer(f"res{stage}_block2_conv1").kernel) for stage in (4, 5)]
    assert np.abs(kernels[0] - kernels[1]).max() > 0.01
    image = np.random.default_rng(0).standard_normal((1, 37, 50, 3)).astype("float32")
    assert tuple(model(image).shape) == (1, 37, 50, 19)
    part = keras.Model(model.input, [model.get_layer(f"res4_block{block}_relu").output for block in (1, 2)])
    before, after = part(image, training=False)
    np.testing.assert_array_equal(ops.convert_to_numpy(before), ops.convert_to_numpy(after))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"stem_filters": 5}, "`stem_filters` must be even. Received: stem_filters=5"),
        ({"dropout": 1.0}, r"`dropout` must be in \[0, 1\). Received: dropout=1.0"),
        ({"num_blocks": (1, 1)}, r"one entry per stage, two at least. Received: num_blocks=\(1, 1\)"),
        ({"strides": (1, 0, 1, 1)}, "`strides` must be an integer of at least 1. Received: strides=0"),
        ({"head_filters": 0}, "`head_filters` must be an integer of at least 1"),
        ({"strides": (1, 2, 1, 2), "dilation_rates": (1, 1, 2, 4)}, "`stride_at='conv2'` must not go with"),
    ],
)
def test_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        DilatedResNetFCN(**{**SMALL, **changes})


def test_the_stride_has_a_place():
    with pytest.raises(ValueError, match="`stride_at` must be one of 'conv1', 'conv2'"):
        residual_bottleneck(keras.Input((8, 8, 4)), 2, "block", stride_at="conv3")
