"""Configurations of papers as data, a file per family of networks. No Keras: lists come at once."""

from keras_d3.presets.catalog import listed_presets, preset_named
from keras_d3.presets.d3net_presets import D3NET_MUSIC_PRESETS
from keras_d3.presets.d3net_segmentation_presets import (
    D3NET_SEGMENTATION_PRESETS,
    DENSENET_SEGMENTATION_PRESETS,
)
from keras_d3.presets.deeplab_v2_presets import DEEPLAB_V2_PRESETS
from keras_d3.presets.dilated_resnet_fcn_presets import DILATED_RESNET_FCN_PRESETS
from keras_d3.presets.dilated_u_net_presets import (
    ADAPTIVE_DILATION_RATES,
    DILATED_DENSE_U_NET_PRESETS,
    DILATED_U_NET_PRESETS,
    FOUR_SOURCES,
)
from keras_d3.presets.mm_dense_net_presets import MM_DENSE_NET_PRESETS
from keras_d3.presets.preset import Preset
from keras_d3.presets.spectrogram_u_net_presets import SPECTROGRAM_U_NET_PRESETS
from keras_d3.presets.wave_u_net_presets import WAVE_U_NET_PRESETS

__all__ = [
    "ADAPTIVE_DILATION_RATES",
    "D3NET_MUSIC_PRESETS",
    "D3NET_SEGMENTATION_PRESETS",
    "DEEPLAB_V2_PRESETS",
    "DENSENET_SEGMENTATION_PRESETS",
    "DILATED_DENSE_U_NET_PRESETS",
    "DILATED_RESNET_FCN_PRESETS",
    "DILATED_U_NET_PRESETS",
    "FOUR_SOURCES",
    "MM_DENSE_NET_PRESETS",
    "Preset",
    "SPECTROGRAM_U_NET_PRESETS",
    "WAVE_U_NET_PRESETS",
    "listed_presets",
    "preset_named",
]
