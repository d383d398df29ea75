"""The papers' named units, built from `keras_d3.layers`."""

from keras_d3.blocks.d2_block import D2Block
from keras_d3.blocks.d3_block import D3Block
from keras_d3.blocks.dense_block import DenseBlock
from keras_d3.blocks.dense_bottleneck_block import DenseBottleneckBlock
from keras_d3.blocks.dilated_dense_block import DilatedDenseBlock
from keras_d3.blocks.folding import fold_block, takes_over_output_norm
from keras_d3.blocks.object_context import ObjectContext
from keras_d3.blocks.residual_bottleneck_block import residual_bottleneck

__all__ = [
    "D2Block",
    "D3Block",
    "DenseBlock",
    "DenseBottleneckBlock",
    "DilatedDenseBlock",
    "ObjectContext",
    "fold_block",
    "residual_bottleneck",
    "takes_over_output_norm",
]
