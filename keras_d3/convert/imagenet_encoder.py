"""ImageNet weights of Keras' own ResNet-101 for the encoder of DeepLabv2."""

import re
from pathlib import Path

import keras
import numpy as np

from keras_d3.convert.readers.tensor_table import absurdity


def load_imagenet_encoder(model, weights="imagenet"):
    """Gives the encoder of a DeepLabv2 the weights of `keras.applications.ResNet101`.

    Both are the ResNet-101 of He et al., 2016, with the stride on the first 1x1 convolution and on the
    shortcut; in inference every residual block computes the same. Keras' convolutions have biases `b`, and
    another epsilon `e`; these go into our normalizations exactly:

        mean = mean' - b,   gamma = gamma' sqrt((variance + epsilon) / (variance + e)),   others as they are

    What differs: dilated stages read the same weights at other distances, which is what DeepLab fine-tunes.
    Keras pads the stem on both sides, DeepLab as TensorFlow does, so that images whose height or width is
    not 1 more than a multiple of 4 come out shifted by up to a pixel unless the model was built with
    `stem_padding="both_sides"`. Keras subtracts (103.939, 116.779, 123.68) from BGR pixels, the presets up to
    0.2 other numbers. The papers start from Caffe's weights (and MS-COCO's), which Keras does not ship.

    Args:
        model: `keras.Model` of `keras_d3.models.DeepLabV2`; its encoder is changed in place, the
            output layer and the smoothing weights stay as they are.
        weights: `"imagenet"`, which Keras downloads; or path of such a file of weights (without top); or a
            `keras.Model` with the layers of `keras.applications.ResNet101`, of the same widths.

    Returns:
        `model`.

    Raises:
        FileNotFoundError: there is no file at `weights`.
        ValueError: layers are missing on either side, have other shapes or absurd values; the message lists
            them. Or the file is damaged.

    Example (downloads 170 MB):

        from keras_d3 import models
        from keras_d3.convert import load_imagenet_encoder

        model = load_imagenet_encoder(models.build("deeplab_v2_aspp"))
    """
    source = weights if isinstance(weights, keras.Model) else _resnet_101(weights)
    theirs = {layer.name: layer for layer in source.layers}
    convolutions = [layer for layer in model.layers if _their_name(layer.name) is not None]
    problems = [] if convolutions else ["no convolution called stem_conv or res<2..5>_block<1..>_..."]
    pairs = []
    for layer in convolutions:
        name = _their_name(layer.name)
        conv, norm = theirs.get(f"{name}_conv"), theirs.get(f"{name}_bn")
        if conv is None or norm is None:
            problems.append(f"{layer.name} needs {name}_conv and {name}_bn")
        elif tuple(conv.kernel.shape) != tuple(layer.kernel.shape):
            problems.append(f"{layer.name} {tuple(layer.kernel.shape)}, {name} {tuple(conv.kernel.shape)}")
        else:
            pairs.append((layer, model.get_layer(f"{layer.name}_norm"), conv, norm))
    named = {_their_name(layer.name) for layer in convolutions}
    problems += [
        f"{name} belongs to no convolution of the encoder"
        for name in theirs
        if name.endswith("_conv") and name.removesuffix("_conv") not in named
    ]
    if problems:
        raise ValueError(
            "`model` must be a DeepLabv2 whose encoder has the layers of `weights`. "
            f"Received: {'; '.join(problems)}."
        )
    _check_values(weight for _, _, *layers in pairs for layer in layers for weight in layer.weights)
    for layer, layer_norm, conv, norm in pairs:
        _assign(layer, layer_norm, conv, norm)
    return model


def _resnet_101(weights):
    if weights != "imagenet" and not Path(weights).is_file():
        raise FileNotFoundError(
            "`weights` must be 'imagenet', a file of weights or a model. No file is there. "
            f"Received: weights={str(weights)!r}."
        )
    try:
        return keras.applications.ResNet101(
            include_top=False, weights=weights if weights == "imagenet" else str(weights)
        )
    # A damaged file makes h5py and Keras raise nearly anything; a download fails with errors of its own.
    except Exception as error:
        if weights == "imagenet":
            raise
        raise ValueError(
            f"`weights` must be a file of weights of keras.applications.ResNet101. Received: "
            f"weights={str(weights)!r} ({error}). Get it again."
        ) from error


def _check_values(weights):
    faults = {weight.path: absurdity(keras.ops.convert_to_numpy(weight)) for weight in weights}
    absurd = [f"{path} ({fault})" for path, fault in faults.items() if fault]
    if absurd:
        raise ValueError(
            f"`weights` must be whole. Received: absurd values, as damaged files have them: "
            f"{', '.join(absurd)}. Get the file again."
        )


def _their_name(name):
    """Name of Keras' layer for a convolution of ours, without its suffix; None for other layers."""
    if name == "stem_conv":
        return "conv1"
    match = re.fullmatch(r"res(\d+)_block(\d+)_(?:conv([123])|shortcut)", name)
    if match is None:
        return None
    stage, block, number = match.groups()
    return f"conv{stage}_block{block}_{number or 0}"


def _assign(layer, layer_norm, conv, norm):
    layer.kernel.assign(conv.kernel)
    gamma, beta, mean, variance = (
        keras.ops.convert_to_numpy(weight).astype("float64")
        for weight in (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)
    )
    bias = 0.0 if conv.bias is None else keras.ops.convert_to_numpy(conv.bias).astype("float64")
    layer_norm.gamma.assign(gamma * np.sqrt((variance + layer_norm.epsilon) / (variance + norm.epsilon)))
    layer_norm.beta.assign(beta)
    layer_norm.moving_mean.assign(mean - bias)
    layer_norm.moving_variance.assign(variance)
