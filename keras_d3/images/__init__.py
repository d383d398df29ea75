"""Image files, label sets and the normalization of images."""

from keras_d3.images.benchmarks import (
    CITYSCAPES_IDS,
    LABEL_IDS,
    BenchmarkLabels,
    benchmark_labels,
)
from keras_d3.images.decoding import UnreadableImageError, decode_image, exif_orientation, open_picture
from keras_d3.images.files import overlay, read_image, write_image, write_labels
from keras_d3.images.label_sets import (
    CITYSCAPES,
    IGNORED_LABEL,
    LABEL_SETS,
    VOC,
    LabelSet,
    label_set_of,
    plain_label_set,
    voc_palette,
)
from keras_d3.images.normalization import IMAGENET_CAFFE_BGR, IMAGENET_RGB, ImageNormalization

__all__ = [
    "BenchmarkLabels",
    "CITYSCAPES",
    "CITYSCAPES_IDS",
    "IGNORED_LABEL",
    "IMAGENET_CAFFE_BGR",
    "IMAGENET_RGB",
    "ImageNormalization",
    "LABEL_IDS",
    "LABEL_SETS",
    "LabelSet",
    "UnreadableImageError",
    "label_set_of",
    "VOC",
    "benchmark_labels",
    "decode_image",
    "exif_orientation",
    "open_picture",
    "overlay",
    "plain_label_set",
    "read_image",
    "voc_palette",
    "write_image",
    "write_labels",
]
