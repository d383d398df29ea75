"""TFRecords in, batches out: the record schema, the manifest, and the tf.data pipelines."""

from keras_d3.data.config import AudioDataConfig, check_config, shuffle_bytes
from keras_d3.data.image_config import (
    ImageDataConfig,
    PhotometricDistortion,
    check_image_config,
    image_shuffle_bytes,
)
from keras_d3.data.image_manifest import ImageManifest
from keras_d3.data.image_pipeline import training_images, validation_images
from keras_d3.data.magnitudes import targets_to_magnitudes, to_magnitudes
from keras_d3.data.manifest import Manifest, load_manifest
from keras_d3.data.pipeline import num_validation_windows, training_waveforms, validation_waveforms
from keras_d3.data.shard_errors import BrokenShardError, naming_shard_errors, verify_shards
from keras_d3.data.statistics import input_statistics
from keras_d3.data.tracks import read_track

__all__ = [
    "AudioDataConfig",
    "BrokenShardError",
    "ImageDataConfig",
    "ImageManifest",
    "Manifest",
    "PhotometricDistortion",
    "check_config",
    "check_image_config",
    "image_shuffle_bytes",
    "input_statistics",
    "load_manifest",
    "naming_shard_errors",
    "num_validation_windows",
    "read_track",
    "shuffle_bytes",
    "targets_to_magnitudes",
    "to_magnitudes",
    "training_images",
    "training_waveforms",
    "validation_images",
    "validation_waveforms",
    "verify_shards",
]
