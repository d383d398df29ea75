"""DeepLabv2 on a dilated ResNet-101, with and without smoothed dilations."""

import dataclasses

import keras

from keras_d3.blocks import residual_bottleneck
from keras_d3.layers import BatchNormalization, DilatedConv2D, ResizeLike
from keras_d3.models.network import Network, precise_dtype, set_fields
from keras_d3.ops import SMOOTHINGS
from keras_d3.presets import DEEPLAB_V2_PRESETS
from keras_d3.utils import check_choice, check_positive_int


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeepLabV2Arguments:
    """Arguments of `DeepLabV2`.

    Args:
        num_classes: int, number of classes.
        classifier_rates: sequence of ints, dilation rates of the output layer's convolutions.
        smoothing: None, `"group_interaction"` or `"separable_shared_convolution"`.
        padding_leak: see `SmoothedDilatedConv2D`.
        num_blocks: sequence of ints, residual blocks of each stage.
        filters: sequence of ints, of each stage's blocks; they return four times as many maps.
        strides: sequence of ints, of each stage's first block.
        dilation_rates: sequence with one rate per stage, or a sequence of one rate per block in its place.
        stem_filters: int, maps of the first convolution.
        stem_padding: `"same"`, as TensorFlow pads the stem's convolution and pooling (official code), or
            `"both_sides"`, symmetric as in Caffe and Keras' own ResNets. They are equal where height and
            width are 1 more than a multiple of 4.
        upsample_logits: bool, whether the logits are resized bilinearly (half-pixel centers) to the image's
            size. The papers' loss is taken without.
        freeze_norm: bool, whether batch normalization keeps its statistics, scales and shifts, as in the
            papers, which start from trained weights. Their parameters are not trainable then.
        norm_epsilon: float, epsilon of the batch normalizations. The default is that of
            tf.contrib.layers.batch_norm in the official code; Caffe's models were trained with 1e-5.
        norm_momentum: float, momentum of the batch normalizations; the default as for `norm_epsilon`.
        kernel_initializer: Keras initializer of all kernels.

    Raises:
        ValueError: an argument breaks its rule.
    """

    num_classes: int = 21
    classifier_rates: tuple = (6, 12, 18, 24)
    smoothing: str | None = None
    padding_leak: str = "official"
    num_blocks: tuple = (3, 4, 23, 3)
    filters: tuple = (64, 128, 256, 512)
    strides: tuple = (1, 2, 1, 1)
    dilation_rates: tuple = (1, 1, 2, 4)
    stem_filters: int = 64
    stem_padding: str = "same"
    upsample_logits: bool = False
    freeze_norm: bool = True
    norm_epsilon: float = 1e-3
    norm_momentum: float = 0.999
    kernel_initializer: object = "glorot_uniform"

    def __post_init__(self):
        check_positive_int("num_classes", self.num_classes)
        check_choice("smoothing", self.smoothing, (None, *SMOOTHINGS))
        check_choice("stem_padding", self.stem_padding, ("same", "both_sides"))
        rates = tuple(check_positive_int("classifier_rates", rate) for rate in self.classifier_rates)
        if not rates or len(set(rates)) < len(rates):
            raise ValueError(
                "`classifier_rates` must be at least one rate, all different. "
                f"Received: classifier_rates={rates!r}."
            )
        rates_of_stages = tuple(
            tuple(rate) if isinstance(rate, (tuple, list)) else rate for rate in self.dilation_rates
        )
        set_fields(
            self,
            classifier_rates=rates,
            dilation_rates=rates_of_stages,
            **{name: tuple(getattr(self, name)) for name in ("num_blocks", "filters", "strides")},
        )
        self.rates_per_block()

    def rates_per_block(self):
        """Returns a list with one tuple of dilation rates per stage, one rate per block.

        Raises:
            ValueError: the arguments of the stages do not fit each other.
        """
        per_stage = ("num_blocks", "filters", "strides", "dilation_rates")
        if len({len(getattr(self, name)) for name in per_stage}) > 1 or not self.num_blocks:
            raise ValueError(
                "`num_blocks`, `filters`, `strides` and `dilation_rates` must have one entry per stage. "
                f"Received: {', '.join(f'{name}={getattr(self, name)!r}' for name in per_stage)}."
            )
        stages = []
        for blocks, rates in zip(self.num_blocks, self.dilation_rates, strict=True):
            check_positive_int("num_blocks", blocks)
            rates = (rates,) * blocks if isinstance(rates, int) else tuple(rates)
            if len(rates) != blocks:
                raise ValueError(
                    "`dilation_rates` must have one rate per stage, or per block of it. "
                    f"Received: rates {rates!r} for {blocks} blocks."
                )
            stages.append(tuple(check_positive_int("dilation_rates", rate) for rate in rates))
        return stages


