"""Smoothed dilated convolutions in DeepLabv2: the official code's training as data."""

from keras_d3.images import CITYSCAPES, IMAGENET_CAFFE_BGR, VOC
from keras_d3.settings import (
    ImageDataConfig,
    Recipe,
    RecipeEntry,
    RunConfig,
    SegmenterConfig,
    Stage,
    TrainingConfig,
    variant,
)
from recipes.smoothed_dilated.claims import CLAIMS
from recipes.smoothed_dilated.published import TABLES

VOC_ASPP = RunConfig(
    recipe="smoothed_dilated",
    name="voc_aspp_baseline",
    preset="deeplab_v2_aspp",
    model={"num_classes": len(VOC)},
    # Crops of 321 pixels: 41 maps across; 571 on Cityscapes: 72.
    data=ImageDataConfig(VOC.names, (321, 321), IMAGENET_CAFFE_BGR, scale_range=(0.5, 1.5)),
    training=TrainingConfig(
        stages=(Stage(2.5e-4, 10, 40, decay="poly"),),  # 20,000 steps
        steps_per_epoch=500,
        loss="cross_entropy",
        optimizer="sgd",
        # What the official code does by name: kernels of convolutions are decayed; classifiers learn faster.
        l2=5e-4,
        l2_weights=r"/kernel$",
        learning_rate_multipliers={r"^classifier_.*/kernel$": 10.0, r"^classifier_.*/bias$": 20.0},
        selection="last",
        monitor="mean_iou",
    ),
    # Whole images, logits resized as TensorFlow 1 did.
    segmentation=SegmenterConfig(IMAGENET_CAFFE_BGR, VOC, resize="legacy"),
    # An encoder from ImageNet or MS-COCO, whose batch normalization stays as it is.
    pretrained=True,
)
VOC_LARGEFOV = variant(VOC_ASPP, "voc_largefov_baseline", {"preset": "deeplab_v2_largefov"})
CITYSCAPES_ASPP = variant(
    VOC_ASPP,
    "cityscapes_aspp_baseline",
    {
        "data.classes": CITYSCAPES.names,
        "data.crop": (571, 571),
        "model.num_classes": len(CITYSCAPES),
        "training.stages.0.learning_rate": 5e-4,
        "training.stages.0.batch_size": 3,
    },
)
# For the scenes of `python -m tfrecords_tools scenes`, from nothing, so at higher rates.
TINY = variant(
    CITYSCAPES_ASPP,
    "tiny",
    {
        "tiny": True,
        "pretrained": False,
        "data.crop": (97, 193),
        "data.scale_range": (0.75, 1.5),
        # Of 0.003, 0.01 and 0.05, the second was ahead after two epochs; the last one collapsed.
        "training.stages": (Stage(0.01, 8, 12, decay="poly"),),
        "training.steps_per_epoch": 40,
        "training.l2": 1e-4,
        "training.learning_rate_multipliers": {},
    },
)
# For the paper's claims: the tiny networks (3 dilated blocks per stage instead of 23 and 3, an eighth of
# the maps and less, from drawn weights), crops of 65 x 129, 2,000 steps of 4 crops. One rate for all
# encoders.
SMALL = variant(
    TINY,
    "small",
    {
        "data.crop": (65, 129),
        # Of 0.003, 0.01 and 0.03 (plain dilation, 1,000 steps, seed 100): 35.4, 53.1 and 53.1 % mean IoU in
        # validation.
        "training.stages": (Stage(0.01, 4, 4, decay="poly"),),
        "training.steps_per_epoch": 500,
        "training.ema_momentum": 0.99,
    },
)


def _smoothed(base, encoder, learning_rate=None, suffix=""):
    """The config with another encoder. On VOC, smoothed encoders were trained at rates of their own;
    multigrid's rate is not stated: the baseline's."""
    name = f"{base.name.removesuffix('_baseline')}_{encoder}{suffix}"
    changes = {"preset": f"{base.preset}_{encoder}"}
    if learning_rate is not None:
        changes["training.stages.0.learning_rate"] = learning_rate
    return variant(base, name, changes)


def _published(encoder, *numbers):
    tables = {table.name: table for table in TABLES}
    return tuple(tables[str(number)].published(encoder) for number in numbers)


