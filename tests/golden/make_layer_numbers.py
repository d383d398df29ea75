"""Writes layer_numbers.npz: outputs and gradients of layers and blocks, for comparison across backends.

    KERAS_BACKEND=tensorflow python -m tests.golden.make_layer_numbers

The numbers are the ones that TensorFlow computes in float64; the tests compare float32 with them.
A case is a line of CASES: name, how to make the layer, shape of the input or list of shapes. Every weight
and input is drawn with NumPy from the seed, so that nothing but results is stored.
"""

import os
from pathlib import Path

# Only some backends read it; it has to be set before keras is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import ops  # noqa: E402

from keras_d3 import blocks, layers  # noqa: F401
from tests.helpers.gradients import gradients  # noqa: F401

FILE = Path(__file__).with_name("layer_numbers.npz")

SEQUENCE, SHORT_SEQUENCE = (2, 23, 3), (1, 12, 3)
IMAGE = (2, 9, 7, 3)
SEQUENCES, IMAGES = [(2, 11, 2), (2, 11, 3), (2, 11, 1)], [(1, 9, 7, 2), (1, 9, 7, 3), (1, 9, 7, 1)]

CASES = {
    "dilated_conv_1d": (lambda: layers.DilatedConv1D(4, 3, 2), SEQUENCE),
    "dilated_conv_1d_on_grid": (lambda: layers.DilatedConv1D(4, 4, 8, activation="tanh"), SEQUENCE),
    "dilated_conv_1d_as_matmul": (lambda: layers.DilatedConv1D(4, 5, 8), SEQUENCE),
    "dilated_conv_1d_valid": (lambda: layers.DilatedConv1D(4, 2, 9, padding="valid"), SEQUENCE),
    "dilated_conv_2d": (lambda: layers.DilatedConv2D(4, (3, 2), (2, 3)), IMAGE),
    "dilated_conv_2d_valid": (lambda: layers.DilatedConv2D(4, 2, (3, 1), padding="valid"), IMAGE),
    "multidilated_conv_1d": (lambda: layers.MultidilatedConv1D(4, 3), SEQUENCES),
    "multidilated_conv_1d_rates": (lambda: layers.MultidilatedConv1D(4, 2, [8, 1, 8]), SEQUENCES),
    "multidilated_conv_2d": (lambda: layers.MultidilatedConv2D(4, 3), IMAGES),
    "multidilated_conv_2d_rates": (lambda: layers.MultidilatedConv2D(4, 2, [(1, 2), 3, (1, 2)]), IMAGES),
    "group_interaction_1d": (lambda: layers.SmoothedDilatedConv1D(4, 3, 4), SEQUENCE),
    "group_interaction_2d": (lambda: layers.SmoothedDilatedConv2D(4, 3, 2), IMAGE),
    "group_interaction_masked": (
        lambda: layers.SmoothedDilatedConv2D(4, 3, 2, padding_leak="masked"),
        IMAGE,
    ),
    "separable_shared_convolution_1d": (
        lambda: layers.SmoothedDilatedConv1D(4, 3, 4, "separable_shared_convolution"),
        SEQUENCE,
    ),
    "separable_shared_convolution_2d": (
        lambda: layers.SmoothedDilatedConv2D(4, 3, 2, "separable_shared_convolution"),
        IMAGE,
    ),
    "decimation": (lambda: layers.Decimation1D(), SEQUENCE),
    "linear_upsampling": (lambda: layers.LinearUpsampling1D(), SEQUENCE),
    "linear_upsampling_valid": (lambda: layers.LinearUpsampling1D(padding="valid"), SEQUENCE),
    "learned_upsampling": (lambda: layers.LearnedUpsampling1D(), SEQUENCE),
    "learned_upsampling_valid": (lambda: layers.LearnedUpsampling1D(padding="valid"), SEQUENCE),
    "center_crop": (lambda: layers.CenterCrop1D(4), SEQUENCE),
    "crop_like": (lambda: layers.CropLike(), [SEQUENCE, (2, 12, 3)]),
    "resize_like": (lambda: layers.ResizeLike(), [IMAGE, (2, 21, 5, 1)]),
    "pad_to_multiple": (lambda: layers.PadToMultiple(4), IMAGE),
    "per_bin_affine": (lambda: layers.PerBinAffine(), IMAGE),
    "stft": (lambda: layers.STFT(16, 4), SEQUENCE),
    "inverse_stft": (lambda: layers.InverseSTFT(16, 4), [(2, 6, 9, 2)] * 2),
    "batch_normalization": (lambda: layers.BatchNormalization(epsilon=1e-5), IMAGE),
    "norm_relu_conv_1d": (lambda: layers.NormReluConv1D(4, 3, 2), SEQUENCE),
    "norm_relu_conv_2d": (lambda: layers.NormReluConv2D(4, 3, 2, recompute=True), IMAGE),
    "norm_relu_conv_2d_of_a_list": (lambda: layers.NormReluConv2D(4, 3, dilation_rates=[1, 2, 3]), IMAGES),
    "dense_block": (lambda: blocks.DenseBlock(3, 2), IMAGE),
    "dense_block_normalized_by_layer": (lambda: blocks.DenseBlock(3, 2, norm="layer"), IMAGE),
    "d2_block": (lambda: blocks.D2Block(3, 3), IMAGE),
    "d2_block_1d": (lambda: blocks.D2Block(3, 3, rank=1), SEQUENCE),
    "d2_block_all_options": (
        lambda: blocks.D2Block(3, 2, output_layers="all", bottleneck_filters=2, compression=0.5),
        IMAGE,
    ),
    # The stored numbers were computed pair by pair.
    "d2_block_literal": (lambda: blocks.D2Block(3, 3), IMAGE),
    "d3_block": (lambda: blocks.D3Block(2, 2, 3), IMAGE),
    "d3_block_concatenated": (lambda: blocks.D3Block(2, 2, 2, connection="concatenate"), IMAGE),
    "dilated_dense_block": (lambda: blocks.DilatedDenseBlock(3, 3, (1, 2, 9)), SHORT_SEQUENCE),
    "dense_bottleneck_block": (lambda: blocks.DenseBottleneckBlock(2, 2, 2), IMAGE),
    "object_context": (lambda: blocks.ObjectContext(4, 3), [IMAGE, (2, 9, 7, 5)]),
}


