"""Networks with the weights that the papers' authors published."""

from keras_d3.convert.d3net_music import d3net_music_from_official
from keras_d3.convert.d3net_music_settings import official_settings
from keras_d3.convert.smoothed_dilated import smoothed_dilated_from_official

__all__ = ["d3net_music_from_official", "official_settings", "smoothed_dilated_from_official"]
