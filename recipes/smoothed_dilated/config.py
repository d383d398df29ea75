"""Smoothed dilated convolutions in DeepLabv2: the official code's training as data."""

import dataclasses

from keras_d3.images import CITYSCAPES, IMAGENET_CAFFE_BGR, VOC
from keras_d3.settings import ImageDataConfig, PublishedMeanIoU, Recipe, RunConfig, Stage, TrainingConfig

NUM_STEPS, STEPS_PER_EPOCH = 20_000, 500
# Config names and what the presets are called.
ENCODERS = {
    "baseline": "",
    "multigrid": "_multigrid",
    "group_interaction": "_group_interaction",
    "separable_shared": "_separable_shared",
}
OUTPUTS = ("aspp", "largefov")
DATA = {
    # Crops of 321 and 571 pixels: 41 and 72 maps across.
    "voc": ImageDataConfig(VOC.names, (321, 321), IMAGENET_CAFFE_BGR, scale_range=(0.5, 1.5)),
    "cityscapes": ImageDataConfig(CITYSCAPES.names, (571, 571), IMAGENET_CAFFE_BGR, scale_range=(0.5, 1.5)),
}
BATCH_SIZES = {"voc": 10, "cityscapes": 3}
# Smoothed encoders were trained on VOC at rates of their own. Multigrid's is not stated: the baseline's.
VOC_RATES = {"group_interaction": 1e-3, "separable_shared": 1e-3}
VOC_RATES_WITHOUT_COCO = {"group_interaction": 1e-3, "separable_shared": 7.5e-4}
BASELINE_RATE, CITYSCAPES_RATE = 2.5e-4, 5e-4
# Whole images, logits resized as TensorFlow 1 did.
SEGMENTATION = {"window": None, "stride": None, "scales": [1.0], "flip": False, "resize": "legacy"}
# What the official code does by name: kernels of convolutions are decayed; classifiers learn faster.
GROUPS = {
    "l2": 5e-4,
    "l2_weights": r"/kernel$",
    "learning_rate_multipliers": {r"^classifier_.*/kernel$": 10.0, r"^classifier_.*/bias$": 20.0},
}


def _config(name, data_set, encoder, output, learning_rate):
    data = DATA[data_set]
    return RunConfig(
        recipe="smoothed_dilated",
        name=name,
        preset=f"deeplab_v2_{output}{ENCODERS[encoder]}",
        model={"num_classes": len(data.classes)},
        data=data,
        training=TrainingConfig(
            stages=(Stage(learning_rate, BATCH_SIZES[data_set], NUM_STEPS // STEPS_PER_EPOCH, decay="poly"),),
            steps_per_epoch=STEPS_PER_EPOCH,
            loss="cross_entropy",
            optimizer="sgd",
            selection="last",
            monitor="mean_iou",
            **GROUPS,
        ),
        segmentation=SEGMENTATION,
    )


def _configs():
    for output in OUTPUTS:
        for encoder in ENCODERS:
            yield _config(
                f"voc_{output}_{encoder}", "voc", encoder, output, VOC_RATES.get(encoder, BASELINE_RATE)
            )
            if VOC_RATES_WITHOUT_COCO.get(encoder) != VOC_RATES.get(encoder):
                yield _config(
                    f"voc_{output}_{encoder}_without_coco",
                    "voc",
                    encoder,
                    output,
                    VOC_RATES_WITHOUT_COCO[encoder],
                )
    for encoder in ENCODERS:
        yield _config(f"cityscapes_aspp_{encoder}", "cityscapes", encoder, "aspp", CITYSCAPES_RATE)


def _tiny(name, encoder):
    """For the scenes of `python -m tfrecords_tools scenes`, from nothing, so at higher rates."""
    config = _config(name, "cityscapes", encoder, "aspp", CITYSCAPES_RATE)
    return dataclasses.replace(
        config,
        tiny=True,
        data=dataclasses.replace(config.data, crop=(97, 193), scale_range=(0.75, 1.5)),
        training=dataclasses.replace(
            config.training,
            # Of 0.003, 0.01 and 0.05, the second was ahead after two epochs; the last one collapsed.
            stages=(Stage(0.01, 8, 12, decay="poly"),),
            steps_per_epoch=40,
            l2=1e-4,
            learning_rate_multipliers={},
        ),
    )


# Pre-trained on ImageNet and MS-COCO; on ImageNet alone.
_VOC = {
    "aspp": {
        "baseline": (75.1, 71.7),
        "multigrid": (74.5, 71.3),
        "group_interaction": (75.4, 72.3),
        "separable_shared": (75.4, 72.1),
    },
    "largefov": {
        "baseline": (74.7, 71.1),
        "group_interaction": (74.9, 71.7),
        "separable_shared": (75.3, 71.6),
    },
}
_CITYSCAPES = {
    "baseline": (71.1, 68.8),
    "group_interaction": (71.6, 69.0),
    "separable_shared": (71.9, 69.2),
}
# With MS-COCO's weights, without.
_TABLES = {"aspp": (1, 2), "largefov": (3, 4), "cityscapes": (5, 6)}


def _scores(pair, tables, data_set):
    return tuple(
        PublishedMeanIoU(f"paper, {weights}", value, f"{data_set} val", f"table {table}")
        for weights, value, table in zip(("COCO", "ImageNet"), pair, tables, strict=True)
    )


def _published():
    published = {}
    for output, rows in _VOC.items():
        for encoder, pair in rows.items():
            name, scores = f"voc_{output}_{encoder}", _scores(pair, _TABLES[output], "VOC 2012")
            published[name] = scores
            if f"{name}_without_coco" in CONFIGS:
                published[name], published[f"{name}_without_coco"] = scores[:1], scores[1:]
    for encoder, pair in _CITYSCAPES.items():
        published[f"cityscapes_aspp_{encoder}"] = _scores(pair, _TABLES["cityscapes"], "Cityscapes")
    return published


TINY = {
    "tiny": "baseline",
    "tiny_multigrid": "multigrid",
    "tiny_group_interaction": "group_interaction",
    "tiny_separable_shared": "separable_shared",
}
CONFIGS = {config.name: config for config in _configs()} | {
    name: _tiny(name, encoder) for name, encoder in TINY.items()
}
RECIPE = Recipe(
    name="smoothed_dilated",
    title="Smoothed dilated convolutions in DeepLabv2",
    citation="Wang and Ji, 2018, Smoothed Dilated Convolutions, arXiv:1808.08931",
    configs=CONFIGS,
    comparisons={},
    display_names={},
    published=_published(),
    full_size={name: f"cityscapes_aspp_{encoder}" for name, encoder in TINY.items()},
)
