"""A config and a network that train on street scenes in seconds."""

import keras

from keras_d3.images.label_sets import CITYSCAPES
from keras_d3.images.normalization import IMAGENET_RGB
from keras_d3.settings import (
    ImageDataConfig,
    PhotometricDistortion,
    RunConfig,
    SegmenterConfig,
    Stage,
    TrainingConfig,
)

STAGE = Stage(0.05, 2, 4, decay="poly", final_learning_rate=0.001)


def segmentation_config(**training):
    settings = {
        "stages": (STAGE,),
        "steps_per_epoch": 3,
        "loss": "cross_entropy",
        "optimizer": "sgd",
        "l2": 1e-3,
        "l2_weights": "kernel$",
        "learning_rate_multipliers": {"^classifier.*bias$": 20.0},
        "monitor": "mean_iou",
        **training,
    }
    return RunConfig(
        recipe="test",
        name="small",
        preset="deeplab_v2_aspp",
        data=ImageDataConfig(
            CITYSCAPES.names,
            (32, 48),
            IMAGENET_RGB,
            scale_range=(0.5, 1.5),
            distortion=PhotometricDistortion(),
            max_class_fraction=0.75,
        ),
        training=TrainingConfig(**settings),
        segmentation=SegmenterConfig(IMAGENET_RGB, CITYSCAPES),
    )


def small_network(name, tiny=False, num_classes=19):
    """A quarter of the input's size, with batch normalization: what a run has to carry over."""
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 4, 4, padding="same", name="conv")(image)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.5, name="norm")(x))
    return keras.Model(image, keras.layers.Conv2D(num_classes, 1, name="classifier")(x))
