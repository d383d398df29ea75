"""DeepLabv2 on a dilated ResNet-101, with and without smoothed dilations."""

import keras

from keras_d3.blocks import residual_bottleneck
from keras_d3.layers import BatchNormalization, DilatedConv2D, ResizeLike
from keras_d3.ops import SMOOTHINGS
from keras_d3.utils import check_choice, check_positive_int

# What tf.contrib.layers.batch_norm has in the official code; Caffe's models were trained with 1e-5.
NORM_EPSILON, NORM_MOMENTUM = 1e-3, 0.999
STEM_PADDINGS = ("same", "both_sides")


def deeplab_v2(
    num_classes=21,
    classifier_rates=(6, 12, 18, 24),
    smoothing=None,
    padding_leak="official",
    num_blocks=(3, 4, 23, 3),
    filters=(64, 128, 256, 512),
    strides=(1, 2, 1, 1),
    dilation_rates=(1, 1, 2, 4),
    stem_filters=64,
    stem_padding="same",
    upsample_logits=False,
    freeze_norm=True,
    norm_epsilon=NORM_EPSILON,
    norm_momentum=NORM_MOMENTUM,
    kernel_initializer="glorot_uniform",
    name="deeplab_v2",
):
    """Builds DeepLabv2: a dilated ResNet whose maps, an eighth of the image's size, are classified.

    Section 4 of Wang and Ji, 2018, "Smoothed Dilated Convolutions for Improved Dense Prediction"
    (https://arxiv.org/abs/1808.08931), and Chen et al., 2016, "DeepLab" (https://arxiv.org/abs/1606.00915).
    The encoder is a ResNet-101 as in Caffe (`residual_bottleneck`), with strides replaced by dilation in
    its last two stages; `smoothing` makes every 3x3 convolution with a rate above 1 a
    `SmoothedDilatedConv2D`. The output layer is a sum of dilated 3x3 convolutions with bias: four for ASPP
    (section 4.2), one for LargeFOV. It is not smoothed.

    Layers: `stem_conv`, `res<2..5>_block<1..>_conv<1..3>` (see `residual_bottleneck`; the first dilated
    one is `res4_block1_conv2`, the last `res5_block3_conv2`) and `classifier_rate_<rate>`.

    Differences from the official code: the blocks' shortcuts and convolutions are called otherwise; the
    equations are the same. ASPP is its own: one convolution per rate, where Chen et al. have three.

    Args:
        num_classes: int.
        classifier_rates: sequence of ints, dilation rates of the output layer's convolutions.
        smoothing: None, `"group_interaction"` or `"separable_shared_convolution"`.
        padding_leak: see `SmoothedDilatedConv2D`.
        num_blocks: sequence of ints, residual blocks of each stage.
        filters: sequence of ints, of each stage's blocks; they return four times as many maps.
        strides: sequence of ints, of each stage's first block.
        dilation_rates: sequence with one rate per stage, or a sequence of one rate per block in its place.
        stem_filters: int, of the first convolution.
        stem_padding: `"same"`, as TensorFlow pads the stem's convolution and pooling (official code), or
            `"both_sides"`, symmetric as in Caffe and Keras' own ResNets. They are equal where height and
            width are 1 more than a multiple of 4.
        upsample_logits: bool, whether the logits are resized bilinearly (half-pixel centres) to the image's
            size. The papers' loss is taken without.
        freeze_norm: bool, whether batch normalisation keeps its statistics, scales and shifts, as in the
            papers, which start from trained weights. Their parameters are not trainable then.
        norm_epsilon, norm_momentum: floats, constants of the batch normalisations.
        kernel_initializer: initializer of all kernels.

    Returns:
        Functional `keras.Model`: images (batch, height, width, 3), normalised, to float32 logits (batch,
        height / 8, width / 8, num_classes), sizes rounded up; with `upsample_logits` of the image's size.

    Raises:
        ValueError: an argument breaks its rule; the message names it.

    Example:

    >>> from keras_d3 import models
    >>> model = models.build("deeplab_v2_aspp_separable_shared", tiny=True)
    >>> tuple(model.output_shape), model.get_layer("res5_block3_conv2").dilation_rate
    ((None, None, None, 21), (4, 4))
    """
    check_positive_int("num_classes", num_classes)
    check_choice("smoothing", smoothing, (None, *SMOOTHINGS))
    check_choice("stem_padding", stem_padding, STEM_PADDINGS)
    classifier_rates = tuple(check_positive_int("classifier_rates", rate) for rate in classifier_rates)
    if not classifier_rates or len(set(classifier_rates)) < len(classifier_rates):
        raise ValueError(
            "`classifier_rates` must be at least one rate, all different. "
            f"Received: classifier_rates={classifier_rates!r}."
        )
    dilation_rates = _rates_per_block(num_blocks, filters, strides, dilation_rates)
    norms = {"norm_epsilon": norm_epsilon, "norm_momentum": norm_momentum}

    # --- Stem ---
    image = keras.Input((None, None, 3), name="image")
    both_sides = stem_padding == "both_sides"
    padding = "valid" if both_sides else "same"
    x = image
    if both_sides:
        x = keras.layers.ZeroPadding2D(3, data_format="channels_last", name="stem_pad")(x)
    x = keras.layers.Conv2D(
        stem_filters,
        7,
        2,
        padding=padding,
        data_format="channels_last",
        use_bias=False,
        kernel_initializer=kernel_initializer,
        name="stem_conv",
    )(x)
    norm = BatchNormalization(momentum=norm_momentum, epsilon=norm_epsilon, name="stem_conv_norm")
    norm.trainable = not freeze_norm
    x = keras.layers.ReLU(name="stem_conv_relu")(norm(x))
    if both_sides:
        # Zeros, which after a ReLU change no maximum.
        x = keras.layers.ZeroPadding2D(1, data_format="channels_last", name="stem_pool_pad")(x)
    x = keras.layers.MaxPooling2D(3, 2, padding=padding, data_format="channels_last", name="stem_pool")(x)

    # --- Residual stages ---
    for stage, (width, stride, rates) in enumerate(zip(filters, strides, dilation_rates, strict=True), 2):
        for block, rate in enumerate(rates, 1):
            x = residual_bottleneck(
                x,
                width,
                f"res{stage}_block{block}",
                stride=stride if block == 1 else 1,
                dilation_rate=rate,
                shortcut="projection" if block == 1 else "identity",
                smoothing=None if rate == 1 else smoothing,
                padding_leak=padding_leak,
                freeze_norm=freeze_norm,
                kernel_initializer=kernel_initializer,
                **norms,
            )

    # --- Output layer ---
    # What must not lose precision: the logits.
    precise = keras.config.dtype_policy().variable_dtype
    logits = [
        DilatedConv2D(
            num_classes,
            3,
            rate,
            kernel_initializer=kernel_initializer,
            name=f"classifier_rate_{rate}",
            dtype=precise,
        )(x)
        for rate in classifier_rates
    ]
    logits = logits[0] if len(logits) == 1 else keras.layers.Add(name="logits", dtype=precise)(logits)
    if upsample_logits:
        logits = ResizeLike(name="logits_resize", dtype=precise)([logits, image])
    return keras.Model(image, logits, name=name)


def _rates_per_block(num_blocks, filters, strides, dilation_rates):
    """Returns one tuple of rates per stage, one rate per block."""
    lengths = {len(tuple(values)) for values in (num_blocks, filters, strides, dilation_rates)}
    if len(lengths) > 1 or lengths == {0}:
        raise ValueError(
            "`num_blocks`, `filters`, `strides` and `dilation_rates` must have one entry per stage. "
            f"Received: num_blocks={num_blocks!r}, filters={filters!r}, strides={strides!r}, "
            f"dilation_rates={dilation_rates!r}."
        )
    stages = []
    for blocks, rates in zip(num_blocks, dilation_rates, strict=True):
        check_positive_int("num_blocks", blocks)
        rates = (rates,) * blocks if isinstance(rates, int) else tuple(rates)
        if len(rates) != blocks:
            raise ValueError(
                "`dilation_rates` must have one rate per stage, or per block of it. "
                f"Received: rates {rates!r} for {blocks} blocks."
            )
        stages.append(tuple(check_positive_int("dilation_rates", rate) for rate in rates))
    return stages
