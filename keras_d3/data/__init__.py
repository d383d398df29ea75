"""TFRecords in, batches out: the record schema, the manifest, and the tf.data pipelines."""

from keras_d3.data.audio.checks import check_config, shuffle_bytes
from keras_d3.data.audio.magnitudes import targets_to_magnitudes, to_magnitudes
from keras_d3.data.audio.pipeline import num_validation_windows, training_waveforms, validation_waveforms
from keras_d3.data.audio.schema import ENCODINGS, MIXTURE, read_block, serialize_block
from keras_d3.data.audio.statistics import input_statistics
from keras_d3.data.audio.tracks import read_track
from keras_d3.data.images.checks import check_image_config, image_shuffle_bytes
from keras_d3.data.images.manifest import ImageItem, ImageManifest, ImageSplit
from keras_d3.data.images.pipeline import training_images, validation_images
from keras_d3.data.images.schema import read_image, serialize_image
from keras_d3.data.manifest import Manifest, Split, Track, check_kind, load_manifest
from keras_d3.data.shard_errors import BrokenShardError, naming_shard_errors, verify_shards
from keras_d3.data.shards import MANIFEST_NAME, REMAKE, SPLITS, Shard

__all__ = [
    "BrokenShardError",
    "ENCODINGS",
    "ImageItem",
    "ImageManifest",
    "ImageSplit",
    "MANIFEST_NAME",
    "MIXTURE",
    "Manifest",
    "REMAKE",
    "SPLITS",
    "Shard",
    "Split",
    "Track",
    "check_config",
    "check_image_config",
    "check_kind",
    "image_shuffle_bytes",
    "input_statistics",
    "load_manifest",
    "naming_shard_errors",
    "num_validation_windows",
    "read_block",
    "read_image",
    "read_track",
    "serialize_block",
    "serialize_image",
    "shuffle_bytes",
    "targets_to_magnitudes",
    "to_magnitudes",
    "training_images",
    "training_waveforms",
    "validation_images",
    "validation_waveforms",
    "verify_shards",
]
