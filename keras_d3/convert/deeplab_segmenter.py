"""Checkpoints of the official DeepLabv2 as segmenters."""

from keras_d3.convert.deeplab_v2 import deeplab_v2_from_official
from keras_d3.convert.readers.tensorflow_checkpoint import checkpoint_files
from keras_d3.images import CITYSCAPES, IMAGENET_CAFFE_BGR, VOC, plain_label_set
from keras_d3.settings import SegmenterConfig
from keras_d3.utils import sha256_of_file


def deeplab_v2_segmenter(checkpoint_prefix, preset=None, window=None):
    """Makes a segmenter from a checkpoint of divelab/dilated.

    As the official code tests: the whole image at once, BGR minus (104.007, 116.669, 122.679), logits resized
    as TensorFlow 1 did, no test-time augmentation. Differences: none.

    Args:
        checkpoint_prefix, preset: see `deeplab_v2_from_official`. 21 classes are called as in VOC, 19 as in
            Cityscapes, others by their numbers.
        window: None, or height and width of sliding windows (`SegmenterConfig`).

    Returns:
        `Segmenter`. Its metadata's `recipe` names the checkpoint's files with their SHA-256.

    Raises:
        FileNotFoundError, ValueError: see `deeplab_v2_from_official`.

    Example:

    >>> deeplab_v2_segmenter("model/model.ckpt-20000").export("deeplab_official")  # doctest: +SKIP
    """
    # Separators and segmenters need TensorFlow; the networks alone run on every backend.
    from keras_d3.segmentation import Segmenter

    model = deeplab_v2_from_official(checkpoint_prefix, preset)
    num_classes = model.arguments.num_classes
    label_set = next(
        (labels for labels in (VOC, CITYSCAPES) if len(labels) == num_classes), plain_label_set(num_classes)
    )
    recipe = {
        "recipe": "smoothed_dilated",
        "config": "official weights",
        "converted_from": "divelab/dilated (TensorFlow 1 checkpoint)",
        "weights": {file.name: sha256_of_file(file) for file in checkpoint_files(checkpoint_prefix)},
        "settings": {"preset": model.name},
    }
    settings = SegmenterConfig(IMAGENET_CAFFE_BGR, label_set, window=window, resize="legacy")
    return Segmenter(model, settings, metadata={"recipe": recipe})
