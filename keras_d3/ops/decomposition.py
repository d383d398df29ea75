"""A dilated convolution in three steps: periodic subsampling, shared convolution, reinterlacing.

Section 3.1 of Wang and Ji, 2018, "Smoothed Dilated Convolutions for Improved Dense Prediction"
(https://arxiv.org/abs/1808.08931). With dilation r over d axes, a map is r**d interleaved groups
that a dilated convolution never lets exchange anything; that is where its gridding comes from.
"""

import math

from keras import ops

from keras_d3.ops.padding import crop_end_to, pad_end_to_multiples
from keras_d3.utils import check_choice, check_int_tuple


def periodic_subsampling(inputs, dilation_rate):
    """Splits a map into the groups of positions that are equal modulo the dilation rate.

        groups[g, b, u, v, c] = inputs[b, u * r0 + g // r1, v * r1 + g % r1, c],   (r0, r1) = dilation_rate

    Step 1 in section 3.1 of Wang and Ji, 2018. The groups come in the order of the official code:
    row offset times r1 plus column offset. Zeros are appended to axes that are no multiple of
    their rate, as the official code does.

    Args:
        inputs: tensor (batch, time, channels) or (batch, height, width, channels); sizes may be unknown.
        dilation_rate: int, or one int per convolved axis.

    Returns:
        Tensor (groups, batch, ceil(time / r), channels), or (groups, batch, ceil(height / r0),
        ceil(width / r1), channels), with `r` or `r0 * r1` groups.

    Raises:
        ValueError: `inputs` has neither three nor four axes, or `dilation_rate` breaks its rule.

    Example:

    >>> import numpy as np
    >>> from keras_d3.ops import periodic_subsampling
    >>> np.array(periodic_subsampling(np.arange(6.0).reshape(1, 6, 1), 2))[..., 0].tolist()
    [[[0.0, 2.0, 4.0]], [[1.0, 3.0, 5.0]]]
    """
    inputs = ops.convert_to_tensor(inputs)
    rates = _check_rates(inputs, "inputs", dilation_rate, len(inputs.shape) - 2)
    inputs = pad_end_to_multiples(inputs, rates)
    rank = len(rates)
    split = [ops.shape(inputs)[0]]
    for size, rate in zip(ops.shape(inputs)[1:-1], rates, strict=True):
        split += [size // rate, rate]
    channels = inputs.shape[-1]
    phases = [2 + 2 * axis for axis in range(rank)]
    steps = [1 + 2 * axis for axis in range(rank)]
    groups = ops.transpose(ops.reshape(inputs, (*split, channels)), (*phases, 0, *steps, 1 + 2 * rank))
    return ops.reshape(groups, (math.prod(rates), *split[:1], *(split[step] for step in steps), channels))


def reinterlacing(groups, dilation_rate):
    """Puts the groups of `periodic_subsampling` back in their places.

    Step 3 in section 3.1 of Wang and Ji, 2018, and the inverse of step 1 for sizes that are
    multiples of the rates.

    Args:
        groups: tensor (groups, batch, time, channels) or (groups, batch, height, width, channels).
        dilation_rate: int, or one int per convolved axis, as given to `periodic_subsampling`.

    Returns:
        Tensor (batch, time * r, channels) or (batch, height * r0, width * r1, channels).

    Raises:
        ValueError: `groups` has another number of axes or of groups, or `dilation_rate` breaks its rule.

    Example:

    >>> import numpy as np
    >>> from keras_d3.ops import periodic_subsampling, reinterlacing
    >>> x = np.arange(6.0).reshape(1, 6, 1)
    >>> bool(np.all(np.array(reinterlacing(periodic_subsampling(x, 2), 2)) == x))
    True
    """
    groups = ops.convert_to_tensor(groups)
    rank = len(groups.shape) - 3
    rates = _check_rates(groups, "groups", dilation_rate, rank)
    if groups.shape[0] != math.prod(rates):
        raise ValueError(
            "`groups` must hold one group per offset, the product of the dilation rates on its first axis. "
            f"Received: shape={tuple(groups.shape)}, dilation_rate={rates}."
        )
    batch, *sizes = ops.shape(groups)[1:-1]
    channels = groups.shape[-1]
    split = ops.reshape(groups, (*rates, batch, *sizes, channels))
    order = [rank]
    for axis in range(rank):
        order += [rank + 1 + axis, axis]
    outputs = ops.transpose(split, (*order, 1 + 2 * rank))
    joined = [size * rate for size, rate in zip(sizes, rates, strict=True)]
    return ops.reshape(outputs, (batch, *joined, channels))


def decomposed_dilated_conv(inputs, kernel, dilation_rate, padding="same"):
    """Dilated convolution by its definition in three steps.

    Section 3.1 of Wang and Ji, 2018: periodic subsampling into r**d groups, one ordinary convolution
    that all groups share, reinterlacing. It equals `DilatedConv1D` and `DilatedConv2D` for every
    size, kernel and rate; those take the fastest algorithm. Differences from the official code:
    even kernels and padding "valid" are computed too.

    Args:
        inputs: tensor (batch, time, channels) or (batch, height, width, channels).
        kernel: tensor (taps, channels, filters) or (taps, taps, channels, filters), the kernel
            without dilation.
        dilation_rate: int, or one int per convolved axis.
        padding: `"same"` or `"valid"`.

    Returns:
        Tensor like `inputs` with `filters` channels; with "valid" `(taps - 1) * dilation_rate`
        positions fewer on each axis.

    Raises:
        ValueError: an argument breaks its rule, or `inputs` and `kernel` do not fit together.

    Example: ten by ten values, a kernel 3x3, rate 2: four groups 5x5, four results 3x3, one map 6x6.

    >>> import numpy as np
    >>> from keras_d3.ops import decomposed_dilated_conv
    >>> x, kernel = np.ones((1, 10, 10, 1), "float32"), np.ones((3, 3, 1, 1), "float32")
    >>> tuple(decomposed_dilated_conv(x, kernel, 2, "valid").shape)
    (1, 6, 6, 1)
    """
    inputs, kernel = ops.convert_to_tensor(inputs), ops.convert_to_tensor(kernel)
    rank = len(inputs.shape) - 2
    rates = _check_rates(inputs, "inputs", dilation_rate, rank)
    check_choice("padding", padding, ("same", "valid"))
    if len(kernel.shape) != rank + 2 or kernel.shape[-2] != inputs.shape[-1]:
        raise ValueError(
            "`kernel` must have the axes (taps per convolved axis, input channels, filters) that belong to "
            f"`inputs`. Received: kernel shape={tuple(kernel.shape)}, inputs shape={tuple(inputs.shape)}."
        )
    reaches = [(taps - 1) * rate for taps, rate in zip(kernel.shape[:rank], rates, strict=True)]
    sizes = ops.shape(inputs)[1:-1]
    if padding == "same":
        # Padded before the split, so that an odd surplus (even kernels) stays exact.
        around = [(reach // 2, reach - reach // 2) for reach in reaches]
        inputs = ops.pad(inputs, [(0, 0), *around, (0, 0)])
    else:
        sizes = [size - reach for size, reach in zip(sizes, reaches, strict=True)]
    groups = periodic_subsampling(inputs, rates)
    count, batch, *steps = ops.shape(groups)[:-1]
    flat = ops.reshape(groups, (count * batch, *steps, inputs.shape[-1]))
    convolved = ops.conv(flat, kernel, strides=1, padding="valid", data_format="channels_last")
    kept = ops.shape(convolved)[1:-1]
    groups = ops.reshape(convolved, (count, batch, *kept, kernel.shape[-1]))
    return crop_end_to(reinterlacing(groups, rates), sizes)


def _check_rates(tensor, name, dilation_rate, rank):
    if rank not in (1, 2):
        axes = "(batch, time, channels) or (batch, height, width, channels)"
        if name == "groups":
            axes = "(groups, batch, time, channels) or (groups, batch, height, width, channels)"
        raise ValueError(f"`{name}` must have the axes {axes}. Received: shape={tuple(tensor.shape)}.")
    return check_int_tuple("dilation_rate", dilation_rate, rank)
