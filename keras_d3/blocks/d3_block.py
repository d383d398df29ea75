"""D3 block: D2 blocks, densely connected among themselves."""

import keras
from keras import ops

from keras_d3.blocks.d2_block import D2Block
from keras_d3.ops import split_first
from keras_d3.utils import check_channels_known, check_choice, check_positive_int

CONNECTIONS = ("split_sum", "concatenate")
OUTPUT_BLOCKS = ("last", "all")


@keras.saving.register_keras_serializable(package="keras_d3")
class D3Block(keras.layers.Layer):
    """Nested dense connections: D2 blocks take the place of a dense block's layers.

    Section 4 of Takahashi and Mitsufuji, "Densely connected multi-dilated convolutional networks
    for dense prediction tasks", CVPR 2021 (https://arxiv.org/abs/2011.11844): M D2 blocks of L
    layers and growth rate k, parameters (M, L, k).

    Differences: the paper connects the D2 blocks "in the same way" as layers, by concatenation
    (`connection="concatenate"`: block m reads the input and the outputs of all earlier blocks). The
    official music code instead sums, as if a D2 block were linear in its inputs
    (`connection="split_sum"`): block m reads one group of k maps and gives a group of k maps to
    every later block, where the groups are added; the block's output is the last sum. For M = 2:
    the first D2 block, of growth rate 2k, gives (a, b), the second reads a and gives c, the output
    is b + c. This is not the function of the concatenation; imported weights need it.

    Args:
        growth_rate: int, k: maps per D2 layer, and output maps of the block.
        num_layers: int, L: layers per D2 block.
        num_blocks: int, M: number of D2 blocks.
        kernel_size: int or `rank` ints.
        connection: `"split_sum"` (official music code) or `"concatenate"` (paper).
        output_blocks: `"last"`, or, with `connection="concatenate"`, `"all"`: the block's input and
            the outputs of every D2 block (official segmentation code).
        rank, dilation, norm, output_layers, bottleneck_filters, compression, norm_epsilon,
            norm_momentum, kernel_initializer, kernel_regularizer: see `DenseBlock`; `dilation` is
            `"multidilated"` by default. `connection="split_sum"` allows no `compression` and no
            `output_layers` other than 1: its groups must have k maps.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: floating-point tensor `(batch, ..., channels)` with `rank` axes between.
        training: bool, whether to normalize by the batch's own statistics.

    Returns:
        Tensor of the same shape but for the channels: what the last D2 block returns, or with
        `output_blocks="all"` the concatenation.

    Raises:
        ValueError: an argument breaks its rule, or the number of channels is unknown.

    Example:

    >>> import numpy as np
    >>> from keras_d3.blocks import D3Block
    >>> block = D3Block(growth_rate=13, num_layers=4, num_blocks=2)
    >>> tuple(block(np.zeros((1, 64, 128, 32), "float32")).shape)
    (1, 64, 128, 13)
    """

    def __init__(
        self,
        growth_rate,
        num_layers,
        num_blocks,
        kernel_size=3,
        connection="split_sum",
        output_blocks="last",
        rank=2,
        dilation="multidilated",
        norm="source",
        output_layers=1,
        bottleneck_filters=None,
        compression=None,
        norm_epsilon=1e-5,
        norm_momentum=0.9,
        kernel_initializer="glorot_normal",
        kernel_regularizer=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_blocks = check_positive_int("num_blocks", num_blocks)
        self.connection = check_choice("connection", connection, CONNECTIONS)
        self.output_blocks = check_choice("output_blocks", output_blocks, OUTPUT_BLOCKS)
        self.rank = rank
        self._block_arguments = {
            "num_layers": num_layers,
            "kernel_size": kernel_size,
            "rank": rank,
            "dilation": dilation,
            "norm": norm,
            "output_layers": output_layers,
            "bottleneck_filters": bottleneck_filters,
            "compression": compression,
            "norm_epsilon": norm_epsilon,
            "norm_momentum": norm_momentum,
            "kernel_initializer": kernel_initializer,
            "kernel_regularizer": kernel_regularizer,
        }
        split = connection == "split_sum"
        if split and (compression is not None or output_layers != 1):
            raise ValueError(
                "`connection='split_sum'` needs D2 blocks that return their last layer: compression=None and "
                f"output_layers=1. Received: compression={compression!r}, output_layers={output_layers!r}. "
                "Use connection='concatenate'."
            )
        if split and output_blocks != "last":
            raise ValueError(
                "`output_blocks` must be 'last' with connection='split_sum'. "
                f"Received: output_blocks={output_blocks!r}. Use connection='concatenate'."
            )
        self.growth_rate = check_positive_int("growth_rate", growth_rate)
        # With "split_sum", block m makes one group of k maps for itself and each later block.
        self.blocks = [
            self._make_block(
                index,
                growth_rate=growth_rate * (num_blocks - index) if split else growth_rate,
                **self._block_arguments,
                name=f"d2_block_{index}",
                dtype=self.dtype_policy,
            )
            for index in range(num_blocks)
        ]

    def _make_block(self, index, **arguments):
        return D2Block(**arguments)

    def build(self, input_shape):
        *sizes, channels = check_channels_known(self, input_shape, self.rank)
        for block in self.blocks:
            block.build((*sizes, channels))
            if self.connection == "split_sum":
                channels = self.growth_rate
            else:
                channels += block.compute_output_shape((*sizes, channels))[-1]
        self.built = True

    def call(self, inputs, training=None):
        if self.connection == "split_sum":
            return self._split_sum(inputs, training)
        outputs = [inputs]
        for block in self.blocks:
            maps = outputs[0] if len(outputs) == 1 else ops.concatenate(outputs, axis=-1)
            outputs.append(block(maps, training=training))
        return ops.concatenate(outputs, axis=-1) if self.output_blocks == "all" else outputs[-1]

    def _split_sum(self, inputs, training):
        """`pending` holds the sums of the groups that later blocks still add to."""
        source, pending = inputs, None
        for block in self.blocks:
            shares = block(source, training=training)
            pending = shares if pending is None else pending + shares
            source, pending = split_first(pending, self.growth_rate)
        return source

    def compute_output_shape(self, input_shape):
        *sizes, channels = check_channels_known(self, input_shape, self.rank)
        if self.connection == "split_sum":
            return (*sizes, self.growth_rate)
        for block in self.blocks:
            last = block.compute_output_shape((*sizes, channels))[-1]
            channels += last
        return (*sizes, channels if self.output_blocks == "all" else last)

    def get_config(self):
        first = self.blocks[0].get_config()
        return {
            **super().get_config(),
            **{key: first[key] for key in self._block_arguments},
            "growth_rate": self.growth_rate,
            "num_blocks": self.num_blocks,
            "connection": self.connection,
            "output_blocks": self.output_blocks,
        }

    @classmethod
    def from_config(cls, config):
        # Files of earlier versions name an implementation under `form`.
        return super().from_config({key: value for key, value in config.items() if key != "form"})
