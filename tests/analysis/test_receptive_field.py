"""Theoretical receptive fields against the presets' formulas and against gradients of positive weights."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_d3 import models
from keras_d3.analysis import effective_receptive_field, receptive_field
from keras_d3.blocks import D2Block, D3Block, DilatedDenseBlock
from keras_d3.layers import (
    CenterCrop1D,
    CropLike,
    Decimation1D,
    DilatedConv1D,
    DilatedConv2D,
    LinearUpsampling1D,
    MultidilatedConv2D,
    PadToMultiple,
    ResizeLike,
    SmoothedDilatedConv1D,
    SmoothedDilatedConv2D,
)
from tests.models.receptive_field_formulas import formula

FAST = ("wave_u_net_m5", "dilated_dense_u_net", "d3net_vocals_paper")


def positive(model):
    """Sets every kernel to equal positive weights, so that no two paths cancel."""
    for weight in model.weights:
        name = weight.path.rsplit("/", 1)[-1]
        if "kernel" in name or name == "gamma":
            weight.assign(np.full(weight.shape, 1 / np.prod(weight.shape[:-1] or (1,))))
    return model


def check_box(model, positions, shape=None):
    """The box of what is not zero is the theoretical interval, cut at the borders, for every position."""
    shape = shape or tuple(model.inputs[0].shape[1:])
    inputs = np.ones((1, *shape), "float32")
    widest = receptive_field(model, input_size=shape[:-1])
    reached = []
    for position in positions:
        field = effective_receptive_field(model, inputs, position=position)
        sizes = [last - first + 1 for first, last in field.bounding_box]
        assert tuple(sizes) == field.theoretical, position
        reached.append(sizes)
    assert tuple(np.max(reached, axis=0)) == widest


def test_strides_and_resampling_1d():
    inputs = keras.Input((192, 1))
    x = layers.ZeroPadding1D((3, 1))(inputs)
    x = layers.Conv1D(2, 4, strides=2, padding="same")(x)
    skip = layers.Conv1D(2, 3, dilation_rate=2, padding="causal")(x)
    x = Decimation1D(2)(x)
    x = layers.AveragePooling1D(3, 2, padding="same")(x)
    x = SmoothedDilatedConv1D(2, 3, 2, "separable_shared_convolution", smoothing_initializer="ones")(x)
    x = LinearUpsampling1D("same")(layers.UpSampling1D(2)(x))
    x = layers.Concatenate()([CenterCrop1D(90)(x), CenterCrop1D(90)(skip)])
    model = positive(keras.Model(inputs, layers.Conv1D(1, 2, padding="valid")(x)))
    check_box(model, (40, 41, 42, 43))


def test_strides_and_resampling_2d():
    inputs = keras.Input((64, 48, 1))
    x = layers.Conv2D(2, (3, 2), strides=2, padding="same")(PadToMultiple(4)(inputs))
    skip = layers.Cropping2D(((1, 2), (0, 1)))(x)
    x = layers.AveragePooling2D(2)(x)
    x = MultidilatedConv2D(2, 3, [1, 3])([x, x])
    x = layers.Conv2DTranspose(2, 3, strides=2, padding="same")(x)
    x = ops.relu(ResizeLike()([x, skip]))
    x = layers.Concatenate()([x, skip])
    x = CropLike()([layers.DepthwiseConv2D((1, 3), padding="same")(x), skip])
    model = positive(keras.Model(inputs, x))
    check_box(model, [(13, 11), (14, 11), (14, 12), (15, 12)])


@pytest.mark.parametrize(
    "block, shape",
    [
        (D2Block(2, 3, norm="source"), (33, 33, 2)),
        (D2Block(2, 3, dilation="standard", output_layers="all"), (33, 33, 2)),
        (D3Block(2, 2, 2), (33, 33, 2)),
        (DilatedDenseBlock(2, 4, (1, 3)), (40, 2)),
        (SmoothedDilatedConv2D(1, 3, (2, 4), smoothing_initializer="ones"), (24, 24, 1)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_blocks(block, shape):
    model = positive(keras.Sequential([keras.Input(shape), block]))
    check_box(model, [tuple(size // 2 for size in shape[:-1])])


def test_bands_are_kept_apart():
    inputs = keras.Input((8, 12, 1))
    low = layers.Conv2D(1, 3, padding="same")(layers.Cropping2D(((0, 0), (0, 8)))(inputs))
    high = layers.Conv2D(1, 5, padding="same")(layers.Cropping2D(((0, 0), (4, 0)))(inputs))
    model = keras.Model(inputs, layers.Concatenate(axis=2)([low, high]))
    assert receptive_field(model) == (5, 5)
    positive(model)
    # Bin 5 is the second of the high band, whose first is bin 4: padding does not reach the low band.
    field = effective_receptive_field(model, np.ones((1, 8, 12, 1)), position=(4, 5))
    assert field.theoretical == (5, 4) and field.bounding_box[1] == (4, 7)


@pytest.mark.parametrize("name", FAST)
def test_presets_agree_with_their_formulas(name):
    assert receptive_field(name, tiny=True)[0] == formula(name, tiny=True)


@pytest.mark.large
def test_all_presets_agree_with_their_formulas():
    for name in models.presets():
        for tiny in (True, False):
            expected = formula(name, tiny=tiny)
            assert expected is None or receptive_field(name, tiny=tiny)[0] == expected, name


def test_parts_and_unknown_sizes():
    inputs = keras.Input((None, None, 1))
    x = DilatedConv2D(1, 3, name="first")(inputs)
    x = layers.Conv2D(1, 3, strides=2, padding="same", name="strided")(x)
    model = keras.Model(inputs, DilatedConv2D(1, 5, 2, name="last")(x))
    assert receptive_field(model, from_layer="last") == (9, 9)
    assert receptive_field(model, from_layer="strided") == (19, 19)
    assert receptive_field(model, to_layer="strided") == (5, 5)
    assert receptive_field(model) == (21, 21)
    nested = keras.Sequential([keras.Input((64, 64, 1)), model, layers.GlobalAveragePooling2D(keepdims=True)])
    assert receptive_field(nested) == (64 + 21 - 1 - 1,) * 2


def test_errors():
    model = keras.Sequential(
        [keras.Input((9, 1)), layers.Conv1D(2, 3, name="conv"), layers.GRU(2, name="gru")]
    )
    with pytest.raises(ValueError, match=r"layer 'gru' \(GRU\) is not known. Register a rule"):
        receptive_field(model)
    with pytest.raises(ValueError, match="Only the name of a preset takes 'filters', 'tiny'"):
        receptive_field(model, tiny=True, filters=3)
    with pytest.raises(ValueError, match="`from_layer` must be the name of a layer.*Did you mean 'conv'"):
        receptive_field(model, from_layer="cnv")
    with pytest.raises(ValueError, match="`to_layer` must depend on the input of `from_layer`"):
        receptive_field(model, from_layer="gru", to_layer="conv")
    with pytest.raises(ValueError, match=r"`input_size` must have 1 sizes.*input_size=12"):
        receptive_field(model, input_size=12)
    with pytest.raises(ValueError, match="functional model with known input. Received: DilatedConv1D"):
        receptive_field(DilatedConv1D(1, 3))
    first_channels = keras.Sequential(
        [
            keras.Input((1, 9)),
            layers.UpSampling1D(2),
            layers.AveragePooling1D(2, data_format="channels_first"),
        ]
    )
    with pytest.raises(ValueError, match="channels last. Received: layer 'average_pooling1d.*channels_first"):
        receptive_field(first_channels)
    pair = keras.Input((9, 1), name="a"), keras.Input((9, 1), name="b")
    with pytest.raises(ValueError, match="one input. Received: model 'two' with 2 inputs"):
        receptive_field(keras.Model(pair, layers.Add(name="sum")(pair), name="two"))
    one = keras.Input((9, 1))
    both = keras.Model(one, layers.Add(name="sum")([DilatedConv1D(1, 3)(one), one]))
    with pytest.raises(ValueError, match="`from_layer` must name a layer that reads one tensor.*reads 2"):
        receptive_field(both, from_layer="sum")
