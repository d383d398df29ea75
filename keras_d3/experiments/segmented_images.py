"""The images of a split of records, and the pictures and label maps that are written of their predictions."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_d3.data import (
    REMAKE,
    BrokenShardError,
    check_shards_once,
    read_image,
    read_label,
    reraise_with_shard_name,
)
from keras_d3.images import overlay, write_image
from keras_d3.segmentation import label_files, write_segmentation


def images_of(manifest, split):
    """Yields the images of a split, see `keras_d3.data.read_image`; a broken shard is named."""
    items = manifest.images(split)

    def read(record):
        image = read_image(record)
        number, name = image["image"], image["image_name"]
        if not 0 <= number < len(items) or items[number].name != name:
            raise ValueError(f"it is of image {number}, {name!r}, which the manifest does not know.")
        return image

    return _read_records(manifest, split, read)


def has_labels(manifest, split):
    """Whether any pixel of a split has a class. Label maps are decoded up to the first that has one."""
    return any(
        (label != manifest.ignored_label).any() for label in _read_records(manifest, split, read_label)
    )


def _read_records(manifest, split, read):
    check_shards_once(manifest, split)
    for group in manifest.groups(split):
        for path in group.paths:
            with reraise_with_shard_name(manifest):
                for record in tf.data.TFRecordDataset([path]).as_numpy_iterator():
                    try:
                        found = read(record)
                    except ValueError as error:
                        raise BrokenShardError(f"A record of `{path}` is broken: {error} {REMAKE}") from error
                    yield found


class Overlays:
    """Writes pictures of the first images: pixels, prediction and labels side by side.

    Args:
        directory: path; gets `<image>.png`.
        manifest: `ImageManifest`.
        split: str.
        num_images: int.
    """

    def __init__(self, directory, manifest, split, num_images):
        self._palette = manifest.palette
        self._paths = {
            image.name: Path(directory) / f"{image.name}.png" for image in manifest.images(split)[:num_images]
        }

    def has(self, name):
        """Whether what is to be written of the image of this name is there."""
        return name not in self._paths or self._paths[name].is_file()

    def write(self, image, predictions):
        """Writes what is to be written of an image (from `images_of`) and its predicted labels."""
        path = self._paths.get(image["image_name"])
        if path is not None:
            pixels = image["pixels"]
            shown = [overlay(pixels, labels, self._palette, 0.6) for labels in (predictions, image["label"])]
            write_image(path, np.concatenate([pixels, *shown], axis=1))


class LabelMaps:
    """Writes a label map per image.

    Args:
        directory: path; see `keras_d3.segmentation.label_files` for the names.
        segmenter: `GraphSegmenter`.
        label_ids: "classes" or "dataset", see `keras_d3.segmentation.segment_file`.

    Raises:
        ValueError: `label_ids="dataset"` for classes of no benchmark.
    """

    def __init__(self, directory, segmenter, label_ids):
        self._directory, self._segmenter, self._label_ids = Path(directory), segmenter, label_ids
        self._file("")  # refuses early

    def has(self, name):
        """Whether the image's label map is there."""
        return self._file(name).is_file()

    def write(self, image, predictions):
        """Writes the label map of an image (from `images_of`)."""
        file = self._file(image["image_name"])
        write_segmentation(self._segmenter, image["pixels"], predictions, [file], label_ids=self._label_ids)

    def _file(self, name):
        return label_files(self._segmenter.classes, name, self._directory, self._label_ids)[0]
