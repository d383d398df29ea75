"""What networks see and have learnt: receptive fields and the norms of their filters."""

from keras_d3.analysis.effective_receptive_field import effective_receptive_field
from keras_d3.analysis.filter_norms import filter_norms
from keras_d3.analysis.receptive_field import receptive_field
from keras_d3.analysis.receptive_map import EffectiveReceptiveField

__all__ = ["EffectiveReceptiveField", "effective_receptive_field", "filter_norms", "receptive_field"]