RECIPE = Recipe(
    name="smoothed_dilated",
    title="Smoothed dilated convolutions in DeepLabv2",
    citation="Wang and Ji, 2018, Smoothed Dilated Convolutions, arXiv:1808.08931",
    entries=(
        RecipeEntry(VOC_ASPP, "DeepLabv2 ASPP (VOC)", _published("baseline", 1, 2)),
        RecipeEntry(
            _smoothed(VOC_ASPP, "multigrid"),
            "DeepLabv2 ASPP, multigrid (VOC)",
            _published("multigrid", 1, 2),
        ),
        RecipeEntry(
            _smoothed(VOC_ASPP, "group_interaction", 1e-3),
            "DeepLabv2 ASPP, group interaction (VOC)",
            _published("group interaction", 1, 2),
        ),
        RecipeEntry(
            _smoothed(VOC_ASPP, "separable_shared", 1e-3),
            "DeepLabv2 ASPP, separable shared (VOC)",
            _published("separable shared", 1),
        ),
        RecipeEntry(
            _smoothed(VOC_ASPP, "separable_shared", 7.5e-4, "_without_coco"),
            "DeepLabv2 ASPP, separable shared (VOC, without COCO)",
            _published("separable shared", 2),
        ),
        RecipeEntry(VOC_LARGEFOV, "DeepLabv2 LargeFOV (VOC)", _published("baseline", 3, 4)),
        RecipeEntry(_smoothed(VOC_LARGEFOV, "multigrid"), "DeepLabv2 LargeFOV, multigrid (VOC)"),
        RecipeEntry(
            _smoothed(VOC_LARGEFOV, "group_interaction", 1e-3),
            "DeepLabv2 LargeFOV, group interaction (VOC)",
            _published("group interaction", 3, 4),
        ),
        RecipeEntry(
            _smoothed(VOC_LARGEFOV, "separable_shared", 1e-3),
            "DeepLabv2 LargeFOV, separable shared (VOC)",
            _published("separable shared", 3),
        ),
        RecipeEntry(
            _smoothed(VOC_LARGEFOV, "separable_shared", 7.5e-4, "_without_coco"),
            "DeepLabv2 LargeFOV, separable shared (VOC, without COCO)",
            _published("separable shared", 4),
        ),
        RecipeEntry(CITYSCAPES_ASPP, "DeepLabv2 ASPP (Cityscapes)", _published("baseline", 5, 6)),
        RecipeEntry(_smoothed(CITYSCAPES_ASPP, "multigrid"), "DeepLabv2 ASPP, multigrid (Cityscapes)"),
        RecipeEntry(
            _smoothed(CITYSCAPES_ASPP, "group_interaction"),
            "DeepLabv2 ASPP, group interaction (Cityscapes)",
            _published("group interaction", 5, 6),
        ),
        RecipeEntry(
            _smoothed(CITYSCAPES_ASPP, "separable_shared"),
            "DeepLabv2 ASPP, separable shared (Cityscapes)",
            _published("separable shared", 5, 6),
        ),
        RecipeEntry(TINY, "DeepLabv2 ASPP (tiny)", full_size="cityscapes_aspp_baseline"),
        RecipeEntry(
            _smoothed(TINY, "multigrid"),
            "DeepLabv2 ASPP, multigrid (tiny)",
            full_size="cityscapes_aspp_multigrid",
        ),
        RecipeEntry(
            _smoothed(TINY, "group_interaction"),
            "DeepLabv2 ASPP, group interaction (tiny)",
            full_size="cityscapes_aspp_group_interaction",
        ),
        RecipeEntry(
            _smoothed(TINY, "separable_shared"),
            "DeepLabv2 ASPP, separable shared (tiny)",
            full_size="cityscapes_aspp_separable_shared",
        ),
        RecipeEntry(SMALL, "DeepLabv2 ASPP (small)", full_size="cityscapes_aspp_baseline"),
        RecipeEntry(
            _smoothed(SMALL, "multigrid"),
            "DeepLabv2 ASPP, multigrid (small)",
            full_size="cityscapes_aspp_multigrid",
        ),
        RecipeEntry(
            _smoothed(SMALL, "group_interaction"),
            "DeepLabv2 ASPP, group interaction (small)",
            full_size="cityscapes_aspp_group_interaction",
        ),
        RecipeEntry(
            _smoothed(SMALL, "separable_shared"),
            "DeepLabv2 ASPP, separable shared (small)",
            full_size="cityscapes_aspp_separable_shared",
        ),
    ),
    comparisons={
        **{f"table{table.name}": table.configs for table in TABLES},
        "paper": TABLES[-1].configs,
        "tiny": ("tiny", "tiny_multigrid", "tiny_group_interaction", "tiny_separable_shared"),
    },
    tables=TABLES,
    claims=CLAIMS,
)
