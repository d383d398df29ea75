"""Dense blocks at falling scales whose maps are fused for segmentation: the frame of D3Net and DenseNet."""

import dataclasses

import keras

from keras_d3.blocks import ObjectContext
from keras_d3.layers import BatchNormalization, DilatedConv2D, ResizeLike
from keras_d3.models.network import Network, precise_dtype, set_fields
from keras_d3.utils import check_choice, check_positive_int


@dataclasses.dataclass(frozen=True, kw_only=True)
class MultiScaleFusionArguments:
    """Arguments of the multi-scale networks for segmentation.

    Args:
        num_classes: int, number of classes.
        growth_rate: int, or one int per scale: maps per layer of the dense blocks.
        stem_filters: int, maps of the two first convolutions.
        transition_divisor: int, divides the number of maps between two scales.
        side_filters: sequence of ints, maps of the side output of every scale; its length is the number of
            scales.
        head: `"fcn"` or `"ocr"`.
        head_filters: int, maps of the head's 1x1 convolution; None for the sum of `side_filters`.
        ocr_filters: int, width of pixel and augmented representations.
        ocr_key_filters: int, `key_filters` of `ObjectContext`.
        ocr_scaled: bool, `scaled` of `ObjectContext`.
        auxiliary_logits: bool, only for `"ocr"`, whether the model also returns the first guess, which the
            paper trains too (weight 0.4).
        upsample_logits: bool, whether the logits are resized; else they have a quarter of the image's size.
        norm_epsilon: float, epsilon of all batch normalizations.
        norm_momentum: float, momentum of all batch normalizations.
        kernel_initializer: Keras initializer of the kernels before the head.
        head_initializer: Keras initializer of the head's kernels; None for a normal distribution of standard
            deviation 0.01 (official code).

    Raises:
        ValueError: an argument breaks its rule.
    """

    num_classes: int = 19
    growth_rate: int | tuple = 36
    stem_filters: int = 64
    transition_divisor: int = 2
    side_filters: tuple = (32, 40, 64, 128)
    head: str = "fcn"
    head_filters: int | None = None
    ocr_filters: int = 512
    ocr_key_filters: int = 256
    ocr_scaled: bool = True
    auxiliary_logits: bool = False
    upsample_logits: bool = True
    norm_epsilon: float = 1e-5
    norm_momentum: float = 0.9
    kernel_initializer: object = "keras_d3>NNablaGlorotUniform"
    head_initializer: object = None

    def __post_init__(self):
        check_positive_int("num_classes", self.num_classes)
        check_positive_int("transition_divisor", self.transition_divisor)
        check_choice("head", self.head, ("fcn", "ocr"))
        if not isinstance(self.side_filters, (tuple, list)) or not self.side_filters:
            raise ValueError(
                "`side_filters` must have one number per scale, at least one. "
                f"Received: side_filters={self.side_filters!r}."
            )
        set_fields(self, side_filters=tuple(self.side_filters))
        if self.auxiliary_logits and self.head != "ocr":
            raise ValueError(
                "`auxiliary_logits` belong to head='ocr'. "
                f"Received: head={self.head!r}, auxiliary_logits=True."
            )

    def per_scale(self, *names):
        """Returns a list with one dict per scale: the values of the arguments of these names.

        Raises:
            ValueError: an argument is a sequence of another length.
        """
        num_scales = len(self.side_filters)
        columns = []
        for name in names:
            value = getattr(self, name)
            if not isinstance(value, (tuple, list)):
                value = (value,) * num_scales
            if len(value) != num_scales:
                raise ValueError(
                    f"`{name}` must be one value, or one per entry of `side_filters` ({num_scales}). "
                    f"Received: {name}={value!r}."
                )
            columns.append(value)
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


