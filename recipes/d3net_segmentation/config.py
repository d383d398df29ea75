"""D3Net for semantic segmentation: the official code's training as data."""

import dataclasses

from keras_d3.images import CITYSCAPES, IMAGENET_RGB
from keras_d3.settings import (
    ImageDataConfig,
    PhotometricDistortion,
    PublishedMeanIoU,
    Recipe,
    RunConfig,
    Stage,
    TrainingConfig,
)

STEPS_PER_EPOCH = 500
DATA = ImageDataConfig(
    CITYSCAPES.names,
    crop=(512, 1024),
    normalization=IMAGENET_RGB,
    scale_range=(0.5, 2.0),
    flip_probability=0.5,
    distortion=PhotometricDistortion(),
    max_class_fraction=0.75,
)
# Whole images at once, one scale: tables 1 and 2.
SEGMENTATION = {"window": None, "stride": None, "scales": [1.0], "flip": False, "resize": "half_pixel"}


def _training(num_steps, batch_size=8):
    return TrainingConfig(
        # The end of the schedule, 1e-4, is the code's; the paper names none.
        stages=(
            Stage(0.01, batch_size, num_steps // STEPS_PER_EPOCH, decay="poly", final_learning_rate=1e-4),
        ),
        steps_per_epoch=STEPS_PER_EPOCH,
        loss="cross_entropy_over_all_pixels",
        optimizer="sgd",
        l2=5e-4,
        # The validation split is what is scored: it must not choose the weights.
        selection="last",
        monitor="mean_iou",
    )


def _config(name, preset, num_steps, data=DATA, batch_size=8, **model):
    return RunConfig(
        recipe="d3net_segmentation",
        name=name,
        preset=preset,
        model={"num_classes": len(data.classes), **model},
        data=data,
        training=_training(num_steps, batch_size),
        segmentation=SEGMENTATION,
    )


# As the paper's text has it, without what only the code does.
AS_PRINTED = dataclasses.replace(DATA, distortion=None, max_class_fraction=None)
FROM_SCRATCH, PRETRAINED, FOR_TEST = 40_000, 80_000, 160_000
CONFIGS = (
    _config("s_cityscapes", "d3net_segmentation_s", FROM_SCRATCH),
    _config("l_cityscapes", "d3net_segmentation_l", FROM_SCRATCH),
    _config("s_as_printed", "d3net_segmentation_s", FROM_SCRATCH, AS_PRINTED),
    _config("s_standard_dilation", "d3net_segmentation_s_standard_dilation", FROM_SCRATCH),
    _config("s_without_dilation", "d3net_segmentation_s_without_dilation", FROM_SCRATCH),
    _config("densenet_133", "densenet_133", FROM_SCRATCH),
    _config("densenet_189", "densenet_189", FROM_SCRATCH),
    _config("densenet_189_matched", "densenet_189_matched", FROM_SCRATCH),
    _config("s_pretrained", "d3net_segmentation_s", PRETRAINED),
    _config("l_pretrained", "d3net_segmentation_l", PRETRAINED),
    _config("l_ocr_pretrained", "d3net_segmentation_l_ocr", PRETRAINED, auxiliary_logits=True),
    _config("l_for_test", "d3net_segmentation_l", FOR_TEST, batch_size=12),
)
# For the scenes of `python -m tfrecords_tools scenes`.
TINY = RunConfig(
    recipe="d3net_segmentation",
    name="tiny",
    preset="d3net_segmentation_s",
    tiny=True,
    model={"num_classes": len(CITYSCAPES)},
    data=dataclasses.replace(DATA, crop=(96, 192), scale_range=(0.75, 1.5), validation_batch_size=1),
    training=TrainingConfig(
        stages=(Stage(0.2, 8, 8, decay="poly", final_learning_rate=1e-3),),
        steps_per_epoch=40,
        loss="cross_entropy_over_all_pixels",
        optimizer="sgd",
        l2=1e-4,
        selection="last",
        monitor="mean_iou",
    ),
    segmentation=SEGMENTATION,
)


def _paper(mean_iou, table, data_set="Cityscapes val"):
    return PublishedMeanIoU("paper", mean_iou, data_set, table)


def _official(mean_iou):
    return PublishedMeanIoU("official weights", mean_iou, "Cityscapes val", "README of the official code")


SCRATCH_TABLE, PRETRAINED_TABLE = (
    "table 1, 40,000 steps from scratch",
    "table 2, 80,000 steps, ImageNet weights",
)
RECIPE = Recipe(
    name="d3net_segmentation",
    title="D3Net for semantic segmentation",
    citation="Takahashi and Mitsufuji, 2021, D3Net, arXiv:2011.11844",
    configs={config.name: config for config in (*CONFIGS, TINY)},
    comparisons={},
    display_names={},
    published={
        "s_cityscapes": (_paper(65.1, SCRATCH_TABLE),),
        "s_as_printed": (_paper(65.1, SCRATCH_TABLE),),
        "l_cityscapes": (_paper(68.1, SCRATCH_TABLE),),
        "s_standard_dilation": (_paper(57.9, SCRATCH_TABLE),),
        "s_without_dilation": (_paper(62.3, SCRATCH_TABLE),),
        "densenet_133": (_paper(57.6, SCRATCH_TABLE),),
        "densenet_189": (_paper(54.9, SCRATCH_TABLE),),
        "densenet_189_matched": (_paper(54.9, SCRATCH_TABLE),),
        "s_pretrained": (_paper(79.5, PRETRAINED_TABLE), _official(79.9)),
        "l_pretrained": (_paper(80.6, PRETRAINED_TABLE), _official(81.0)),
        "l_ocr_pretrained": (_paper(81.2, PRETRAINED_TABLE),),
        "l_for_test": (
            _paper(80.8, "table 3, 160,000 steps, batch 12, six scales and flip", "Cityscapes test"),
        ),
    },
    full_size={"tiny": "s_cityscapes"},
)
