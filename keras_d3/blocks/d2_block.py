"""D2 block: a dense block whose dilation belongs to the source of each connection."""

import keras

from keras_d3.blocks.dense_block import DenseBlock


@keras.saving.register_keras_serializable(package="keras_d3")
class D2Block(DenseBlock):
    """Densely connected multidilated layers, the D2 block of D3Net.

    Section 4 and equation 2 of Takahashi and Mitsufuji, "Densely connected multi-dilated
    convolutional networks for dense prediction tasks", CVPR 2021
    (https://arxiv.org/abs/2011.11844): layer `l` computes

        x_l = sum over i < l of (psi(x_i) *_{d_i} w_l_i),   d_i = 2**i,   psi = batch norm, ReLU

    The block's input (i = 0) is always read with dilation 1 and the newest maps with the largest
    one, so that a dilated convolution only meets maps whose receptive field already covers the
    distance between its taps.

    It is `DenseBlock` with `dilation="multidilated"` as default; the ablations of the paper are
    `dilation="standard"` and `dilation="none"`. Differences from the paper and from the official
    code, all other arguments, errors: see `DenseBlock`. Audio networks return the last layer's
    maps; segmentation networks use `bottleneck_filters = 4 * growth_rate`, the last 4 layers and a
    `compression`.

    Call arguments, returns: as in `DenseBlock`.

    Example:

    >>> import numpy as np
    >>> from keras_d3.blocks import D2Block
    >>> block = D2Block(growth_rate=16, num_layers=5)
    >>> tuple(block(np.zeros((1, 64, 128, 32), "float32")).shape)
    (1, 64, 128, 16)
    """

    def __init__(self, growth_rate, num_layers, kernel_size=3, rank=2, dilation="multidilated", **kwargs):
        super().__init__(growth_rate, num_layers, kernel_size, rank, dilation, **kwargs)
