"""Closed forms of the networks' theoretical receptive fields, to check `analysis.receptive_field` by."""

import dataclasses

from keras_d3 import models


def formula(name, tiny=False, **overrides):
    """Returns samples (waveform) or frames (spectrogram) for a preset; None where there is no closed form."""
    preset = models.find_preset(name)
    arguments = preset.network.arguments_class(
        **{**preset.arguments, **(preset.tiny if tiny else {}), **overrides}
    )
    function = FORMULAS.get(preset.network)
    return None if function is None else function(as_dict(arguments))


def as_dict(arguments):
    return {field.name: getattr(arguments, field.name) for field in dataclasses.fields(arguments)}


def wave_u_net(arguments):
    """Returns how many input samples can reach one output sample of a Wave-U-Net.

    The path through the bottleneck is followed back for every position an output sample can have
    within a bottleneck step, and the widest result is taken; the skips lie inside it. Borders, where
    padding replaces samples, are not considered.

    Args:
        arguments: dict with `num_levels`, `kernel_size`, `up_kernel_size`, `output_kernel_size`.

    Returns:
        int, samples.
    """
    num_levels, kernel_size = arguments["num_levels"], arguments["kernel_size"]
    widest = 0
    for position in range(2**num_levels):
        first, last = position, position + arguments["output_kernel_size"] - 1
        for _ in range(num_levels):
            last += arguments["up_kernel_size"] - 1
            # Sample 2 t + 1 is made of samples t and t + 1.
            first, last = first // 2, -(-last // 2)
        last += kernel_size - 1
        for _ in range(num_levels):
            first, last = 2 * first, 2 * last + kernel_size - 1
        widest = max(widest, last - first + 1)
    return widest


def dilated_u_net(arguments):
    """Returns how many input samples can reach one output sample of a dilated network.

    `1 + sum of (taps - 1) * dilation` over the longest chain of convolutions; the network may be
    dense or not. It counts what kernels reach, however short the segment: with the paper's rates
    it is ten times the 16,384 samples, so that many taps meet padding only.

    Args:
        arguments: dict of the builder's arguments.

    Returns:
        int, samples.
    """
    total = sum(map(sum, arguments["dilation_rates"]))
    bottleneck = arguments["bottleneck_layers"] * arguments["bottleneck_dilation_rate"]
    return (
        1
        + (arguments["kernel_size"] - 1) * total
        + (arguments["bottleneck_kernel_size"] - 1) * bottleneck
        + (arguments["up_kernel_size"] - 1) * total
        + (arguments["output_kernel_size"] - 1)
    )


def multi_band(arguments):
    """Returns how many input frames can reach one output frame.

    An output frame is followed backwards through every path: a convolution widens its interval by
    `(kernel - 1) * dilation`, a pooling and an up-sampling by 2 map it to the finer or coarser
    grid. The up-sampling makes the field depend on where the frame lies on the coarsest grid; the
    widest one counts. Batch normalization in training mode, which sees the whole batch, does not.

    Args:
        arguments: dict of the builder's arguments, as `Preset.merged_arguments` returns it.

    Returns:
        int, frames. The longest path goes through every layer of every block, so the field may be
        far longer than the excerpts a network is trained on.
    """
    dilation = arguments.get("dilation", "none")
    bands = [band for band in (*arguments["bands"], arguments["full_band"]) if band is not None]
    final, head = arguments["final_block"], arguments["head_kernel_size"][0]
    period = 2 ** max(band.num_poolings for band in bands)
    longest = 0
    for frame in range(period):
        low, high = _through_conv(frame, frame, head)
        if final is not None:
            low, high = _through_block(
                low,
                high,
                (final.growth_rate, final.num_layers, 1),
                final.kernel_size[0],
                arguments.get("final_dilation") or dilation,
            )
        ends = [_through_band(low, high, band, dilation) for band in bands]
        longest = max(longest, max(end for _, end in ends) - min(start for start, _ in ends) + 1)
    return longest


def _through_conv(low, high, kernel, rate=1):
    before = (kernel - 1) * rate // 2
    return low - before, high + (kernel - 1) * rate - before


def _through_block(low, high, block, kernel, dilation):
    """The longest path: through every layer of every block, from each source to the next."""
    _, num_layers, num_blocks = block
    for _ in range(num_blocks):
        for layer in range(num_layers):
            low, high = _through_conv(low, high, kernel, 1 if dilation == "none" else 2**layer)
    return low, high


def _through_band(low, high, band, dilation):
    depth = band.num_poolings

    def through(index, low, high):
        return _through_block(low, high, band.blocks[index], band.kernel_size[0], dilation)

    def from_down_block(scale, low, high):
        """From the output of the down path's block at `scale` to the band's input."""
        low, high = through(scale, low, high)
        if scale == 0:
            return _through_conv(low, high, band.first_kernel_size[0])
        return from_down_block(scale - 1, 2 * low, 2 * high + 1)

    def from_up_block(scale, low, high):
        """From the output of the up path's block at `scale`: through the skip and from below."""
        if scale == depth:
            return from_down_block(depth, low, high)  # the deepest block has index `depth`
        low, high = through(2 * depth - scale, low, high)
        skip = from_down_block(scale, low, high)
        below = from_up_block(scale + 1, low // 2, high // 2)
        return min(skip[0], below[0]), max(skip[1], below[1])

    return from_up_block(0, low, high)


FORMULAS = {
    models.WaveUNet: wave_u_net,
    models.DilatedUNet: dilated_u_net,
    models.DilatedDenseUNet: dilated_u_net,
    models.MMDenseNet: multi_band,
    models.D3Net: multi_band,
}
