"""Convolutions, their adjoints and random data in NumPy float64, for tests that compare with them.

The loops follow the definition sample by sample; nothing in them is shared with the layers.
"""

import itertools
import math

import numpy as np


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def taps_met(sizes, kernel_size, dilation, padding):
    """Output sizes, and every (output position, tap, input position) that meets the input.

    Each position and tap is a tuple with one index per convolved axis. Padding "same" puts
    `((taps - 1) * dilation) // 2` zeros before the first sample; "valid" none.
    """
    output_sizes, axes = [], []
    for size, taps, rate in zip(sizes, kernel_size, dilation, strict=True):
        reach = (taps - 1) * rate
        before = reach // 2 if padding == "same" else 0
        output_sizes.append(size if padding == "same" else size - reach)
        axes.append(
            [
                (position, tap, position + tap * rate - before)
                for position in range(output_sizes[-1])
                for tap in range(taps)
                if 0 <= position + tap * rate - before < size
            ]
        )
    met = (tuple(zip(*indices, strict=True)) for indices in itertools.product(*axes))
    return tuple(output_sizes), met


def loop_conv(x, kernel, dilation, padding):
    """The definition of the dilated convolution, over any number of axes.

    Args:
        x: array (batch, ..., channels).
        kernel: array (taps, ..., channels, filters).
        dilation: tuple with one int per convolved axis.
        padding: `"same"` or `"valid"`.

    Returns:
        Array (batch, ..., filters), float64.
    """
    x, kernel = np.float64(x), np.float64(kernel)
    sizes, met = taps_met(x.shape[1:-1], kernel.shape[:-2], dilation, padding)
    outputs = np.zeros((*sizes, x.shape[0], kernel.shape[-1]))
    x = np.moveaxis(x, 0, -2)
    for position, tap, source in met:
        outputs[position] += x[source] @ kernel[tap]
    return np.moveaxis(outputs, -2, 0)


def loop_conv_gradients(x, kernel, dilation, padding, cotangent):
    """Gradients of sum(loop_conv(x, kernel) * cotangent) with respect to `x` and `kernel`."""
    x, kernel, cotangent = np.float64(x), np.float64(kernel), np.float64(cotangent)
    _, met = taps_met(x.shape[1:-1], kernel.shape[:-2], dilation, padding)
    x, cotangent = np.moveaxis(x, 0, -2), np.moveaxis(cotangent, 0, -2)
    x_gradient, kernel_gradient = np.zeros(x.shape), np.zeros(kernel.shape)
    for position, tap, source in met:
        x_gradient[source] += cotangent[position] @ kernel[tap].T
        kernel_gradient[tap] += x[source].T @ cotangent[position]
    return np.moveaxis(x_gradient, -2, 0), kernel_gradient


def loop_conv_1d(x, kernel, dilation, padding):
    return loop_conv(x, kernel, (dilation,), padding)


def loop_conv_2d(x, kernel, dilation, padding):
    return loop_conv(x, kernel, dilation, padding)


def loop_multidilated_conv(inputs, kernel, rates):
    """Sum over the inputs of their convolutions, each with its own tuple of rates.

    Args:
        inputs: list of arrays (batch, ..., channels_i).
        kernel: array (taps, ..., sum of channels_i, filters).
        rates: list of tuples with one int per convolved axis.
    """
    parts = _kernel_parts(inputs, kernel)
    return sum(loop_conv(x, part, rate, "same") for x, part, rate in zip(inputs, parts, rates, strict=True))


def loop_multidilated_conv_gradients(inputs, kernel, rates, cotangent):
    """Gradients with respect to the inputs (a list) and the kernel."""
    gradients = [
        loop_conv_gradients(x, part, rate, "same", cotangent)
        for x, part, rate in zip(inputs, _kernel_parts(inputs, kernel), rates, strict=True)
    ]
    return [x for x, _ in gradients], np.concatenate([part for _, part in gradients], axis=-2)


def _kernel_parts(inputs, kernel):
    ends = np.cumsum([x.shape[-1] for x in inputs])
    return np.split(np.asarray(kernel), ends[:-1], axis=-2)


def loop_transposed_conv_1d(x, kernel, dilation):
    """Every input sample adds its copy of the kernel to the output; "same" keeps the middle."""
    x, kernel = np.float64(x), np.float64(kernel)
    taps, filters, _ = kernel.shape
    left = (taps - 1) * dilation // 2
    y = np.zeros((x.shape[0], x.shape[1] + (taps - 1) * dilation, filters))
    for t in range(x.shape[1]):
        for j in range(taps):
            y[:, t + j * dilation] += x[:, t] @ kernel[j].T
    return y[:, left : left + x.shape[1]]


def assert_close(ours, reference, scale, tolerance):
    """Asserts equal shapes and |ours - reference| <= tolerance * largest value of `scale`.

    `scale` is the same sum of products taken of absolute values: what rounding is relative to.
    """
    assert ours.shape == reference.shape, (ours.shape, reference.shape)
    largest = max(1.0, float(np.max(scale, initial=0.0)))
    difference = float(np.max(np.abs(np.float64(ours) - reference), initial=0.0))
    assert math.isfinite(difference) and difference <= tolerance * largest, (difference, largest)
