"""Settings of data, training, separation, segmentation and runs: frozen dataclasses without TensorFlow."""

from keras_d3.settings.audio_data import ACCOMPANIMENT, AudioDataConfig
from keras_d3.settings.claim import CLAIM_UNITS, PER_RUN, SCALES, UNTRAINED, Claim, ClaimSide, Contrast
from keras_d3.settings.dicts import described_fields, from_dict, to_dict
from keras_d3.settings.image_data import ImageDataConfig, PhotometricDistortion
from keras_d3.settings.published import (
    MEAN_IOU,
    PARAMETERS,
    UNITS,
    PublishedMeanIoU,
    PublishedRow,
    PublishedScores,
    PublishedTable,
    find_by_name,
    read_rows,
)
from keras_d3.settings.recipe import Recipe, RecipeEntry, variant
from keras_d3.settings.run import RunConfig
from keras_d3.settings.runtimes import (
    NETWORK_FORMATS,
    OPENVINO_PRECISIONS,
    RUNTIME_FORMATS,
    RUNTIME_PACKAGES,
    RUNTIMES,
    SUBTYPES,
)
from keras_d3.settings.segmenter import RESIZES, SegmenterConfig
from keras_d3.settings.separator import (
    LONG_NETWORK_NAME,
    NETWORK_NAME,
    PADDINGS,
    QUALITIES,
    SeparatorConfig,
    SpectrogramSeparatorConfig,
    WaveformSeparatorConfig,
)
from keras_d3.settings.stem_files import CLIPS, RESIDUAL, RESTS, StemFilesConfig
from keras_d3.settings.training import (
    CHECKPOINTS,
    SAMPLE_LOSSES,
    STFT_LOSS,
    STFT_RESOLUTIONS,
    Stage,
    TrainingConfig,
)

__all__ = [
    "ACCOMPANIMENT",
    "CHECKPOINTS",
    "CLAIM_UNITS",
    "CLIPS",
    "MEAN_IOU",
    "NETWORK_FORMATS",
    "LONG_NETWORK_NAME",
    "NETWORK_NAME",
    "OPENVINO_PRECISIONS",
    "PADDINGS",
    "PARAMETERS",
    "PER_RUN",
    "QUALITIES",
    "RESIDUAL",
    "RESIZES",
    "RESTS",
    "RUNTIMES",
    "RUNTIME_FORMATS",
    "RUNTIME_PACKAGES",
    "SAMPLE_LOSSES",
    "SCALES",
    "STFT_LOSS",
    "STFT_RESOLUTIONS",
    "SUBTYPES",
    "UNITS",
    "UNTRAINED",
    "AudioDataConfig",
    "Claim",
    "ClaimSide",
    "Contrast",
    "ImageDataConfig",
    "PhotometricDistortion",
    "PublishedMeanIoU",
    "PublishedRow",
    "PublishedScores",
    "PublishedTable",
    "Recipe",
    "RecipeEntry",
    "RunConfig",
    "SegmenterConfig",
    "SeparatorConfig",
    "SpectrogramSeparatorConfig",
    "Stage",
    "StemFilesConfig",
    "TrainingConfig",
    "WaveformSeparatorConfig",
    "described_fields",
    "find_by_name",
    "from_dict",
    "read_rows",
    "to_dict",
    "variant",
]
