"""Keras' own ResNets give DeepLabv2's encoder their weights, and the same features."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_d3 import models
from keras_d3.convert import load_imagenet_encoder
from keras_d3.models import DeepLabV2

SMALL = {"num_blocks": (2, 1), "filters": (2, 3), "stem_filters": 4, "classifier_rates": (1,)}
# The strides of the classifying network, and no dilation.
UNDILATED = {"strides": (1, 2), "dilation_rates": (1, 1)}


@pytest.fixture(scope="module")
def resnet():
    """The layers of `keras.applications.ResNet101`, few and narrow, with random weights."""

    def conv(x, name, *args, **kwargs):
        x = keras.layers.Conv2D(*args, **kwargs, name=f"{name}_conv")(x)
        return keras.layers.BatchNormalization(epsilon=1.001e-5, name=f"{name}_bn")(x)

    def relu(x):
        return keras.layers.Activation("relu")(x)

    image = keras.Input((None, None, 3))
    x = relu(conv(keras.layers.ZeroPadding2D(3)(image), "conv1", 4, 7, strides=2))
    x = keras.layers.MaxPooling2D(3, strides=2)(keras.layers.ZeroPadding2D(1)(x))
    for name, filters, stride, is_first in (
        ("conv2_block1", 2, 1, True),
        ("conv2_block2", 2, 1, False),
        ("conv3_block1", 3, 2, True),
    ):
        shortcut = conv(x, f"{name}_0", 4 * filters, 1, strides=stride) if is_first else x
        x = relu(conv(x, f"{name}_1", filters, 1, strides=stride))
        x = relu(conv(x, f"{name}_2", filters, 3, padding="same"))
        x = relu(keras.layers.Add()([shortcut, conv(x, f"{name}_3", 4 * filters, 1)]))
    model = keras.Model(image, x)
    draw(model)
    return model


def draw(model):
    generator = np.random.default_rng(0)
    for weight in model.weights:
        low = 0.01 if "variance" in weight.path else -1.0
        weight.assign(generator.uniform(low, 1.0, weight.shape) / weight.shape[0] ** 0.25)


def features(model, last):
    return keras.Model(model.input, model.get_layer(last).output)


@pytest.mark.parametrize("stem_padding,size", [("both_sides", (34, 52)), ("same", (37, 53))])
def test_features_equal_those_of_keras(resnet, stem_padding, size):
    """Sizes of 1 more than a multiple of 4 need no padding on both sides."""
    model = DeepLabV2(**SMALL, **UNDILATED, stem_padding=stem_padding)
    classifier = [ops.convert_to_numpy(weight) + 0.0 for weight in model.layers[-1].weights]
    assert load_imagenet_encoder(model, resnet) is model
    image = np.random.default_rng(1).standard_normal((2, *size, 3)).astype("float32")
    expected = ops.convert_to_numpy(resnet(image, training=False))
    outputs = ops.convert_to_numpy(features(model, "res3_block1_relu")(image, training=False))
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(outputs, expected, atol=1e-5 * np.abs(expected).max())
    for weight, old in zip(model.layers[-1].weights, classifier, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(weight), old)


def test_errors(resnet, tmp_path):
    with pytest.raises(FileNotFoundError, match="`weights` must be 'imagenet', a file.*nothing.h5"):
        load_imagenet_encoder(DeepLabV2(**SMALL, **UNDILATED), tmp_path / "nothing.h5")
    wider = DeepLabV2(**{**SMALL, "filters": (2, 5)}, **UNDILATED)
    with pytest.raises(ValueError, match=r"Received: res3_block1_conv1 \(1, 1, 8, 5\), conv3_block1_1 "):
        load_imagenet_encoder(wider, resnet)
    deeper = DeepLabV2(**{**SMALL, "num_blocks": (2, 2)}, **UNDILATED)
    with pytest.raises(ValueError, match="Received: res3_block2_conv1 needs conv3_block2_1_conv and conv3"):
        load_imagenet_encoder(deeper, resnet)
    shallower = DeepLabV2(**{**SMALL, "num_blocks": (1, 1)}, **UNDILATED)
    with pytest.raises(ValueError, match="conv2_block2_1_conv belongs to no convolution of the encoder"):
        load_imagenet_encoder(shallower, resnet)
    with pytest.raises(ValueError, match="Received: no convolution called stem_conv"):
        load_imagenet_encoder(keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(2, 3)]), resnet)


@pytest.mark.large
def test_the_full_encoder_equals_keras_resnet_101(tmp_path):
    resnet = keras.applications.ResNet101(include_top=False, weights=None)
    resnet.save_weights(tmp_path / "resnet.weights.h5")
    model = models.build("deeplab_v2_aspp_separable_shared", strides=(1, 2, 2, 2), dilation_rates=(1,) * 4)
    load_imagenet_encoder(model, tmp_path / "resnet.weights.h5")
    image = np.random.default_rng(1).standard_normal((1, 65, 97, 3)).astype("float32")
    expected = ops.convert_to_numpy(resnet(image, training=False))
    outputs = ops.convert_to_numpy(features(model, "res5_block3_relu")(image, training=False))
    np.testing.assert_allclose(outputs, expected, atol=1e-4 * np.abs(expected).max())