def numbers(name, dtype):
    """The layer's outputs and the gradients of their weighted sum.

    Args:
        name: key of `CASES`.
        dtype: `"float32"` or `"float64"`, of inputs, weights and computation.

    Returns:
        Dict from `"output"`, `"gradient of input 0"`, `"gradient of <weight>"`, ... to NumPy arrays.
    """
    make, shapes = CASES[name]
    generator = np.random.default_rng(sum(map(ord, name)))
    keras.config.set_dtype_policy(dtype)
    try:
        layer = make()
        # Blocks make their children when they are built, under the policy of that moment.
        is_list = isinstance(shapes, list)
        layer.build(shapes)
    finally:
        keras.config.set_dtype_policy("float32")
    inputs = [generator.standard_normal(shape).astype(dtype) for shape in (shapes if is_list else [shapes])]
    variables = [draw(generator, weight).astype(dtype) for weight in layer.trainable_variables]
    others = [draw(generator, weight).astype(dtype) for weight in layer.non_trainable_variables]

    def call(*arrays):
        given = [ops.convert_to_tensor(array) for array in arrays[: len(inputs)]]
        outputs, _ = layer.stateless_call(list(arrays[len(inputs) :]), others, given if is_list else given[0])
        # Layers with several outputs: all values in one vector.
        flat = [ops.reshape(output, (-1,)) for output in keras.tree.flatten(outputs)]
        return ops.concatenate(flat)

    cotangent = np.sin(np.arange(10_000.0))[: call(*inputs, *variables).shape[0]]
    output, found = gradients(call, inputs + variables, cotangent)
    keys = [f"gradient of input {index}" for index in range(len(inputs))]
    keys += [f"gradient of {weight.path.partition('/')[2]}" for weight in layer.trainable_variables]
    return {"output": output, **dict(zip(keys, found, strict=True))}


def draw(generator, weight):
    """Values for a weight: positive for scales and variances, of the usual size for kernels."""
    if weight.path.endswith(("variance", "gamma")):
        return generator.uniform(0.5, 2.0, weight.shape)
    fan_in = np.prod(weight.shape[:-1]) if len(weight.shape) > 1 else 4
    return generator.standard_normal(weight.shape) / np.sqrt(fan_in)


def main():
    found = {
        f"{name}: {key}": value for name in CASES for key, value in numbers(name, dtype="float64").items()
    }
    np.savez_compressed(FILE, **{key: np.float64(value) for key, value in found.items()})


if __name__ == "__main__":
    main()
