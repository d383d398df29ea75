import keras
import numpy as np
import pytest
from keras import layers

from keras_d3.analysis import EffectiveReceptiveField, effective_receptive_field
from keras_d3.layers import DilatedConv1D, DilatedConv2D, SmoothedDilatedConv1D, SmoothedDilatedConv2D

RNG = np.random.default_rng(0)


def kernel_of(layer):
    return np.asarray(layer.kernel, "float64")


def test_a_chain_against_products_of_its_kernels():
    first, second = DilatedConv1D(3, 3, 2, name="first"), DilatedConv1D(2, 3, 5, name="second")
    model = keras.Sequential([keras.Input((41, 2)), first, second])
    expected = np.zeros((41, 2))
    for i, one in enumerate(kernel_of(first)):
        for j, two in enumerate(kernel_of(second)):
            # Input channels x hidden maps, times hidden maps x outputs, all outputs at once.
            expected[20 + 2 * (i - 1) + 5 * (j - 1)] += (one @ two).sum(axis=-1)
    field = effective_receptive_field(model)
    np.testing.assert_allclose(field.map, np.abs(expected).sum(axis=-1), atol=1e-6)
    assert np.array_equal(field.map == 0, expected[:, 0] == 0)
    assert (field.position, field.theoretical, field.num_inputs) == ((20,), (15,), 8)
    one = effective_receptive_field(model, channel=1, position=7, num_random_inputs=1)
    part = kernel_of(second)[..., 1:]
    last = sum((kernel_of(first)[i] @ part[j]) for i in range(3) for j in range(3) if 2 * i + 5 * j == 14)
    np.testing.assert_allclose(one.map[7 + 7], np.abs(last).sum(), atol=1e-6)


def test_group_interaction_against_loops():
    layer = SmoothedDilatedConv2D(1, 3, 2, smoothing_initializer=keras.initializers.RandomNormal())
    field = effective_receptive_field(layer, input_shape=(12, 12, 1), position=(5, 6), num_random_inputs=1)
    weights, kernel = np.asarray(layer.smoothing_kernel), kernel_of(layer)[..., 0, 0]
    expected = np.zeros((12, 12))
    group = (5 % 2) * 2 + 6 % 2
    for row in range(2):
        for column in range(2):
            for i in range(3):
                for j in range(3):
                    place = 4 + row + 2 * (i - 1), 6 + column + 2 * (j - 1)
                    expected[place] += weights[group, 2 * row + column] * kernel[i, j]
    np.testing.assert_allclose(field.map, np.abs(expected), atol=1e-6)


@pytest.mark.parametrize("rank", [1, 2])
def test_smoothing_fills_the_blind_spots(rank):
    plain, smoothed = ((DilatedConv1D, SmoothedDilatedConv1D), (DilatedConv2D, SmoothedDilatedConv2D))[
        rank - 1
    ]

    def measure(layer):
        return effective_receptive_field(
            layer, input_shape=(33,) * rank + (2,), num_random_inputs=1, lattice_rate=4
        )

    regular = measure(plain(3, 3, 4))
    assert regular.bounding_box == ((12, 20),) * rank
    assert regular.zero_fraction == (9**rank - 3**rank) / 9**rank and regular.off_lattice_energy == 0
    assert regular.radii[99] == pytest.approx(4 * rank**0.5)
    for smoothing, box in (
        ("group_interaction", (12, 23)),
        ("separable_shared_convolution", (9, 23)),
    ):
        start = smoothed(3, 3, 4, smoothing)
        start.build((None,) + (33,) * rank + (2,))
        assert measure(start).zero_fraction == regular.zero_fraction  # the identity
        start.smoothing_kernel.assign_add(0.1 * RNG.standard_normal(start.smoothing_kernel.shape))
        field = measure(start)
        assert field.bounding_box == (box,) * rank
        assert field.theoretical == (box[1] - box[0] + 1,) * rank
        assert field.zero_fraction == 0 and 0.05 < field.off_lattice_energy < 1


