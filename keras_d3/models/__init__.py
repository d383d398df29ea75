"""Networks as functional Keras models, and their named configurations."""

from keras_d3.models.d3net.d3net import d3net
from keras_d3.models.d3net_segmentation.d3net_segmentation import d3net_segmentation
from keras_d3.models.folding import fold_batch_norm
from keras_d3.models.input_statistics import set_input_statistics
from keras_d3.models.mm_dense_net.mm_dense_net import changed_bands
from keras_d3.models.multi_band.band import to_band, to_bands, to_final_block
from keras_d3.models.preset import Preset
from keras_d3.models.registry import build, find_preset, preset_for, presets, receptive_field
from keras_d3.models.wave_u_net.wave_u_net import wave_u_net, wave_u_net_lengths

__all__ = [
    "Preset",
    "build",
    "changed_bands",
    "d3net",
    "d3net_segmentation",
    "find_preset",
    "fold_batch_norm",
    "preset_for",
    "presets",
    "receptive_field",
    "set_input_statistics",
    "to_band",
    "to_bands",
    "to_final_block",
    "wave_u_net",
    "wave_u_net_lengths",
]
