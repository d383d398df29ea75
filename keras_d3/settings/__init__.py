"""Settings of data, training, separation, segmentation and runs: frozen dataclasses without TensorFlow."""

from keras_d3.settings.audio_data import ACCOMPANIMENT, AudioDataConfig
from keras_d3.settings.dicts import from_dict, to_dict
from keras_d3.settings.image_data import ImageDataConfig, PhotometricDistortion
from keras_d3.settings.recipe import PublishedMeanIoU, PublishedScores, Recipe
from keras_d3.settings.run import RunConfig
from keras_d3.settings.runtimes import NETWORK_FORMATS, OPENVINO_PRECISIONS, RUNTIMES, SUBTYPES
from keras_d3.settings.segmenter import RESIZES, SegmenterConfig
from keras_d3.settings.separator import (
    PADDINGS,
    QUALITIES,
    SpectrogramSeparatorConfig,
    WaveformSeparatorConfig,
    separation_from_dict,
    separation_to_dict,
)
from keras_d3.settings.training import Stage, TrainingConfig

__all__ = [
    "ACCOMPANIMENT",
    "AudioDataConfig",
    "ImageDataConfig",
    "NETWORK_FORMATS",
    "OPENVINO_PRECISIONS",
    "PADDINGS",
    "PhotometricDistortion",
    "PublishedMeanIoU",
    "PublishedScores",
    "QUALITIES",
    "RESIZES",
    "RUNTIMES",
    "Recipe",
    "RunConfig",
    "SUBTYPES",
    "SegmenterConfig",
    "SpectrogramSeparatorConfig",
    "Stage",
    "TrainingConfig",
    "WaveformSeparatorConfig",
    "from_dict",
    "separation_from_dict",
    "separation_to_dict",
    "to_dict",
]