class MultiScaleFusionNetwork(Network):
    """Base class of networks from normalized images to the logits of every pixel's class.

    1. stem: two 3x3 convolutions of stride 2 without bias, padded by 1 on every side; batch normalization
       and ReLU between them, none after;
    2. the blocks; between two of them a transition: normalization, ReLU, 1x1 without bias to
       `channels // transition_divisor`, average over 2x2 (a last odd row or column is dropped);
    3. a side output of every block: 1x1 with bias, normalization, ReLU;
    4. all side outputs resized bilinearly to the first one's size and concatenated;
    5. the head; 6. bilinear resizing of the logits to the image's size.

    The order is that of the official code (sony/ai-research-code, `d3net/semantic-segmentation/model.py`);
    it ends in a softmax, which is left to the loss and to inference here.

    The head `"fcn"` is a 1x1 convolution without bias, normalization, ReLU, and a 1x1 convolution to the
    classes. `"ocr"` is that of Yuan et al., 2020 (https://arxiv.org/abs/1909.11065): the whole `"fcn"` head
    gives the first guess of the classes; a 3x3 convolution, normalization and ReLU give the pixel
    representations; `ObjectContext` augments them, and a 1x1 convolution classifies the result.

    Subclasses define the dense blocks: `make_blocks`.

    Input: float images (batch, height, width, 3) of any size. Output: float32 logits (batch, height, width,
    num_classes), with `auxiliary_logits` a dict of `logits` and `auxiliary_logits`.
    """

    arguments_class = MultiScaleFusionArguments

    def make_blocks(self):
        """Returns a list of layers, one dense block per scale, the finest first."""
        raise NotImplementedError(f"{type(self).__name__} must define `make_blocks`.")

    def connect(self):
        blocks = self.make_blocks()
        # Whatever draws a seed is made in this order: another would change the initial weights.
        initializer = self.arguments.head_initializer
        if initializer is None:
            initializer = keras.initializers.RandomNormal(stddev=0.01)
        image = keras.Input((None, None, 3), name="image")
        x = self._stem(image)
        maps = self._fuse(self._side_outputs(blocks, x))
        outputs = self._head(maps, initializer)
        if self.arguments.upsample_logits:
            outputs = {
                name: ResizeLike(name=f"{name}_resize", dtype=precise_dtype())([logits, image])
                for name, logits in outputs.items()
            }
        return image, outputs if self.arguments.auxiliary_logits else outputs["logits"]

    def _stem(self, image):
        return self._strided_conv(self._norm_relu(self._strided_conv(image, 1), "stem"), 2)

    def _side_outputs(self, blocks, x):
        side_outputs = []
        for index, (block, filters) in enumerate(zip(blocks, self.arguments.side_filters, strict=True), 1):
            if index > 1:
                x = self._transition(x, f"transition_{index - 1}")
            x = block(x)
            side = self._conv(x, filters, f"side_{index}_conv", use_bias=True)
            side_outputs.append(self._norm_relu(side, f"side_{index}"))
        return side_outputs

    def _transition(self, x, name):
        filters = x.shape[-1] // self.arguments.transition_divisor
        x = self._conv(self._norm_relu(x, name), filters, f"{name}_conv", use_bias=False)
        return keras.layers.AveragePooling2D(2, data_format="channels_last", name=f"{name}_pool")(x)

    def _fuse(self, side_outputs):
        resized = side_outputs[:1]
        for index, side in enumerate(side_outputs[1:], 2):
            resized.append(ResizeLike(name=f"side_{index}_resize")([side, side_outputs[0]]))
        return resized[0] if len(resized) == 1 else keras.layers.Concatenate(name="fuse_scales")(resized)

    def _head(self, maps, initializer):
        """Returns a dict with `logits`, and with `auxiliary_logits` these, too; not yet resized."""
        arguments = self.arguments
        filters = arguments.head_filters or sum(arguments.side_filters)
        x = self._conv(maps, filters, "head_conv", use_bias=False, kernel_initializer=initializer)
        logits = self._classify(self._norm_relu(x, "head"), "classifier", initializer)
        if arguments.head == "fcn":
            return {"logits": logits}
        outputs = {"logits": self._object_context_head(maps, logits, initializer)}
        return {**outputs, "auxiliary_logits": logits} if arguments.auxiliary_logits else outputs

    def _object_context_head(self, maps, logits, initializer):
        arguments = self.arguments
        x = self._conv(
            maps,
            arguments.ocr_filters,
            "ocr_conv",
            kernel_size=3,
            use_bias=False,
            kernel_initializer=initializer,
        )
        context = ObjectContext(
            arguments.ocr_filters,
            arguments.ocr_key_filters,
            arguments.ocr_scaled,
            arguments.norm_epsilon,
            arguments.norm_momentum,
            initializer,
            name="ocr_context",
        )
        return self._classify(context([self._norm_relu(x, "ocr"), logits]), "ocr_classifier", initializer)

    def _classify(self, x, name, initializer):
        # In float32 under mixed precision.
        return self._conv(
            x,
            self.arguments.num_classes,
            name,
            use_bias=True,
            kernel_initializer=initializer,
            dtype=precise_dtype(),
        )

    def _norm_relu(self, x, name):
        momentum, epsilon = self.arguments.norm_momentum, self.arguments.norm_epsilon
        x = BatchNormalization(momentum=momentum, epsilon=epsilon, name=f"{name}_norm")(x)
        return keras.layers.ReLU(name=f"{name}_relu")(x)

    def _conv(self, x, filters, name, kernel_size=1, **kwargs):
        kwargs = {"kernel_initializer": self.arguments.kernel_initializer, **kwargs}
        return DilatedConv2D(filters, kernel_size, name=name, **kwargs)(x)

    def _strided_conv(self, x, index):
        # Not padding="same", which pads even sizes at the end only.
        x = keras.layers.ZeroPadding2D(1, data_format="channels_last", name=f"stem_pad_{index}")(x)
        return keras.layers.Conv2D(
            self.arguments.stem_filters,
            3,
            2,
            data_format="channels_last",
            use_bias=False,
            kernel_initializer=self.arguments.kernel_initializer,
            name=f"stem_conv_{index}",
        )(x)