@keras.saving.register_keras_serializable("keras_d3")
class DeepLabV2(Network):
    """DeepLabv2: a dilated ResNet whose maps, an eighth of the image's size, are classified.

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
        **arguments: keyword arguments, the fields of `DeepLabV2Arguments`.
        name, trainable, dtype: see `Network`.

    Input: images (batch, height, width, 3), normalized. Output: float32 logits (batch, height / 8, width / 8,
    num_classes), sizes rounded up; with `upsample_logits` of the image's size.

    Raises:
        ValueError: an argument breaks its rule; the message names it.

    Example:

    >>> from keras_d3.models import DeepLabV2
    >>> model = DeepLabV2.from_preset("deeplab_v2_aspp_separable_shared", tiny=True)
    >>> tuple(model.output_shape), model.get_layer("res5_block3_conv2").dilation_rate
    ((None, None, None, 21), (4, 4))
    """

    arguments_class = DeepLabV2Arguments
    presets = DEEPLAB_V2_PRESETS

    def connect(self):
        image = keras.Input((None, None, 3), name="image")
        x = self._stem(image)
        x = self._residual_stages(x)
        logits = self._classify(x)
        if self.arguments.upsample_logits:
            logits = ResizeLike(name="logits_resize", dtype=precise_dtype())([logits, image])
        return image, logits

    def _stem(self, x):
        arguments = self.arguments
        pads_both_sides = arguments.stem_padding == "both_sides"
        padding = "valid" if pads_both_sides else "same"
        if pads_both_sides:
            x = keras.layers.ZeroPadding2D(3, data_format="channels_last", name="stem_pad")(x)
        x = keras.layers.Conv2D(
            arguments.stem_filters,
            7,
            2,
            padding=padding,
            data_format="channels_last",
            use_bias=False,
            kernel_initializer=arguments.kernel_initializer,
            name="stem_conv",
        )(x)
        norm = BatchNormalization(
            momentum=arguments.norm_momentum, epsilon=arguments.norm_epsilon, name="stem_conv_norm"
        )
        norm.trainable = not arguments.freeze_norm
        x = keras.layers.ReLU(name="stem_conv_relu")(norm(x))
        if pads_both_sides:
            # After a ReLU, zeros change no maximum.
            x = keras.layers.ZeroPadding2D(1, data_format="channels_last", name="stem_pool_pad")(x)
        return keras.layers.MaxPooling2D(
            3, 2, padding=padding, data_format="channels_last", name="stem_pool"
        )(x)

    def _residual_stages(self, x):
        arguments = self.arguments
        stages = zip(arguments.filters, arguments.strides, arguments.rates_per_block(), strict=True)
        for stage, (filters, stride, rates) in enumerate(stages, 2):
            for block, rate in enumerate(rates, 1):
                x = residual_bottleneck(
                    x,
                    filters,
                    f"res{stage}_block{block}",
                    stride=stride if block == 1 else 1,
                    dilation_rate=rate,
                    shortcut="projection" if block == 1 else "identity",
                    smoothing=None if rate == 1 else arguments.smoothing,
                    padding_leak=arguments.padding_leak,
                    freeze_norm=arguments.freeze_norm,
                    norm_epsilon=arguments.norm_epsilon,
                    norm_momentum=arguments.norm_momentum,
                    kernel_initializer=arguments.kernel_initializer,
                )
        return x

    def _classify(self, x):
        # In float32 under mixed precision.
        dtype = precise_dtype()
        logits = [
            DilatedConv2D(
                self.arguments.num_classes,
                3,
                rate,
                kernel_initializer=self.arguments.kernel_initializer,
                name=f"classifier_rate_{rate}",
                dtype=dtype,
            )(x)
            for rate in self.arguments.classifier_rates
        ]
        return logits[0] if len(logits) == 1 else keras.layers.Add(name="logits", dtype=dtype)(logits)
