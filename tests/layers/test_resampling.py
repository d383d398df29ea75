import numpy as np
import pytest
from keras import ops

from keras_d3.layers import CenterCrop1D, Decimation1D, InferenceClip, LearnedUpsampling1D, LinearUpsampling1D
from tests.helpers.layer_checks import check_layer


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def loop_upsampling(x, weight, after_last, padding):
    """The definition, sample by sample; `weight` is that of the earlier sample."""
    batch, num_samples, channels = x.shape
    y = np.zeros((batch, 2 * num_samples, channels))
    for t in range(num_samples):
        successor = x[:, t + 1] if t + 1 < num_samples else after_last
        y[:, 2 * t] = x[:, t]
        y[:, 2 * t + 1] = weight * x[:, t] + (1 - weight) * successor
    return y if padding == "same" else y[:, :-1]


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("samples", [1, 2, 9])
def test_linear_upsampling_equals_loop(samples, padding):
    x = random(2, samples, 3)
    y = ops.convert_to_numpy(LinearUpsampling1D(padding)(x))
    np.testing.assert_allclose(y, loop_upsampling(x, 0.5, x[:, -1], padding), atol=1e-6)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("samples", [1, 2, 9])
def test_learned_upsampling_equals_loop(samples, padding):
    x = random(2, samples, 3)
    layer = LearnedUpsampling1D(padding, interpolation_initializer="normal")
    layer.build(x.shape)
    layer.interpolation.assign([-1.0, 0.3, 2.0])
    weight = 1 / (1 + np.exp(-np.array([-1.0, 0.3, 2.0])))
    y = ops.convert_to_numpy(layer(x))
    np.testing.assert_allclose(y, loop_upsampling(x, weight, 0.0, padding), atol=1e-6)


@pytest.mark.parametrize("samples,factor", [(1, 2), (8, 2), (9, 2), (10, 3)])
def test_decimation_keeps_the_first_of_each_group(samples, factor):
    x = random(2, samples, 3)
    np.testing.assert_array_equal(Decimation1D(factor)(x), x[:, ::factor])


@pytest.mark.parametrize("samples,length,start", [(9, 5, 2), (9, 4, 2), (8, 5, 1), (5, 5, 0)])
def test_crop_gives_the_surplus_sample_to_the_end(samples, length, start):
    x = random(2, samples, 3)
    np.testing.assert_array_equal(CenterCrop1D(length)(x), x[:, start : start + length])


def test_clip_acts_outside_training_only():
    x = np.array([[-2.0, -0.5, 0.5, 2.0]], "float32")
    layer = InferenceClip()
    np.testing.assert_array_equal(layer(x), [[-1.0, -0.5, 0.5, 1.0]])
    np.testing.assert_array_equal(layer(x, training=False), [[-1.0, -0.5, 0.5, 1.0]])
    np.testing.assert_array_equal(layer(x, training=True), x)


@pytest.mark.parametrize(
    "layer,num_weights",
    [
        (Decimation1D(3), 0),
        (LinearUpsampling1D("same"), 0),
        (LinearUpsampling1D("valid"), 0),
        (LearnedUpsampling1D("same"), 3),
        (LearnedUpsampling1D("valid", interpolation_initializer="zeros"), 3),
        (CenterCrop1D(4), 0),
        (InferenceClip(-0.5, 2.0), 0),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_contract(layer, num_weights, tmp_path):
    check_layer(layer, (2, 9, 3), tmp_path, num_weights=num_weights)


def test_errors():
    with pytest.raises(ValueError, match="`factor` must be an integer of at least 1"):
        Decimation1D(0)
    with pytest.raises(ValueError, match="`padding` must be one of 'same', 'valid'"):
        LinearUpsampling1D("context")
    with pytest.raises(ValueError, match="`padding` must be one of 'same', 'valid'"):
        LearnedUpsampling1D("context")
    with pytest.raises(ValueError, match="`length` must be an integer of at least 1"):
        CenterCrop1D(0)
    with pytest.raises(ValueError, match="`length` must be at most the number of samples"):
        CenterCrop1D(10)(random(1, 9, 1))
    with pytest.raises(ValueError, match="`maximum` must be above `minimum`"):
        InferenceClip(1.0, 1.0)
