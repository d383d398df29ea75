"""What networks see and have learnt: receptive fields and the norms of their filters."""

from keras_d3.analysis.erf import effective_receptive_field, random_inputs
from keras_d3.analysis.erf_files import format_fields, write_field, write_figure
from keras_d3.analysis.erf_map import EffectiveReceptiveField
from keras_d3.analysis.filter_norm_plot import write_filter_norms
from keras_d3.analysis.norms import filter_norms
from keras_d3.analysis.theoretical_receptive_field import receptive_field

__all__ = [
    "EffectiveReceptiveField",
    "effective_receptive_field",
    "filter_norms",
    "format_fields",
    "random_inputs",
    "receptive_field",
    "write_field",
    "write_figure",
    "write_filter_norms",
]
