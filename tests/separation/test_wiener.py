import numpy as np
import pytest
import tensorflow as tf

from keras_d3.separation import wiener_filter
from keras_d3.separation.wiener import add_to_statistics, apply_wiener, empty_statistics
from tests.helpers.tiny_networks import noise


def complex_noise(*shape, seed=0):
    parts = noise(int(np.prod(shape)), 2, seed)
    return (parts[:, 0] + 1j * parts[:, 1]).reshape(shape).astype("complex64")


def loop_filter(estimates, mixture):
    """The equations, bin by bin and frame by frame, with NumPy's pseudo-inverse."""
    y, x = np.complex128(estimates), np.complex128(mixture)
    frames, sources, bins, channels = y.shape
    v = np.mean(np.abs(y) ** 2, axis=-1)
    v = v + 1e-10 * v.max(axis=(0, 2), keepdims=True)
    z = np.zeros_like(y)
    for b in range(bins):
        covariances = []
        for j in range(sources):
            total = sum(np.outer(y[t, j, b], y[t, j, b].conj()) for t in range(frames))
            covariances.append(total / (v[:, j, b].sum() + 1e-300))
        for t in range(frames):
            mixed = sum(v[t, j, b] * covariances[j] for j in range(sources))
            whitened = np.linalg.pinv(mixed, rcond=1e-9) @ x[t, b]
            for j in range(sources):
                z[t, j, b] = v[t, j, b] * covariances[j] @ whitened
    return z


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("num_sources", [2, 4])
def test_filter_equals_loop(channels, num_sources):
    mixture = complex_noise(11, 5, channels)
    estimates = complex_noise(11, num_sources, 5, channels, seed=1)
    filtered = wiener_filter(estimates, mixture)
    assert filtered.dtype == tf.complex64
    np.testing.assert_allclose(filtered, loop_filter(estimates, mixture), atol=1e-5)
    # The estimates then explain the whole mixture.
    np.testing.assert_allclose(tf.reduce_sum(filtered, axis=1), mixture, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_filter_does_not_depend_on_loudness(scale):
    mixture, estimates = complex_noise(9, 4, 2), complex_noise(9, 3, 4, 2, seed=1)
    expected = wiener_filter(estimates, mixture).numpy()
    scaled = wiener_filter(np.complex64(scale) * estimates, np.complex64(scale) * mixture)
    np.testing.assert_allclose(scaled / np.complex64(scale), expected, atol=1e-5)


def test_equal_channels_take_the_pseudo_inverse():
    """A mono song in two channels: every matrix has rank one."""
    mixture = np.repeat(complex_noise(9, 4, 1), 2, axis=-1)
    estimates = np.repeat(complex_noise(9, 3, 4, 1, seed=1), 2, axis=-1)
    filtered = wiener_filter(estimates, mixture).numpy()
    np.testing.assert_allclose(filtered, loop_filter(estimates, mixture), atol=1e-5)
    mono = wiener_filter(estimates[..., :1], mixture[..., :1]).numpy()
    np.testing.assert_allclose(filtered, np.repeat(mono, 2, axis=-1), atol=1e-5)


def test_one_frame_and_a_single_channel_in_use():
    mixture = complex_noise(1, 4, 2)
    mixture[..., 1] = 0
    estimates = np.stack([0.5 * mixture, 0.25 * mixture], axis=1)
    filtered = wiener_filter(estimates, mixture).numpy()
    assert np.isfinite(filtered).all()
    np.testing.assert_allclose(filtered.sum(axis=1), mixture, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 2])
def test_silence_stays_silent(channels):
    mixture, estimates = complex_noise(6, 4, channels), complex_noise(6, 2, 4, channels, seed=1)
    estimates[:, :, 2] = 0
    estimates[:, 0, 3] = 0
    mixture[:, 2] = 0
    filtered = wiener_filter(estimates, mixture).numpy()
    assert np.isfinite(filtered).all()
    assert not filtered[:, :, 2].any()
    nothing = wiener_filter(np.zeros_like(estimates), np.zeros_like(mixture)).numpy()
    assert not nothing.any()


def test_statistics_add_up_over_chunks():
    mixture, estimates = complex_noise(10, 4, 2), complex_noise(10, 3, 4, 2, seed=1)
    statistics = empty_statistics(3, 4, 2)
    for part in (slice(0, 3), slice(3, 4), slice(4, 10)):
        statistics = add_to_statistics(statistics, tf.constant(estimates[part]))
    # Rows of zeros that do not count.
    statistics = add_to_statistics(statistics, tf.zeros((5, 3, 4, 2), tf.complex64), num_frames=0)
    parts = [
        apply_wiener(tf.constant(estimates[p]), tf.constant(mixture[p]), statistics)
        for p in (slice(0, 7), slice(7, 10))
    ]
    np.testing.assert_allclose(np.concatenate(parts), wiener_filter(estimates, mixture), atol=1e-6)


def test_three_channels_are_refused():
    with pytest.raises(ValueError, match="`mixture` must have one or two channels"):
        wiener_filter(complex_noise(3, 2, 4, 3), complex_noise(3, 4, 3))
