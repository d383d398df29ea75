"""Receptive fields of networks, theoretical and effective, the norms of their filters, their operations."""

from keras_d3.analysis.block_norms import filter_norms
from keras_d3.analysis.erf import effective_receptive_field
from keras_d3.analysis.erf_figures import d2_block_fields, smoothed_fields
from keras_d3.analysis.erf_files import format_fields, write_field, write_figure
from keras_d3.analysis.erf_inputs import image_inputs, input_shape, input_std, random_inputs
from keras_d3.analysis.erf_map import EffectiveReceptiveField
from keras_d3.analysis.filter_norm_files import write_filter_norms
from keras_d3.analysis.networks import load_network
from keras_d3.analysis.operations import convolution_flops
from keras_d3.analysis.theoretical_receptive_field import receptive_field

__all__ = [
    "EffectiveReceptiveField",
    "convolution_flops",
    "d2_block_fields",
    "effective_receptive_field",
    "filter_norms",
    "format_fields",
    "image_inputs",
    "input_shape",
    "input_std",
    "load_network",
    "random_inputs",
    "receptive_field",
    "smoothed_fields",
    "write_field",
    "write_figure",
    "write_filter_norms",
]
