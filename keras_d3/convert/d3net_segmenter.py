"""The authors' weights of D3Net for segmentation as a segmenter."""

from pathlib import Path

from keras_d3.convert.d3net_music_settings import read_official_settings
from keras_d3.convert.d3net_segmentation import (
    d3net_segmentation_from_official,
    official_segmentation_settings,
)
from keras_d3.images import CITYSCAPES, IMAGENET_RGB, ImageNormalization, LabelSet, plain_label_set
from keras_d3.settings import SegmenterConfig
from keras_d3.utils import sha256_of_file

SIZES = ("S", "L")


def d3net_segmentation_segmenter(weights, config="S", window=None):
    """Makes a segmenter from the authors' weight file.

    Section 6.1 of Takahashi and Mitsufuji, 2021, "Densely connected multi-dilated convolutional networks
    for dense prediction tasks" (https://arxiv.org/abs/2011.11844), as the official `infer.py`
    (sony/ai-research-code) runs it: the whole image at once, no test-time augmentation. Differences: none.

    Args:
        weights: the `.h5` file of a whole network.
        config: `"S"` or `"L"` for the authors' settings of that size, or path of a YAML or JSON file in the
            official keys. Its `mean`, `std` (RGB) and `palette` are used where it has them, else those of
            the authors' settings; 19 classes are called as in Cityscapes, others by their numbers.
        window: None, or height and width of sliding windows (`SegmenterConfig`).

    Returns:
        `Segmenter`. Its metadata's `recipe` names the file with its SHA-256 and the settings.

    Raises:
        FileNotFoundError: there is no file at `weights` or `config`.
        ValueError: settings are incomplete; tensors are missing, left over or of another shape.

    Example:

    >>> d3net_segmentation_segmenter("D3Net_L.h5", "L").export("d3net_l")  # doctest: +SKIP
    """
    # Separators and segmenters need TensorFlow; the networks alone run on every backend.
    from keras_d3.segmentation import Segmenter

    settings = official_segmentation_settings(config) if config in SIZES else read_official_settings(config)
    # Beside golden files the settings have company.
    settings = settings.get("config", settings)
    model = d3net_segmentation_from_official(settings, weights, part="network")
    normalization = ImageNormalization(
        tuple(settings.get("mean", IMAGENET_RGB.mean)), tuple(settings.get("std", IMAGENET_RGB.std))
    )
    recipe = {
        "recipe": "d3net_segmentation",
        "config": "official weights",
        "converted_from": "sony/ai-research-code, d3net/semantic-segmentation (NNabla parameters)",
        "weights": {"file": Path(weights).name, "sha256": sha256_of_file(weights), "settings": settings},
    }
    return Segmenter(
        model,
        SegmenterConfig(normalization, _label_set(settings), window=window),
        metadata={"recipe": recipe},
    )


def _label_set(settings):
    num_classes = settings["num_classes"]
    labels = CITYSCAPES if num_classes == len(CITYSCAPES) else plain_label_set(num_classes)
    return LabelSet(labels.names, settings["palette"]) if "palette" in settings else labels
