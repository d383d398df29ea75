"""Writes images with label maps into a directory of TFRecords."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

import keras_d3
from keras_d3.data import SPLITS, ImageItem, ImageManifest, ImageSplit, serialize_image
from keras_d3.images import IGNORED_LABEL, LabelSet
from keras_d3.utils import ALL_WORK, BeamRunner, WorkShard, check_file_name
from tfrecords_tools.faults import FaultList
from tfrecords_tools.label_maps import read_label
from tfrecords_tools.pictures import read_picture, turned_size
from tfrecords_tools.record_directory import write_directory
from tfrecords_tools.record_jobs import (
    GroupJob,
    GroupResult,
    groups_by_size,
    sha256_of,
    splits_of,
    write_shard,
)


@dataclasses.dataclass(frozen=True)
class ImageFiles:
    """The files of an image and its label map.

    Args:
        split: str, "train", "validation" or "test".
        name: str, unique in its split.
        image, label: str, paths.
        coding: str, of the label map: see `read_label`.
        label_from: str, the folder of the label map, for the manifest.
    """

    split: str
    name: str
    image: str
    label: str
    coding: str
    label_from: str

    @property
    def num_bytes(self) -> int:
        """Size of both files."""
        return os.path.getsize(self.image) + os.path.getsize(self.label)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageGroupJob(GroupJob):
    """Images for one shard.

    Args:
        num_classes: int; labels must be below it, or 255.
        **others: see `GroupJob`.
    """

    num_classes: int

    def write(self) -> GroupResult:
        written, classes = [], set()
        shard = write_shard(self, 0, self._records(written, classes))
        items = tuple(dataclasses.replace(item, shard=shard.file) for item in written)
        return GroupResult(self.split, self.group, items, (shard,), tuple(sorted(classes)))

    def check(self) -> None:
        for _ in self._records([], set()):
            pass

    def input_files(self) -> list:
        return _input_files(self.items)

    def _records(self, written, classes):
        faults = FaultList()
        for number, files in enumerate(self.items, self.first_item):
            record = b""
            with faults.collected():
                record = self._record(number, files, written, classes)
            # After a fault nothing more is written, but the other images are still looked at.
            if not faults:
                yield record
        faults.raise_all()

    def _record(self, number, files, written, classes):
        size, image_encoded = read_picture(files.image)
        label, label_encoded = read_label(files.label, files.coding, self.num_classes)
        if label.shape != size:
            raise ValueError(_other_size(files, size, label.shape))
        classes.update(np.unique(label).tolist())
        written.append(ImageItem(files.name, *label.shape, "", files.label_from))
        return serialize_image(number, files.name, *label.shape, image_encoded, label_encoded)


def write_images(
    out: str | Path,
    dataset: str,
    variant: str,
    images: Iterable[ImageFiles],
    label_set: LabelSet,
    shard_mb: float = 150.0,
    num_workers: int | None = None,
    log: Callable[[str], None] = lambda line: None,
    work_shard: WorkShard = ALL_WORK,
    beam: BeamRunner | None = None,
) -> ImageManifest | None:
    """Writes TFRecords of images and label maps into a directory, with a manifest.

    The images' files go into the records as they are where training decodes them as `read_image` does, see
    `read_picture`; label maps become grayscale PNG of class numbers. A warning where they hold one class
    alone. Training images are sorted by a hash of their names, so that the images of a shard are not
    consecutive frames of one street. Without training images the records are for scores alone. Resumable: see
    `write_directory`.

    Args:
        out: str or Path, the directory.
        dataset, variant: str, names for the manifest.
        images: iterable of `ImageFiles`, from `list_cityscapes` or `list_voc`.
        label_set: `LabelSet` of the classes.
        shard_mb: float, size of a shard in megabytes, about.
        num_workers: int, number of processes. None: one per core, and a single one for small data.
        log: callable that receives lines of text for the user.
        work_shard: `WorkShard`, the part of the shard groups that this call writes: see `write_directory`.
        beam: `BeamRunner`, whose workers write; None: this machine.

    Returns:
        `ImageManifest`; None where other calls' shard groups are not written yet.

    Raises:
        ValueError: an image or label map cannot be read, they differ in size, or labels are out of range;
            `out` holds records of another request.
    """
    if not shard_mb > 0:
        raise ValueError(f"`shard_mb` must be positive. Received: shard_mb={shard_mb!r}.")
    if len(label_set) > IGNORED_LABEL:
        raise ValueError(f"There must be at most {IGNORED_LABEL} classes. Received: {len(label_set)}.")
    images = tuple(images)
    if not images:
        raise ValueError(
            "`images` must hold at least one training image, or images of other splits for scores alone. "
            "Received: none."
        )
    for files in images:
        check_file_name("name of an image", files.name)
    ordered = sorted(images, key=_sort_key)

    def plan():
        jobs = []
        for split in SPLITS:
            of_split = [files for files in ordered if files.split == split]
            groups = groups_by_size(of_split, lambda files: files.num_bytes, shard_mb * 1e6)
            for number, (first, group) in enumerate(groups):
                jobs.append(
                    ImageGroupJob(
                        directory=str(out),
                        split=split,
                        group=number,
                        first_item=first,
                        items=group,
                        num_bytes=sum(files.num_bytes for files in group),
                        num_classes=len(label_set),
                    )
                )
        return jobs, settings

    def settings(results):
        _warn_of_one_class(results, label_set, log)
        return {
            "dataset": dataset,
            "variant": variant,
            "classes": label_set.names,
            "palette": label_set.palette,
            "ignored_label": IGNORED_LABEL,
            "splits": splits_of(results, lambda split, items: ImageSplit(items)),
            "generator": f"keras_d3 {keras_d3.__version__} tfrecords_tools",
        }

    request = {
        "dataset": dataset,
        "variant": variant,
        "classes": list(label_set.names),
        "shard_mb": shard_mb,
        "input_files_sha256": sha256_of(_input_files(ordered)),
    }
    return write_directory(out, request, ImageManifest, plan, "image", num_workers, log, work_shard, beam)


def _other_size(files, size, label_size):
    text = (
        f"Image and label map must have the same size. Received: {size[0]} x {size[1]} in `{files.image}`, "
        f"{label_size[0]} x {label_size[1]} in `{files.label}`."
    )
    if turned_size(files.image) == label_size:
        text += (
            " The image is turned by its EXIF orientation and the label map is not: turn the label map, "
            "or remove that tag (`exiftool -Orientation= FILE`)."
        )
    return text


def _warn_of_one_class(results, label_set, log):
    # Groups of an earlier call that was interrupted by an older version do not say their classes.
    if not all(result.classes for result in results):
        return
    classes = {number for result in results for number in result.classes} - {IGNORED_LABEL}
    if len(classes) == 1 and len(label_set) > 1:
        number = classes.pop()
        ignored = any(IGNORED_LABEL in result.classes for result in results)
        log(
            f"Warning: all label maps hold one class alone, {number} ({label_set.names[number]})"
            + (
                f", beside {IGNORED_LABEL}, which is not trained on. Masks of 0 and 255 need 0 and 1."
                if ignored
                else ". Are they masks in other values, or black?"
            )
        )
    elif not classes:
        log(f"Warning: all pixels of all label maps are {IGNORED_LABEL}, which is not trained on or scored.")


def _sort_key(files):
    is_training = files.split == "train"
    digest = hashlib.sha256(files.name.encode("utf-8")).hexdigest() if is_training else ""
    return SPLITS.index(files.split), digest, files.name


def _input_files(images):
    return [
        [
            files.split,
            files.name,
            Path(files.image).name,
            os.path.getsize(files.image),
            files.label_from,
            Path(files.label).name,
            os.path.getsize(files.label),
        ]
        for files in images
    ]
