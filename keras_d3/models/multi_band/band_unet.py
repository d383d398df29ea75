"""One band's network: dense blocks at falling, then at rising resolution, with skips."""

import math

import keras


class BandUNet:
    """The U-Net of dense blocks that MMDenseNet and D3Net have per band.

    First convolution; per scale a dense block and a pooling 2x2; the deepest block; per scale an
    up-sampling by a transposed convolution 2x2 with bias, the concatenation [up-sampled maps, skip], and
    a dense block. `MultiBandArguments` says where the papers, their texts and the official code differ.

    An odd number of bins is padded before a pooling and cropped after the up-sampling; the number
    of frames must be a multiple of `2 ** band.num_poolings`.

    Args:
        network: `MultiBandNetwork` that makes the layers.
        band: `Band`.
    """

    def __init__(self, network, band):
        self._network, self._band = network, band

    def __call__(self, inputs):
        """Returns the last dense block's maps, (batch, frames, bins, maps) like the inputs."""
        band = self._band
        x = self._conv(band.filters, band.first_kernel_size, "first_conv")(inputs)
        x, skips = self._down_path(x)
        x = self._block(band.num_poolings, "bottleneck")(x)
        return self._up_path(x, skips)

    def _down_path(self, x):
        pooling = {"average": keras.layers.AveragePooling2D, "max": keras.layers.MaxPooling2D}
        pool = pooling[self._network.arguments.pooling]
        skips = []
        for index in range(self._band.num_poolings):
            x = self._block(index, f"down_{index + 1}")(x)
            skips.append(x)
            x = self._transition(x, f"transition_{index + 1}")
            x = self._pad_odd_bins(x, self._name(f"pad_{index + 1}"))
            x = pool(2, data_format="channels_last", name=self._name(f"pool_{index + 1}"))(x)
        return x, skips

    def _transition(self, x, name):
        compression = self._network.arguments.transition_compression
        if compression is None:
            return x
        x = keras.layers.ReLU(name=self._name(f"{name}_relu"))(self._norm(f"{name}_norm")(x))
        return self._conv(math.ceil(compression * x.shape[-1]), 1, f"{name}_conv")(x)

    def _up_path(self, x, skips):
        for index, skip in enumerate(reversed(skips)):
            name = f"up_{index + 1}"
            filters = math.ceil(self._band.upsample_compression[index] * x.shape[-1])
            if self._network.arguments.upsample_norm:
                x = self._norm(f"{name}_norm")(x)
            # Kernel = stride: no overlap, as in the official D3Net code.
            x = keras.layers.Conv2DTranspose(
                filters,
                2,
                strides=2,
                data_format="channels_last",
                kernel_initializer=self._network.arguments.upsample_initializer,
                name=self._name(f"{name}_conv"),
            )(x)
            x = self._crop_bins(x, skip.shape[2], self._name(f"{name}_crop"))
            x = keras.layers.Concatenate(name=self._name(f"{name}_skip"))([x, skip])
            x = self._block(len(skips) + 1 + index, name)(x)
        return x

    def _name(self, name):
        return f"{self._band.name}_{name}"

    def _conv(self, filters, kernel_size, name):
        return self._network.make_conv(filters, kernel_size, self._name(name))

    def _norm(self, name):
        return self._network.make_norm(self._name(name))

    def _block(self, index, name):
        return self._network.make_block(*self._band.blocks[index], self._band.kernel_size, self._name(name))

    def _pad_odd_bins(self, x, name):
        if x.shape[2] % 2 == 0:
            return x
        if self._network.arguments.pad_mode == "zero_end":
            return keras.layers.ZeroPadding2D(((0, 0), (0, 1)), data_format="channels_last", name=name)(x)
        first = bins_of(x, 0, 1, f"{name}_first")
        return keras.layers.Concatenate(axis=2, name=name)([first, x])

    def _crop_bins(self, x, num_bins, name):
        start = 0 if self._network.arguments.pad_mode == "zero_end" else x.shape[2] - num_bins
        return bins_of(x, start, start + num_bins, name)


def bins_of(x, start, stop, name, dtype=None):
    """Returns the bins `start` to `stop` (exclusive) of a spectrogram; all of them as they are.

    Args:
        x: symbolic tensor (batch, frames, bins, channels).
        start, stop: ints, bins.
        name: string, name of the layer, if one is needed.
        dtype: string, dtype of that layer, or None.
    """
    num_bins = x.shape[2]
    if (start, stop) == (0, num_bins):
        return x
    cropping = ((0, 0), (start, num_bins - stop))
    return keras.layers.Cropping2D(cropping, data_format="channels_last", name=name, dtype=dtype)(x)
