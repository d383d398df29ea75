"""Residual block of three convolutions, as a sequence of named layers."""

import keras

from keras_d3.layers import BatchNormalization, DilatedConv2D, SmoothedDilatedConv2D
from keras_d3.ops import SMOOTHINGS
from keras_d3.utils import check_choice


def residual_bottleneck(
    inputs,
    filters,
    name,
    stride=1,
    dilation_rate=1,
    shortcut="identity",
    smoothing=None,
    padding_leak="official",
    freeze_norm=False,
    norm_epsilon=1e-5,
    norm_momentum=0.9,
    kernel_initializer="glorot_uniform",
    stride_at="conv1",
    last_gamma_initializer="ones",
):
    """Applies the bottleneck block of a ResNet: `relu(shortcut(x) + norm(conv_1x1(conv_3x3(conv_1x1(x)))))`.

    Figure 5 (right) of He et al., 2016, "Deep Residual Learning for Image Recognition"
    (https://arxiv.org/abs/1512.03385), as its authors' Caffe models have it: the stride is on the first 1x1
    and on the shortcut. A batch normalization follows every convolution, a ReLU the first two. It is a
    function, so that every convolution is a layer of the model, to be found by its name:

        <name>_conv1, _conv1_norm, _conv1_relu, _conv2, ..., _conv3, _conv3_norm, _add, _relu
        <name>_shortcut, _shortcut_norm             with shortcut="projection"

    Args:
        inputs: symbolic tensor (batch, height, width, channels).
        filters: int, maps of the first two convolutions; the third makes four times as many.
        name: string, prefix of the layers' names.
        stride: int, of the first 1x1 convolution (see `stride_at`) and of the shortcut.
        dilation_rate: int, dilation of the 3x3 convolution.
        shortcut: `"identity"`, or `"projection"`: a strided 1x1 convolution and its normalization.
        smoothing: None; or `"group_interaction"`, `"separable_shared_convolution"`: the 3x3 convolution
            is a `SmoothedDilatedConv2D`.
        padding_leak: see `SmoothedDilatedConv2D`.
        freeze_norm: bool, whether the normalizations keep their statistics, scales and shifts.
        norm_epsilon, norm_momentum: floats, epsilon and momentum of the normalizations.
        kernel_initializer: Keras initializer of the kernels.
        stride_at: `"conv1"`, as in Caffe; or `"conv2"`, as in PyTorch: the stride is that of the 3x3
            convolution, which is padded on both sides. It can then not be dilated or smoothed too.
        last_gamma_initializer: Keras initializer of the third normalization's scale. With zeros the block
            starts as its shortcut.

    Returns:
        Symbolic tensor (batch, height / stride, width / stride, 4 * filters), sizes rounded up.

    Raises:
        ValueError: an argument breaks its rule.

    Example:

    >>> import keras
    >>> from keras_d3.blocks import residual_bottleneck
    >>> image = keras.Input((None, None, 16))
    >>> maps = residual_bottleneck(image, 8, "res4_block1", dilation_rate=2, shortcut="projection")
    >>> model = keras.Model(image, maps)
    >>> model.get_layer("res4_block1_conv2").dilation_rate
    (2, 2)
    """
    check_choice("shortcut", shortcut, ("identity", "projection"))
    check_choice("smoothing", smoothing, (None, *SMOOTHINGS))
    check_choice("stride_at", stride_at, ("conv1", "conv2"))

    def norm(x, conv_name, gamma_initializer="ones"):
        layer = BatchNormalization(
            epsilon=norm_epsilon,
            momentum=norm_momentum,
            gamma_initializer=gamma_initializer,
            name=f"{conv_name}_norm",
        )
        layer.trainable = not freeze_norm
        return layer(x)

    def pointwise(x, number, conv_name, conv_stride):
        return keras.layers.Conv2D(
            number,
            1,
            conv_stride,
            padding="same",
            data_format="channels_last",
            use_bias=False,
            kernel_initializer=kernel_initializer,
            name=conv_name,
        )(x)

    def relu(x, relu_name):
        return keras.layers.ReLU(name=relu_name)(x)

    strides = (stride, 1) if stride_at == "conv1" else (1, stride)
    x = pointwise(inputs, filters, f"{name}_conv1", strides[0])
    x = relu(norm(x, f"{name}_conv1"), f"{name}_conv1_relu")
    middle = {"use_bias": False, "kernel_initializer": kernel_initializer, "name": f"{name}_conv2"}
    if strides[1] > 1:
        _check_undilated(stride, dilation_rate, smoothing)
        x = keras.layers.ZeroPadding2D(1, data_format="channels_last", name=f"{name}_conv2_pad")(x)
        x = keras.layers.Conv2D(filters, 3, strides[1], data_format="channels_last", **middle)(x)
    elif smoothing is None:
        x = DilatedConv2D(filters, 3, dilation_rate, **middle)(x)
    else:
        x = SmoothedDilatedConv2D(filters, 3, dilation_rate, smoothing, padding_leak=padding_leak, **middle)(
            x
        )
    x = relu(norm(x, f"{name}_conv2"), f"{name}_conv2_relu")
    x = norm(pointwise(x, 4 * filters, f"{name}_conv3", 1), f"{name}_conv3", last_gamma_initializer)
    if shortcut == "projection":
        inputs = norm(pointwise(inputs, 4 * filters, f"{name}_shortcut", stride), f"{name}_shortcut")
    return relu(keras.layers.Add(name=f"{name}_add")([inputs, x]), f"{name}_relu")


def _check_undilated(stride, dilation_rate, smoothing):
    if dilation_rate != 1 or smoothing is not None:
        raise ValueError(
            "`stride_at='conv2'` must not go with a dilation or smoothing of the same convolution. Received: "
            f"stride={stride!r}, dilation_rate={dilation_rate!r}, smoothing={smoothing!r}. Use "
            "stride_at='conv1', or one of the two."
        )
