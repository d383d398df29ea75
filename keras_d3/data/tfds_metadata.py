"""Two JSON files beside the manifest by which TensorFlow Datasets reads the records without this package.

`dataset_info.json` says which files hold which split, `features.json` what a record holds: see
https://www.tensorflow.org/datasets/external_tfrecord. They are written without TensorFlow Datasets.
"""

import contextlib
import os
import re
from pathlib import Path

from keras_d3.data.audio.manifest import AudioManifest
from keras_d3.data.audio.schema import MIXTURE
from keras_d3.data.images.manifest import ImageManifest
from keras_d3.utils import write_json

INFO_NAME = "dataset_info.json"
FEATURES_NAME = "features.json"
# Templates of file names: the records' own where every group is one shard, else links to them in a row,
# as no template counts both groups and their parts.
OWN_NAMES = "{SPLIT}-{SHARD_INDEX}-00.{FILEFORMAT}"
LINK_NAMES = "{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"

_CLASSES = "tensorflow_datasets.core.features."


def write_tfds_metadata(manifest: AudioManifest | ImageManifest) -> None:
    """Writes what `tfds.builder_from_directory` needs into the directory of finished records.

    Where a song has several shards, every shard also gets a relative symbolic link
    `<split>.tfrecord-<number>-of-<count>`, because TensorFlow Datasets takes a split's files by consecutive
    numbers. A file system without such links keeps the records from being read that way, and in no other.

    Args:
        manifest: `AudioManifest` or `ImageManifest`, with its `directory`.

    Example:

    >>> write_tfds_metadata(load_manifest("records"))
    >>> import tensorflow_datasets as tfds
    >>> tfds.builder_from_directory("records").as_dataset(split="train")
    """
    directory = Path(manifest.directory)
    needs_links = any(len(group.paths) > 1 for split in manifest.splits for group in manifest.groups(split))
    _replace_links(directory, manifest, needs_links)
    write_json(directory / FEATURES_NAME, _structure(FEATURES[manifest.kind](manifest)))
    write_json(directory / INFO_NAME, _dataset_info(manifest, LINK_NAMES if needs_links else OWN_NAMES))


def has_tfds_metadata(directory: str | Path) -> bool:
    """Says whether records have both files; those of earlier versions lack them."""
    return all((Path(directory) / name).is_file() for name in (INFO_NAME, FEATURES_NAME))


def _replace_links(directory, manifest, needed):
    wanted = {}
    for split in manifest.splits if needed else ():
        shards = [shard for shard in manifest.shards if shard.split == split]
        for number, shard in enumerate(shards):
            wanted[f"{split}.tfrecord-{number:05d}-of-{len(shards):05d}"] = shard.file
    for path in directory.glob("*.tfrecord-*-of-*"):
        if path.is_symlink() and wanted.get(path.name) != os.readlink(path):
            path.unlink(missing_ok=True)
    for name, file in wanted.items():
        if not (directory / name).is_symlink():
            with contextlib.suppress(OSError):  # no symbolic links here, or another process was faster
                os.symlink(file, directory / name)


def _dataset_info(manifest, template):
    splits = []
    for split in manifest.splits:
        shards = [shard for shard in manifest.shards if shard.split == split]
        splits.append(
            {
                "name": split,
                "filepathTemplate": template,
                # 64-bit integers are text in the JSON of protocol buffers.
                "numBytes": str(sum(shard.bytes for shard in shards)),
                "shardLengths": [str(shard.num_records) for shard in shards],
            }
        )
    return {
        "name": re.sub(r"\W+", "_", manifest.dataset).strip("_").lower() or "records",
        "description": f"{manifest.dataset} ({manifest.variant}), by {manifest.generator}.",
        "version": f"{manifest.schema_version}.0.0",
        "fileFormat": "tfrecord",
        "splits": splits,
    }


def _audio_features(manifest):
    """int16 (time, channels) of every block; FLAC streams stay bytes, which TensorFlow cannot decode."""
    if manifest.encoding == "pcm16":
        audio = _tensor("int16", (None, manifest.channels), "bytes")
    else:
        audio = _tensor("string")
    return {
        **{name: _tensor("int64") for name in ("track", "block", "num_samples")},
        "track_name": _text(),
        "audio": _structure({name: audio for name in (MIXTURE, *manifest.sources)}),
    }


def _image_features(manifest):
    """uint8 (height, width, 3) of images, and (height, width, 1) of label maps."""
    return {
        **{name: _tensor("int64") for name in ("image", "image_height", "image_width")},
        "image_name": _text(),
        "image_encoded": _picture(channels=3),
        "label_encoded": _picture(channels=1),
    }


FEATURES = {AudioManifest.kind: _audio_features, ImageManifest.kind: _image_features}


def _structure(features):
    return {
        "pythonClassName": f"{_CLASSES}features_dict.FeaturesDict",
        "featuresDict": {"features": features},
    }


def _tensor(dtype, shape=(), encoding="none"):
    dimensions = {"dimensions": [_size(size) for size in shape]} if shape else {}
    return {
        "pythonClassName": f"{_CLASSES}tensor_feature.Tensor",
        "tensor": {"shape": dimensions, "dtype": dtype, "encoding": encoding},
    }


def _text():
    return {"pythonClassName": f"{_CLASSES}text_feature.Text", "text": {}}


def _picture(channels):
    dimensions = [_size(size) for size in (None, None, channels)]
    return {
        "pythonClassName": f"{_CLASSES}image_feature.Image",
        "image": {"shape": {"dimensions": dimensions}, "dtype": "uint8"},
    }


def _size(size):
    return "-1" if size is None else str(size)