def test_zeros_are_exact_where_networks_convolve_by_other_routes():
    # As many channels and taps as take the longest detours for speed.
    for rate in (1, 64):
        layer = DilatedConv1D(64, 15, rate)
        field = effective_receptive_field(layer, input_shape=(2048, 64), num_random_inputs=1)
        assert np.count_nonzero(field.map) == 15


def test_small_values_are_no_zeros():
    # Below float32's smallest number, when counted from 1.
    field = effective_receptive_field(lambda x: x * 1e-30 * 1e-30, input_shape=(3, 1))
    np.testing.assert_allclose(field.map, [0, 1e-60, 0], rtol=1e-5)
    # Weights that let 2**96 overflow.
    field = effective_receptive_field(lambda x: x * 1e20, input_shape=(3, 1))
    np.testing.assert_allclose(field.map, [0, 1e20, 0], rtol=1e-5)


def test_inputs_of_several_sizes_meet_at_the_position():
    def squares(x):
        return x**2

    images = [RNG.standard_normal((2, 3, 4, 2)), RNG.standard_normal((1, 6, 2, 2))]
    field = effective_receptive_field(squares, iter(images), position=None)
    # 2 |x| at the centers (1, 2) and (3, 1), averaged over three images.
    center = 2 * (np.abs(images[0][:, 1, 2]).sum() + np.abs(images[1][:, 3, 1]).sum()) / 3
    assert field.map.shape == (6, 4) and field.position == (3, 2) and field.num_inputs == 3
    assert field.map[3, 2] == pytest.approx(center, rel=1e-5) and np.count_nonzero(field.map) == 1

    def spread(x):
        return x + x.shape[1] * keras.ops.roll(x, 1, axis=1)

    field = effective_receptive_field(spread, [np.ones((1, 2, 1)), np.ones((1, 5, 1))])
    assert field.position == (2,) and field.map.tolist() == [0, (2 + 5) / 2, 1, 0, 0]


def test_parts_with_paths_around_them():
    inputs = keras.Input((9, 1))
    x = layers.Rescaling(3.0, name="triple")(inputs)
    conv = DilatedConv1D(1, 3, use_bias=False, name="conv")
    gate = layers.Multiply(name="gate")([conv(x), inputs])
    model = keras.Model(inputs, layers.Add(name="sum")([gate, x]))
    signal = RNG.standard_normal((1, 9, 1))
    kernel = kernel_of(conv)[:, 0, 0]
    # The gate's other input is a constant, the value at the position.
    field = effective_receptive_field(model, signal, from_layer="conv", to_layer="gate")
    expected = np.abs(kernel * signal[0, 4, 0])
    np.testing.assert_allclose(field.map[3:6], expected, rtol=1e-5)
    # From the tensor that `conv` reads, the path through the sum counts too.
    field = effective_receptive_field(model, signal, from_layer="conv")
    expected = np.abs(kernel * signal[0, 4, 0] + [0, 1, 0])
    np.testing.assert_allclose(field.map[3:6], expected, rtol=1e-5)
    assert model.get_layer("conv").output is not None  # the model is as it was, with one node per layer


def test_outputs_one_by_one():
    inputs = keras.Input((8, 1))
    voice = DilatedConv1D(1, 3, name="head")(inputs)
    rest = layers.Subtract(name="rest_of_it")([inputs, voice])
    model = keras.Model(inputs, {"voice": voice, "rest": rest})
    fields = {name: effective_receptive_field(model, output=name).map for name in ("voice", "rest")}
    both = effective_receptive_field(model)
    np.testing.assert_allclose(both.map, fields["voice"] + fields["rest"], rtol=1e-6)
    assert np.count_nonzero(both.map) == 3  # the sum of the outputs is the input, alone
    with pytest.raises(ValueError, match="`output` must be one of 'rest', 'voice'. Received: output='drums'"):
        effective_receptive_field(model, output="drums")

    def named(x):
        return {"a": x, "b": 2 * x}

    assert effective_receptive_field(named, np.ones((1, 3, 1)), output="b").map.tolist() == [0, 2, 0]
    with pytest.raises(ValueError, match=r"`output` must be one of \['a', 'b'\]. Received: output='c'"):
        effective_receptive_field(named, np.ones((1, 3, 1)), output="c")


