"""Dilated ResNet with an FCN head, the baseline beside D3Net for segmentation."""

import dataclasses

import keras

from keras_d3.blocks import residual_bottleneck
from keras_d3.layers import BatchNormalization, DilatedConv2D, ResizeLike
from keras_d3.models.network import Network, precise_dtype, set_fields
from keras_d3.presets import DILATED_RESNET_FCN_PRESETS
from keras_d3.utils import check_positive_int


@dataclasses.dataclass(frozen=True, kw_only=True)
class DilatedResNetFCNArguments:
    """Arguments of `DilatedResNetFCN`.

    Args:
        num_classes: int, number of classes.
        num_blocks: sequence of ints, residual blocks of each stage, two stages at least.
        filters: sequence of ints, of each stage's blocks; they return four times as many maps.
        strides: sequence of ints, of each stage's first block.
        dilation_rates: sequence of ints, of each stage's blocks. The first block of a stage has half of it
            (`contract_dilation` of MMSegmentation).
        stem_filters: int, even, maps of the stem's last convolution; the two before have half as many.
        head_filters: int, maps of the head's convolutions.
        num_head_convs: int, convolutions of the head before the one that reads their result beside the
            encoder's maps.
        auxiliary_filters: int, maps of the auxiliary head's convolution.
        auxiliary_logits: bool, whether the model also returns what the auxiliary head makes of the last stage
            but one, which is trained with weight 0.4.
        dropout: float, rate at which whole maps are dropped before the two classifying convolutions.
        upsample_logits: bool, whether the logits are resized bilinearly to the image's size; else they have
            an eighth of it.
        norm_epsilon: float, epsilon of the batch normalizations.
        norm_momentum: float, momentum of the batch normalizations.
        residual_gamma_initializer: Keras initializer of the scale that ends a block. Zeros, so that a block
            starts as its shortcut (MMSegmentation's `zero_init_residual`).
        kernel_initializer: Keras initializer of the kernels but the classifiers'; None for a normal
            distribution of variance 2 / (taps x maps that come out) (He et al., 2015).
        head_initializer: Keras initializer of the classifiers' kernels; None for a normal distribution of
            standard deviation 0.01.

    Raises:
        ValueError: an argument breaks its rule.
    """

    num_classes: int = 19
    num_blocks: tuple = (3, 4, 6, 3)
    filters: tuple = (64, 128, 256, 512)
    strides: tuple = (1, 2, 1, 1)
    dilation_rates: tuple = (1, 1, 2, 4)
    stem_filters: int = 64
    head_filters: int = 512
    num_head_convs: int = 2
    auxiliary_filters: int = 256
    auxiliary_logits: bool = True
    dropout: float = 0.1
    upsample_logits: bool = True
    norm_epsilon: float = 1e-5
    norm_momentum: float = 0.9
    residual_gamma_initializer: object = "zeros"
    kernel_initializer: object = None
    head_initializer: object = None

    def __post_init__(self):
        for name in ("num_classes", "stem_filters", "head_filters", "num_head_convs", "auxiliary_filters"):
            check_positive_int(name, getattr(self, name))
        if self.stem_filters % 2:
            raise ValueError(f"`stem_filters` must be even. Received: stem_filters={self.stem_filters!r}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"`dropout` must be in [0, 1). Received: dropout={self.dropout!r}.")
        stages = {
            name: tuple(getattr(self, name))
            for name in ("num_blocks", "filters", "strides", "dilation_rates")
        }
        if len({len(values) for values in stages.values()}) > 1 or len(stages["filters"]) < 2:
            raise ValueError(
                "`num_blocks`, `filters`, `strides` and `dilation_rates` must have one entry per stage, two "
                f"at least. Received: {', '.join(f'{name}={values!r}' for name, values in stages.items())}."
            )
        for name, values in stages.items():
            set_fields(self, **{name: tuple(check_positive_int(name, value) for value in values)})


@keras.saving.register_keras_serializable("keras_d3")
class DilatedResNetFCN(Network):
    """ResNet with dilation in the place of its last two strides, classified by a few convolutions.

    D-ResNet-50 and -101 with the FCN head in tables 1 and 2 of Takahashi and Mitsufuji, 2021, "Densely
    connected multi-dilated convolutional networks for dense prediction tasks"
    (https://arxiv.org/abs/2011.11844). The paper was trained in MMSegmentation and says no more; its sizes
    and table 2's scores (73.6, 75.1) are those of MMSegmentation's fcn_r50-d8 and fcn_r101-d8, which this
    is: a deep stem (three 3x3 convolutions; He et al., 2019, "Bag of Tricks", ResNet-C),
    `residual_bottleneck` with the stride on the 3x3 convolution, and

        logits = conv_1x1(dropout(unit([x, unit(unit(x))])))        unit = relu(norm(conv_3x3))
        auxiliary_logits = conv_1x1(dropout(unit(x')))              x' from the last stage but one

    Differences: none known. That the auxiliary head was trained too is a guess, which the paper's numbers of
    parameters support: they hold its 2.4M.

    Layers: `stem_conv_<1..3>`, `res<2..5>_block<1..>_conv<1..3>` (see `residual_bottleneck`),
    `head_conv_<1..>`, `head_fusion_conv`, `classifier`, `auxiliary_conv`, `auxiliary_classifier`.

    Args:
        **arguments: keyword arguments, the fields of `DilatedResNetFCNArguments`.
        name, trainable, dtype: see `Network`.

    Input: images (batch, height, width, 3), normalized. Output: a dict of float32 `logits` and
    `auxiliary_logits` (batch, height, width, num_classes); without `auxiliary_logits` the logits alone.

    Raises:
        ValueError: an argument breaks its rule; the message names it.

    Example:

    >>> from keras_d3.models import DilatedResNetFCN
    >>> model = DilatedResNetFCN.from_preset("d_resnet_50_fcn", tiny=True, auxiliary_logits=False)
    >>> tuple(model.output_shape), model.get_layer("res5_block2_conv2").dilation_rate
    ((None, None, None, 19), (4, 4))
    """

    arguments_class = DilatedResNetFCNArguments
    presets = DILATED_RESNET_FCN_PRESETS

    def connect(self):
        arguments = self.arguments
        image = keras.Input((None, None, 3), name="image")
        *_, before, last = self._stages(self._stem(image))
        outputs = {"logits": self._head(last)}
        if arguments.auxiliary_logits:
            x = self._unit(before, arguments.auxiliary_filters, "auxiliary_conv")
            outputs["auxiliary_logits"] = self._classify(x, "auxiliary")
        if arguments.upsample_logits:
            outputs = {
                name: ResizeLike(name=f"{name}_resize", dtype=precise_dtype())([logits, image])
                for name, logits in outputs.items()
            }
        return image, outputs if arguments.auxiliary_logits else outputs["logits"]

    def _stem(self, x):
        filters = self.arguments.stem_filters
        # Padded on both sides, as PyTorch does: "same" pads even sizes at the end only.
        x = keras.layers.ZeroPadding2D(1, data_format="channels_last", name="stem_pad")(x)
        x = keras.layers.Conv2D(
            filters // 2,
            3,
            2,
            data_format="channels_last",
            use_bias=False,
            kernel_initializer=self._initializer(),
            name="stem_conv_1",
        )(x)
        x = self._norm_relu(x, "stem_conv_1")
        x = self._unit(x, filters // 2, "stem_conv_2")
        x = self._unit(x, filters, "stem_conv_3")
        # After a ReLU, zeros change no maximum.
        x = keras.layers.ZeroPadding2D(1, data_format="channels_last", name="stem_pool_pad")(x)
        return keras.layers.MaxPooling2D(3, 2, data_format="channels_last", name="stem_pool")(x)

    def _stages(self, x):
        """Returns the maps of every stage."""
        arguments = self.arguments
        stages = zip(
            arguments.num_blocks, arguments.filters, arguments.strides, arguments.dilation_rates, strict=True
        )
        maps = []
        for stage, (num_blocks, filters, stride, rate) in enumerate(stages, 2):
            for block in range(1, num_blocks + 1):
                is_first = block == 1
                x = residual_bottleneck(
                    x,
                    filters,
                    f"res{stage}_block{block}",
                    stride=stride if is_first else 1,
                    stride_at="conv2",
                    dilation_rate=max(1, rate // 2) if is_first else rate,
                    shortcut="projection" if is_first else "identity",
                    norm_epsilon=arguments.norm_epsilon,
                    norm_momentum=arguments.norm_momentum,
                    kernel_initializer=self._initializer(),
                    last_gamma_initializer=arguments.residual_gamma_initializer,
                )
            maps.append(x)
        return maps

    def _head(self, maps):
        arguments, x = self.arguments, maps
        for index in range(1, arguments.num_head_convs + 1):
            x = self._unit(x, arguments.head_filters, f"head_conv_{index}")
        x = keras.layers.Concatenate(name="head_concatenate")([maps, x])
        return self._classify(self._unit(x, arguments.head_filters, "head_fusion_conv"))

    def _classify(self, x, part=""):
        prefix = f"{part}_" if part else ""
        initializer = self.arguments.head_initializer
        if initializer is None:
            initializer = keras.initializers.RandomNormal(stddev=0.01)
        if self.arguments.dropout:
            x = keras.layers.SpatialDropout2D(
                self.arguments.dropout, data_format="channels_last", name=f"{prefix}dropout"
            )(x)
        # In float32 under mixed precision.
        return DilatedConv2D(
            self.arguments.num_classes,
            1,
            kernel_initializer=initializer,
            name=f"{prefix}classifier",
            dtype=precise_dtype(),
        )(x)

    def _unit(self, x, filters, name):
        x = DilatedConv2D(filters, 3, use_bias=False, kernel_initializer=self._initializer(), name=name)(x)
        return self._norm_relu(x, name)

    def _norm_relu(self, x, name):
        x = BatchNormalization(
            momentum=self.arguments.norm_momentum, epsilon=self.arguments.norm_epsilon, name=f"{name}_norm"
        )(x)
        return keras.layers.ReLU(name=f"{name}_relu")(x)

    def _initializer(self):
        """A new one per layer: two layers of one initializer would draw the same numbers."""
        if self.arguments.kernel_initializer is None:
            return keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")
        return self.arguments.kernel_initializer
