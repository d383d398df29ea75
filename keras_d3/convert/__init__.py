"""Networks with the weights that the papers' authors published."""

from keras_d3.convert.d3net_music import d3net_music_from_official
from keras_d3.convert.d3net_music_separation import d3net_music_separator
from keras_d3.convert.d3net_segmentation import d3net_segmentation_from_official
from keras_d3.convert.d3net_segmenter import d3net_segmentation_segmenter
from keras_d3.convert.deeplab_segmenter import deeplab_v2_segmenter
from keras_d3.convert.deeplab_v2 import deeplab_v2_from_official, load_official_encoder
from keras_d3.convert.imagenet_encoder import load_imagenet_encoder
from keras_d3.convert.initial_weights import InitialWeights
from keras_d3.convert.pull import pull_model
from keras_d3.convert.smoothed_dilated import smoothed_dilated_from_official
from keras_d3.convert.wave_u_net import wave_u_net_from_official
from keras_d3.convert.wave_u_net_separation import wave_u_net_separator
from keras_d3.convert.wave_u_net_settings import official_wave_u_net_settings

__all__ = [
    "InitialWeights",
    "d3net_music_from_official",
    "d3net_music_separator",
    "d3net_segmentation_from_official",
    "d3net_segmentation_segmenter",
    "deeplab_v2_segmenter",
    "deeplab_v2_from_official",
    "load_imagenet_encoder",
    "load_official_encoder",
    "official_wave_u_net_settings",
    "pull_model",
    "smoothed_dilated_from_official",
    "wave_u_net_from_official",
    "wave_u_net_separator",
]