def test_the_position_of_inputs_of_another_size():
    strided = keras.Sequential([keras.Input((64, 1)), layers.Conv1D(1, 5, strides=4, padding="same")])
    field = effective_receptive_field(strided)
    assert field.position == (34,) and field.bounding_box == ((32, 36),)
    valid = keras.Sequential([keras.Input((20, 1)), layers.Conv1D(1, 5)])
    assert effective_receptive_field(valid, position=0).position == (2,)
    # Nothing known of the function: in proportion.
    assert effective_receptive_field(lambda x: x[:, ::2], np.ones((1, 12, 1))).position == (6,)


def test_numbers_of_a_map():
    values = np.zeros((5, 6))
    values[2, 2], values[2, 5], values[4, 2] = 6.0, 3.0, 1.0
    field = EffectiveReceptiveField(values, (2, 2), 1, lattice_rate=(2, 3))
    assert field.bounding_box == ((2, 4), (2, 5)) and field.zero_fraction == 9 / 12
    assert field.off_lattice_energy == 0 and field.radii == {50: 0.0, 90: 3.0, 99: 3.0}
    other = EffectiveReceptiveField(values, (1, 2), 1, lattice_rate=(2, 3))
    assert other.off_lattice_energy == 1 and other.radii[50] == 1
    empty = EffectiveReceptiveField(np.zeros(3), (1,), 2, lattice_rate=(2,)).to_dict()
    assert empty == {
        "num_inputs": 2,
        "map_size": [3],
        "position": [1],
        "theoretical_field": None,
        "bounding_box": None,
        "zero_fraction_in_bounding_box": None,
        "lattice_rate": [2],
        "off_lattice_energy": None,
        "radius": None,
    }


def test_errors():
    layer, ones = DilatedConv1D(2, 3), np.ones((1, 9, 1))
    model = keras.Sequential([keras.Input((None, 1)), DilatedConv1D(2, 3)])
    for message, call in (
        (
            "`input_shape` must be .* the model's own is \\(None, 1\\)",
            lambda: effective_receptive_field(model),
        ),
        ("Received: input_shape=\\(9,\\)", lambda: effective_receptive_field(layer, input_shape=(9,))),
        ("Received: an array of shape \\(9, 1\\)", lambda: effective_receptive_field(layer, ones[0])),
        ("an array of shape \\(1, 1, 9, 1\\)", lambda: effective_receptive_field(model, ones[None])),
        ("at least one input. Received: none", lambda: effective_receptive_field(layer, [])),
        ("`position` must lie within.*\\(9,\\)", lambda: effective_receptive_field(layer, ones, position=9)),
        ("`channel` must be .* from 0 to 1", lambda: effective_receptive_field(layer, ones, channel=2)),
        ("must be a Keras model, a layer, or", lambda: effective_receptive_field("layer", ones)),
        ("of one size. Received: shapes", lambda: effective_receptive_field(lambda x: [x, x[:, 1:]], ones)),
        ("gradient is not finite", lambda: effective_receptive_field(keras.ops.log, 0 * ones)),
        (
            "`num_random_inputs` must be",
            lambda: effective_receptive_field(layer, None, input_shape=(9, 1), num_random_inputs=0),
        ),
        ("`lattice_rate` must be", lambda: effective_receptive_field(layer, ones, lattice_rate=0)),
    ):
        with pytest.raises(ValueError, match=message):
            call()
