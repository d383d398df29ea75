"""Floating-point operations of a network, counted from its kernels."""

import math

import keras


def convolution_flops(model: keras.Model, input_shape: tuple[int, ...]) -> int:
    """Counts the operations of a network's convolutions and matrix products in inference.

    Two (a product and a sum) for every weight of a kernel at every position of its output, or of its input
    for transposed convolutions; the kernels inside a block are at the positions of the block's output.
    Normalization, activations and transforms are left out: they are passes over memory.

    Args:
        model: `keras.Model` of one input.
        input_shape: tuple of ints with the batch axis, which is counted too.

    Returns:
        int.

    Example:

    >>> import keras
    >>> from keras_d3.analysis import convolution_flops
    >>> layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, padding="same")]
    >>> convolution_flops(keras.Sequential(layers), (1, 8, 8, 3)) == 2 * 64 * 3 * 3 * 3 * 4
    True
    """
    positions = {}
    try:
        for layer in model.layers:
            layer.compute_output_spec = _noting_positions(layer, positions)
        model.compute_output_spec(keras.KerasTensor(input_shape, model.inputs[0].dtype))
    finally:
        for layer in model.layers:
            vars(layer).pop("compute_output_spec", None)
    return sum(2 * positions.get(layer.name, 0) * _kernel_weights(layer) for layer in model.layers)


def _noting_positions(layer, positions):
    """The layer's `compute_output_spec`, which notes how many positions (batch included) a kernel visits."""
    compute_output_spec = layer.compute_output_spec

    def noting(*args, **kwargs):
        outputs = compute_output_spec(*args, **kwargs)
        is_transposed = "Transpose" in type(layer).__name__
        first = keras.tree.flatten(args[0] if is_transposed else outputs)[0]
        positions[layer.name] = math.prod(first.shape[:-1])
        return outputs

    return noting


def _kernel_weights(layer):
    """The number of weights in the kernels of a layer and of the layers in it."""
    kernels = [weight for weight in layer.trainable_weights if weight.path.rpartition("/")[2] == "kernel"]
    return sum(math.prod(kernel.shape) for kernel in kernels)
