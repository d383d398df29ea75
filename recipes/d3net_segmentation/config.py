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
from recipes.d3net_segmentation.claims import CLAIMS
from recipes.d3net_segmentation.published import TABLE_1, TABLE_2, TABLE_3, TABLES

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
TINY_STANDARD_DILATION = variant(
    TINY, "tiny_standard_dilation", {"preset": "d3net_segmentation_s_standard_dilation"}
)
TINY_WITHOUT_DILATION = variant(
    TINY, "tiny_without_dilation", {"preset": "d3net_segmentation_s_without_dilation"}
)
TINY_DENSENET_133 = variant(TINY, "tiny_densenet_133", {"preset": "densenet_133"})
TINY_D_RESNET_50_FCN = variant(TINY, "tiny_d_resnet_50_fcn", {"preset": "d_resnet_50_fcn"})

# For the paper's claims, on generated scenes: the tiny networks (2 D2 blocks of 3 layers and 8 maps instead
# of 8 of 4 and 36), crops of 64 x 128, 2,000 steps of 4 crops.
_SMALL = {
    "data.crop": (64, 128),
    # Of 0.03, 0.1 and 0.3 (D3Net, 1,000 steps, seed 100) with the highest mean IoU in validation: 63.6, 67.8
    # and 63.4.
    "training.stages": (Stage(0.1, 4, 4, decay="poly", final_learning_rate=1e-3),),
    "training.steps_per_epoch": 500,
    "training.ema_momentum": 0.99,
}
SMALL = variant(TINY, "small", _SMALL)
SMALL_STANDARD_DILATION = variant(TINY_STANDARD_DILATION, "small_standard_dilation", _SMALL)
SMALL_WITHOUT_DILATION = variant(TINY_WITHOUT_DILATION, "small_without_dilation", _SMALL)
# 73,330 parameters, D3Net 75,741.
SMALL_DENSENET = variant(
    TINY_DENSENET_133, "small_densenet", {**_SMALL, "model.growth_rate": 6, "model.num_layers": 6}
)


def _table_1(backbone):
    return (TABLE_1.published(backbone),)


def _official(mean_iou_percent):
    return PublishedMeanIoU(
        "official weights", mean_iou_percent, TABLE_2.scored_on, "README of the official code"
    )


RECIPE = Recipe(
    name="d3net_segmentation",
    title="D3Net for semantic segmentation",
    citation="Takahashi and Mitsufuji, 2021, D3Net, arXiv:2011.11844",
    entries=(
        RecipeEntry(S, "D3Net-S", _table_1("D3Net-S")),
        RecipeEntry(L, "D3Net-L", _table_1("D3Net-L")),
        RecipeEntry(S_AS_PRINTED, "D3Net-S (as printed)", _table_1("D3Net-S")),
        RecipeEntry(S_STANDARD_DILATION, "D3Net-S, standard dilation", _table_1("D3Net-S standard dilation")),
        RecipeEntry(S_WITHOUT_DILATION, "D3Net-S, without dilation", _table_1("D3Net-S without dilation")),
        RecipeEntry(D_RESNET_50_FCN, "D-ResNet-50, FCN", _table_1("D-ResNet-50")),
        RecipeEntry(D_RESNET_101_FCN, "D-ResNet-101, FCN", _table_1("D-ResNet-101")),
        RecipeEntry(DENSENET_133, "DenseNet-133", _table_1("DenseNet-133 (k = 36)")),
        RecipeEntry(DENSENET_189, "DenseNet-189", _table_1("DenseNet-189 (k = 23)")),
        RecipeEntry(DENSENET_189_MATCHED, "DenseNet-189 (matched size)", _table_1("DenseNet-189 (k = 23)")),
        RecipeEntry(
            S_PRETRAINED, "D3Net-S, pre-trained", (TABLE_2.published("FCN, D3Net-S"), _official(79.9))
        ),
        RecipeEntry(
            L_PRETRAINED, "D3Net-L, pre-trained", (TABLE_2.published("FCN, D3Net-L"), _official(81.0))
        ),
        RecipeEntry(
            L_OCR_PRETRAINED, "D3Net-L with OCR, pre-trained", (TABLE_2.published("OCRNet, D3Net-L"),)
        ),
        RecipeEntry(L_FOR_TEST, "D3Net-L for the test server", (TABLE_3.published("D3Net (FCN), D3Net-L"),)),
        RecipeEntry(TINY, "D3Net-S (tiny)", full_size="s_cityscapes"),
        RecipeEntry(
            TINY_STANDARD_DILATION, "D3Net-S, standard dilation (tiny)", full_size="s_standard_dilation"
        ),
        RecipeEntry(
            TINY_WITHOUT_DILATION, "D3Net-S, without dilation (tiny)", full_size="s_without_dilation"
        ),
        RecipeEntry(SMALL, "D3Net-S (small)", full_size="s_cityscapes"),
        RecipeEntry(
            SMALL_STANDARD_DILATION, "D3Net-S, standard dilation (small)", full_size="s_standard_dilation"
        ),
        RecipeEntry(
            SMALL_WITHOUT_DILATION, "D3Net-S, without dilation (small)", full_size="s_without_dilation"
        ),
        RecipeEntry(SMALL_DENSENET, "DenseNet (small)", full_size="densenet_133"),
        RecipeEntry(TINY_DENSENET_133, "DenseNet-133 (tiny)", full_size="densenet_133"),
        RecipeEntry(TINY_D_RESNET_50_FCN, "D-ResNet-50, FCN (tiny)", full_size="d_resnet_50_fcn"),
    ),
    comparisons={
        "table1": (
            "d_resnet_50_fcn",
            "d_resnet_101_fcn",
            "s_without_dilation",
            "s_standard_dilation",
            "densenet_133",
            "densenet_189",
            "s_cityscapes",
            "l_cityscapes",
        ),
        "table2": ("s_pretrained", "l_pretrained", "l_ocr_pretrained"),
        "paper": ("s_cityscapes", "l_cityscapes"),
        "tiny": (
            "tiny_d_resnet_50_fcn",
            "tiny_without_dilation",
            "tiny_standard_dilation",
            "tiny_densenet_133",
            "tiny",
        ),
    },
    tables=TABLES,
    claims=CLAIMS,
)
