"""D3Net for semantic segmentation: the official code's training as data."""

from keras_d3.images import CITYSCAPES, IMAGENET_RGB
from keras_d3.settings import (
    ImageDataConfig,
    PhotometricDistortion,
    PublishedMeanIoU,
    Recipe,
    RecipeEntry,
    RunConfig,
    SegmenterConfig,
    Stage,
    TrainingConfig,
    variant,
)

# 40,000 steps from scratch.
S = RunConfig(
    recipe="d3net_segmentation",
    name="s_cityscapes",
    preset="d3net_segmentation_s",
    model={"num_classes": len(CITYSCAPES)},
    data=ImageDataConfig(
        classes=CITYSCAPES.names,
        crop=(512, 1024),
        normalization=IMAGENET_RGB,
        scale_range=(0.5, 2.0),
        flip_probability=0.5,
        distortion=PhotometricDistortion(),
        max_class_fraction=0.75,
    ),
    training=TrainingConfig(
        # The end of the schedule, 1e-4, is the code's; the paper names none.
        stages=(Stage(0.01, 8, 80, decay="poly", final_learning_rate=1e-4),),
        steps_per_epoch=500,
        loss="cross_entropy_over_all_pixels",
        optimizer="sgd",
        l2=5e-4,
        # The validation split is what is scored: it must not choose the weights.
        selection="last",
        monitor="mean_iou",
    ),
    # Whole images at once, one scale: tables 1 and 2.
    segmentation=SegmenterConfig(IMAGENET_RGB, CITYSCAPES),
)
L = variant(S, "l_cityscapes", {"preset": "d3net_segmentation_l"})
# As the paper's text has it, without what only the code does: augmentation of flips, crops and scales alone,
# a rate that falls to 0, the loss over the pixels that have a class, decay of weights but not of biases and
# normalizations, and one normalization per layer (equation 1). M and L are those of the printed sizes.
S_AS_PRINTED = variant(
    S,
    "s_as_printed",
    {
        "data.distortion": None,
        "data.max_class_fraction": None,
        "model.norm": "layer",
        "training.stages.0.final_learning_rate": 0.0,
        "training.loss": "cross_entropy",
        "training.l2_weights": "/kernel$",
    },
)
S_STANDARD_DILATION = variant(S, "s_standard_dilation", {"preset": "d3net_segmentation_s_standard_dilation"})
S_WITHOUT_DILATION = variant(S, "s_without_dilation", {"preset": "d3net_segmentation_s_without_dilation"})
D_RESNET_50_FCN = variant(S, "d_resnet_50_fcn", {"preset": "d_resnet_50_fcn"})
D_RESNET_101_FCN = variant(S, "d_resnet_101_fcn", {"preset": "d_resnet_101_fcn"})
DENSENET_133 = variant(S, "densenet_133", {"preset": "densenet_133"})
DENSENET_189 = variant(S, "densenet_189", {"preset": "densenet_189"})
DENSENET_189_MATCHED = variant(S, "densenet_189_matched", {"preset": "densenet_189_matched"})
# 80,000 steps from ImageNet weights; 160,000 for the test server.
S_PRETRAINED = variant(S, "s_pretrained", {"training.stages.0.epochs": 160, "pretrained": True})
L_PRETRAINED = variant(L, "l_pretrained", {"training.stages.0.epochs": 160, "pretrained": True})
L_OCR_PRETRAINED = variant(
    L_PRETRAINED,
    "l_ocr_pretrained",
    {"preset": "d3net_segmentation_l_ocr", "model.auxiliary_logits": True},
)
# Table 3 names no initial weights; table 2's are taken, as its scores are not reached from scratch.
L_FOR_TEST = variant(
    L_PRETRAINED, "l_for_test", {"training.stages.0.epochs": 320, "training.stages.0.batch_size": 12}
)
# For the scenes of `python -m tfrecords_tools scenes`.
TINY = variant(
    S,
    "tiny",
    {
        "tiny": True,
        "data.crop": (96, 192),
        "data.scale_range": (0.75, 1.5),
        "training.stages": (Stage(0.2, 8, 8, decay="poly", final_learning_rate=1e-3),),
        "training.steps_per_epoch": 40,
        "training.l2": 1e-4,
    },
)
TINY_D_RESNET_50_FCN = variant(TINY, "tiny_d_resnet_50_fcn", {"preset": "d_resnet_50_fcn"})


def _paper(mean_iou_percent, table, data_set="Cityscapes val"):
    return PublishedMeanIoU("paper", mean_iou_percent, data_set, table)


def _official(mean_iou_percent):
    return PublishedMeanIoU(
        "official weights", mean_iou_percent, "Cityscapes val", "README of the official code"
    )


SCRATCH = "table 1, 40,000 steps from scratch"
PRETRAINED = "table 2, 80,000 steps, ImageNet weights"
FOR_TEST = "table 3, 160,000 steps, batch 12, six scales and flip"
RECIPE = Recipe(
    name="d3net_segmentation",
    title="D3Net for semantic segmentation",
    citation="Takahashi and Mitsufuji, 2021, D3Net, arXiv:2011.11844",
    entries=(
        RecipeEntry(S, "D3Net-S", (_paper(65.1, SCRATCH),)),
        RecipeEntry(L, "D3Net-L", (_paper(68.1, SCRATCH),)),
        RecipeEntry(S_AS_PRINTED, "D3Net-S (as printed)", (_paper(65.1, SCRATCH),)),
        RecipeEntry(S_STANDARD_DILATION, "D3Net-S, standard dilation", (_paper(57.9, SCRATCH),)),
        RecipeEntry(S_WITHOUT_DILATION, "D3Net-S, without dilation", (_paper(62.3, SCRATCH),)),
        RecipeEntry(D_RESNET_50_FCN, "D-ResNet-50, FCN", (_paper(59.7, SCRATCH),)),
        RecipeEntry(D_RESNET_101_FCN, "D-ResNet-101, FCN", (_paper(62.4, SCRATCH),)),
        RecipeEntry(DENSENET_133, "DenseNet-133", (_paper(57.6, SCRATCH),)),
        RecipeEntry(DENSENET_189, "DenseNet-189", (_paper(54.9, SCRATCH),)),
        RecipeEntry(DENSENET_189_MATCHED, "DenseNet-189 (matched size)", (_paper(54.9, SCRATCH),)),
        RecipeEntry(S_PRETRAINED, "D3Net-S, pre-trained", (_paper(79.5, PRETRAINED), _official(79.9))),
        RecipeEntry(L_PRETRAINED, "D3Net-L, pre-trained", (_paper(80.6, PRETRAINED), _official(81.0))),
        RecipeEntry(L_OCR_PRETRAINED, "D3Net-L with OCR, pre-trained", (_paper(81.2, PRETRAINED),)),
        RecipeEntry(L_FOR_TEST, "D3Net-L for the test server", (_paper(80.8, FOR_TEST, "Cityscapes test"),)),
        RecipeEntry(TINY, "D3Net-S (tiny)", full_size="s_cityscapes"),
        RecipeEntry(TINY_D_RESNET_50_FCN, "D-ResNet-50, FCN (tiny)", full_size="d_resnet_50_fcn"),
    ),
)
