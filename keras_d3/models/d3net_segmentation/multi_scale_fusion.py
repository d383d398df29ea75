"""Dense blocks at falling scales whose maps are fused for segmentation: the frame of D3Net and DenseNet."""

import keras

from keras_d3.blocks import ObjectContext
from keras_d3.layers import BatchNormalization, DilatedConv2D, ResizeLike
from keras_d3.utils import check_choice, check_positive_int

HEADS = ("fcn", "ocr")


def fused_scales_network(
    blocks,
    name,
    num_classes=19,
    stem_filters=64,
    transition_divisor=2,
    tap_filters=(32, 40, 64, 128),
    head="fcn",
    head_filters=None,
    ocr_filters=512,
    ocr_key_filters=256,
    ocr_scaled=True,
    auxiliary_logits=False,
    upsample_logits=True,
    norm_epsilon=1e-5,
    norm_momentum=0.9,
    kernel_initializer="keras_d3>NNablaGlorotUniform",
    head_initializer=None,
):
    """Builds a network from normalised images to the logits of every pixel's class.

    1. stem: two 3x3 convolutions of stride 2 without bias, padded by 1 on every side; batch normalisation
       and ReLU between them, none after;
    2. the blocks; between two of them a transition: normalisation, ReLU, 1x1 without bias to
       `channels // transition_divisor`, average over 2x2 (a last odd row or column is dropped);
    3. a tap on every block's output: 1x1 with bias, normalisation, ReLU;
    4. all taps resized bilinearly to the first one's size and concatenated;
    5. the head; 6. bilinear resizing of the logits to the image's size.

    The order is that of the official code (sony/ai-research-code, `d3net/semantic-segmentation/model.py`);
    it ends in a softmax, which is left to the loss and to inference here.

    The head `"fcn"` is a 1x1 convolution without bias, normalisation, ReLU, and a 1x1 convolution to the
    classes. `"ocr"` is that of Yuan et al., 2020 (https://arxiv.org/abs/1909.11065): the whole `"fcn"` head
    gives the first guess of the classes; a 3x3 convolution, normalisation and ReLU give the pixel
    representations; `ObjectContext` augments them, and a 1x1 convolution classifies the result.

    Args:
        blocks: sequence of layers, the finest scale first.
        name: string, the model's name.
        num_classes: int.
        stem_filters: int, maps of the two first convolutions.
        transition_divisor: int.
        tap_filters: sequence of ints, one per block.
        head: `"fcn"` or `"ocr"`.
        head_filters: int, maps of the head's 1x1 convolution; None for the taps' sum.
        ocr_filters: int, width of pixel and augmented representations.
        ocr_key_filters, ocr_scaled: `key_filters` and `scaled` of `ObjectContext`.
        auxiliary_logits: bool, only for `"ocr"`, whether the model also returns the first guess, which the
            paper trains too (weight 0.4).
        upsample_logits: bool, whether step 6 exists; else the logits have a quarter of the image's size.
        norm_epsilon, norm_momentum: floats, constants of all batch normalisations here.
        kernel_initializer: initializer of the kernels before the head.
        head_initializer: initializer of the head's kernels; None for a normal distribution of standard
            deviation 0.01 (official code).

    Returns:
        Functional `keras.Model`: float images (batch, height, width, 3) of any size to float32 logits
        (batch, height, width, num_classes); with `auxiliary_logits` to a dict of `logits` and
        `auxiliary_logits`.

    Raises:
        ValueError: an argument breaks its rule, or blocks and taps differ in number.
    """
    blocks, tap_filters = list(blocks), tuple(tap_filters)
    check_positive_int("num_classes", num_classes)
    check_positive_int("transition_divisor", transition_divisor)
    check_choice("head", head, HEADS)
    if len(tap_filters) != len(blocks):
        raise ValueError(
            "`tap_filters` must have one number per block. "
            f"Received: tap_filters={tap_filters!r}, {len(blocks)} blocks."
        )
    if auxiliary_logits and head != "ocr":
        raise ValueError(
            f"`auxiliary_logits` belong to head='ocr'. Received: head={head!r}, auxiliary_logits=True."
        )
    if head_initializer is None:
        head_initializer = keras.initializers.RandomNormal(stddev=0.01)

    def norm_relu(x, prefix):
        x = BatchNormalization(momentum=norm_momentum, epsilon=norm_epsilon, name=f"{prefix}_norm")(x)
        return keras.layers.ReLU(name=f"{prefix}_relu")(x)

    def conv(x, filters, layer_name, use_bias, kernel_size=1, initializer=kernel_initializer, dtype=None):
        return DilatedConv2D(
            filters,
            kernel_size,
            use_bias=use_bias,
            kernel_initializer=initializer,
            name=layer_name,
            dtype=dtype,
        )(x)

    def strided_conv(x, index):
        # Not padding="same", which pads even sizes at the end only.
        x = keras.layers.ZeroPadding2D(1, data_format="channels_last", name=f"stem_pad_{index}")(x)
        return keras.layers.Conv2D(
            stem_filters,
            3,
            2,
            data_format="channels_last",
            use_bias=False,
            kernel_initializer=kernel_initializer,
            name=f"stem_conv_{index}",
        )(x)

    # --- Stem ---
    image = keras.Input((None, None, 3), name="image")
    x = strided_conv(norm_relu(strided_conv(image, 1), "stem"), 2)

    # --- Blocks, transitions, taps ---
    taps = []
    for index, (block, filters) in enumerate(zip(blocks, tap_filters, strict=True), 1):
        if index > 1:
            transition = f"transition_{index - 1}"
            channels = x.shape[-1] // transition_divisor
            x = conv(norm_relu(x, transition), channels, f"{transition}_conv", use_bias=False)
            x = keras.layers.AveragePooling2D(2, data_format="channels_last", name=f"{transition}_pool")(x)
        x = block(x)
        taps.append(norm_relu(conv(x, filters, f"tap_{index}_conv", use_bias=True), f"tap_{index}"))

    # --- Fusion ---
    resized = [
        tap if index == 1 else ResizeLike(name=f"tap_{index}_resize")([tap, taps[0]])
        for index, tap in enumerate(taps, 1)
    ]
    fused = resized[0] if len(resized) == 1 else keras.layers.Concatenate(name="fuse_scales")(resized)

    # --- Head ---
    # What must not lose precision: the logits.
    precise = keras.config.dtype_policy().variable_dtype
    own = {"initializer": head_initializer}
    x = conv(fused, head_filters or sum(tap_filters), "head_conv", use_bias=False, **own)
    logits = conv(norm_relu(x, "head"), num_classes, "classifier", use_bias=True, dtype=precise, **own)
    outputs = {"logits": logits}
    if head == "ocr":
        pixels = norm_relu(conv(fused, ocr_filters, "ocr_conv", use_bias=False, kernel_size=3, **own), "ocr")
        augmented = ObjectContext(
            ocr_filters,
            ocr_key_filters,
            ocr_scaled,
            norm_epsilon,
            norm_momentum,
            head_initializer,
            name="ocr_context",
        )([pixels, logits])
        outputs["auxiliary_logits"] = logits
        outputs["logits"] = conv(
            augmented, num_classes, "ocr_classifier", use_bias=True, dtype=precise, **own
        )
    if not auxiliary_logits:
        outputs = {"logits": outputs["logits"]}
    if upsample_logits:
        outputs = {
            key: ResizeLike(name=f"{key}_resize", dtype=precise)([value, image])
            for key, value in outputs.items()
        }
    return keras.Model(image, outputs if auxiliary_logits else outputs["logits"], name=name)


def per_stage(name, value, num_stages):
    """Returns `value` as a tuple of one entry per block; one entry is repeated.

    Raises:
        ValueError: it is a list of another length.
    """
    if not isinstance(value, (tuple, list)):
        return (value,) * num_stages
    if len(value) != num_stages:
        raise ValueError(
            f"`{name}` must be one value, or one per entry of `tap_filters` ({num_stages}). "
            f"Received: {name}={value!r}."
        )
    return tuple(value)
