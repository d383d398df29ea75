"""Theoretical receptive field, in frames, of the multi-band networks."""

from keras_d3.models.multi_band.band import to_band, to_bands, to_final_block
from keras_d3.utils import check_int_tuple


def multi_band_receptive_field(arguments):
    """Returns how many input frames can reach one output frame.

    An output frame is followed backwards through every path: a convolution widens its interval by
    `(kernel - 1) * dilation`, a pooling and an up-sampling by 2 map it to the finer or coarser
    grid. The up-sampling makes the field depend on where the frame lies on the coarsest grid; the
    widest one counts. Batch normalisation in training mode, which sees the whole batch, does not.

    Args:
        arguments: dict of the builder's arguments, as `Preset.merged_arguments` returns it.

    Returns:
        int, frames. The longest path goes through every layer of every block, so the field may be
        far longer than the excerpts a network is trained on.
    """
    dilation = arguments.get("dilation", "none")
    bands = list(to_bands(arguments["bands"]))
    if arguments["full"] is not None:
        bands.append(to_band(arguments["full"], "full"))
    final = to_final_block(arguments["final_block"])
    head = check_int_tuple("head_kernel_size", arguments["head_kernel_size"], 2)[0]
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
