"""TFRecords in, batches out: the record schemas, the manifests, and the tf.data pipelines."""

import keras_d3.utils.requires_tensorflow  # noqa: F401
from keras_d3.data.audio.checks import audio_shuffle_bytes, check_audio_records
from keras_d3.data.audio.manifest import AudioManifest, AudioSplit, AudioTrack
from keras_d3.data.audio.pipeline import num_validation_windows, training_waveforms, validation_waveforms
from keras_d3.data.audio.schema import ENCODINGS, MIXTURE, read_block, serialize_block
from keras_d3.data.audio.statistics import input_statistics
from keras_d3.data.audio.tracks import read_track
from keras_d3.data.images.checks import check_image_records, image_shuffle_bytes
from keras_d3.data.images.manifest import ImageItem, ImageManifest, ImageSplit
from keras_d3.data.images.pipeline import training_images, validation_images
from keras_d3.data.images.schema import decode_pixels, read_image, read_label, serialize_image
from keras_d3.data.manifest import check_kind, load_manifest
from keras_d3.data.records import (
    check_record_counts,
    record_places,
    verify_records,
    verify_shard_records,
)
from keras_d3.data.shard_errors import reraise_with_shard_name, verify_shards
from keras_d3.data.shard_memory import changed_shards, check_shards_once
from keras_d3.data.shards import MANIFEST_NAME, REMAKE, SPLITS, BrokenShardError, Shard
from keras_d3.data.tfds_metadata import has_tfds_metadata, write_tfds_metadata

__all__ = [
    "AudioManifest",
    "AudioSplit",
    "AudioTrack",
    "BrokenShardError",
    "ENCODINGS",
    "ImageItem",
    "ImageManifest",
    "ImageSplit",
    "MANIFEST_NAME",
    "MIXTURE",
    "REMAKE",
    "SPLITS",
    "Shard",
    "audio_shuffle_bytes",
    "changed_shards",
    "check_audio_records",
    "check_image_records",
    "check_kind",
    "check_record_counts",
    "check_shards_once",
    "decode_pixels",
    "has_tfds_metadata",
    "image_shuffle_bytes",
    "input_statistics",
    "load_manifest",
    "num_validation_windows",
    "read_block",
    "read_image",
    "read_label",
    "read_track",
    "record_places",
    "reraise_with_shard_name",
    "serialize_block",
    "serialize_image",
    "training_images",
    "training_waveforms",
    "validation_images",
    "validation_waveforms",
    "verify_records",
    "verify_shard_records",
    "verify_shards",
    "write_tfds_metadata",
]
