import keras
import numpy as np
import pytest
from keras import ops

from keras_d3.layers import STFT, InverseSTFT
from keras_d3.ops import frame_spectra, overlap_add, overlap_add_spectra, window_square_sum
from tests.helpers.layer_checks import check_layer


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def loop_stft(x, frame_length, frame_step, fft_length, window, center):
    """The definition, frame by frame, in float64."""
    x = np.float64(x)
    if center:
        x = np.pad(x, ((0, 0), (frame_length // 2,) * 2, (0, 0)), mode="reflect")
    constant = {"hann": 0.5, "hamming": 0.54}[window]
    angles = 2 * np.pi * np.arange(frame_length) / frame_length
    values = constant - (1 - constant) * np.cos(angles)
    frames = []
    for start in range(0, x.shape[1] - frame_length + 1, frame_step):
        frame = x[:, start : start + frame_length] * values[:, None]
        frames.append(np.fft.rfft(frame, fft_length, axis=1))
    return np.stack(frames, axis=1)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("window", ["hann", "hamming"])
@pytest.mark.parametrize(
    "samples,frame_length,frame_step,fft_length",
    [(200, 32, 8, None), (64, 32, 16, 40), (131, 24, 4, 64), (35, 32, 2, None), (150, 32, 24, None)],
)
def test_stft_equals_loop(samples, frame_length, frame_step, fft_length, window, center):
    x = random(2, samples, 3)
    real, imag = STFT(frame_length, frame_step, fft_length, window, center)(x)
    expected = loop_stft(x, frame_length, frame_step, fft_length or frame_length, window, center)
    if center:
        assert real.shape[1] == 1 + samples // frame_step
    np.testing.assert_allclose(real, expected.real, atol=2e-5)
    np.testing.assert_allclose(imag, expected.imag, atol=2e-5)


def test_stft_equals_scipy():
    signal = pytest.importorskip("scipy.signal")
    x = random(1, 300, 1)
    real, imag = STFT(64, 16)(x)
    padded = np.pad(x[0, :, 0], 32, mode="reflect")
    window = signal.get_window("hann", 64, fftbins=True)
    _, _, expected = signal.stft(padded, window=window, nperseg=64, noverlap=48, boundary=None, padded=False)
    expected = expected.T * window.sum()
    np.testing.assert_allclose(real[0, :, :, 0], expected.real, atol=2e-5)
    np.testing.assert_allclose(imag[0, :, :, 0], expected.imag, atol=2e-5)


@pytest.mark.parametrize("samples", [1, 2, 3, 15, 16, 17, 31, 33, 64, 100, 333])
@pytest.mark.parametrize("frame_length,frame_step,fft_length", [(32, 8, None), (64, 16, 128), (32, 4, None)])
def test_round_trip_is_exact_for_any_length(samples, frame_length, frame_step, fft_length):
    x = random(2, samples, 2)
    spectrum = STFT(frame_length, frame_step, fft_length)(x)
    y = InverseSTFT(frame_length, frame_step, fft_length)(spectrum, length=samples)
    assert y.shape == x.shape
    np.testing.assert_allclose(y, x, atol=2e-6)


def test_round_trip_with_a_step_that_does_not_divide_the_length():
    """As the spectrogram U-Net of the Wave-U-Net paper has it: 1024 and 768."""
    x, outer = random(2, 24 * 9 + 32, 1), 8
    spectrum = STFT(32, 24, center=False)(x)
    exact = InverseSTFT(32, 24, center=False)(spectrum)
    np.testing.assert_allclose(exact[:, 1:-1], x[:, 1:-1], atol=1e-4)
    faded = np.asarray(InverseSTFT(32, 24, center=False, ends="faded")(spectrum))
    np.testing.assert_allclose(faded[:, outer:-outer], x[:, outer:-outer], atol=1e-5)
    # At the ends only one of two frames is there.
    square = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(32) / 32)) ** 2
    fade = square[:outer] / (square[:outer] + square[24:])
    np.testing.assert_allclose(faded[0, :outer, 0], x[0, :outer, 0] * fade, atol=1e-5)


@pytest.mark.parametrize("window", ["hann", "hamming"])
def test_round_trip_with_half_overlap(window):
    x = random(2, 160, 2)
    y = InverseSTFT(32, 16, window=window)(STFT(32, 16, window=window)(x))
    np.testing.assert_allclose(y, x, atol=2e-6)


def test_round_trip_without_centering():
    x = random(1, 128, 2)
    x[:, :2] = 0
    y = InverseSTFT(32, 8, center=False)(STFT(32, 8, center=False)(x))
    assert y.shape == x.shape
    np.testing.assert_allclose(y[:, 8:-8], x[:, 8:-8], atol=1e-5)


@pytest.mark.parametrize("samples", [1, 2, 5, 9, 16, 40])
def test_short_signals_are_reflected_as_numpy_does(samples):
    x = random(1, samples, 1)
    real, _ = STFT(32, 8)(x)
    expected = loop_stft(x, 32, 8, 32, "hann", True)
    np.testing.assert_allclose(real, expected.real, atol=1e-5)


def test_stft_contract(tmp_path):
    check_layer(STFT(32, 8, name="stft"), (2, 50, 2), tmp_path, keeps_float32=True)
    check_layer(STFT(32, 8, 64, "hamming", center=False), (2, 50, 2), tmp_path, keeps_float32=True)


def test_inverse_stft_contract(tmp_path):
    shapes = [(2, 7, 17, 2)] * 2
    check_layer(InverseSTFT(32, 8, name="inverse"), shapes, tmp_path, keeps_float32=True)
    check_layer(InverseSTFT(32, 8, center=False), shapes, tmp_path, keeps_float32=True)


def test_half_precision_policy_is_ignored():
    x = random(1, 500, 2)
    plain = STFT(64, 16)(x)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layer = STFT(64, 16)
        mixed = layer(x)
        symbolic = layer(keras.Input((None, 2), dtype="float32"))
    finally:
        keras.config.set_dtype_policy("float32")
    assert symbolic[0].dtype == "float32"
    np.testing.assert_array_equal(plain[0], mixed[0])


def test_inside_tf_data_and_tf_function():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("graphs of TensorFlow")
    stft, inverse = STFT(32, 8), InverseSTFT(32, 8)
    x = random(3, 90, 2)

    dataset = tf.data.Dataset.from_tensor_slices(x).batch(2).map(stft)
    for batch, (real, _) in zip((x[:2], x[2:]), dataset, strict=True):
        np.testing.assert_allclose(real, stft(batch)[0], atol=1e-6)

    @tf.function(input_signature=[tf.TensorSpec((None, None, 2))])
    def round_trip(signals):
        return inverse(stft(signals), length=tf.shape(signals)[1])

    for samples in (1, 33, 90):
        np.testing.assert_allclose(round_trip(x[:, :samples]), x[:, :samples], atol=2e-6)


def test_functions_add_up_block_by_block():
    # What a stream does: analyze two pieces of a signal apart and add their frames at their places.
    x = random(1, 32 + 9 * 8, 2)

    def there_and_back(x):
        return ops.convert_to_numpy(overlap_add_spectra(*frame_spectra(x, 32, 8), 32, 8))

    whole = there_and_back(x)
    first, second = there_and_back(x[:, : 32 + 3 * 8]), there_and_back(x[:, 4 * 8 :])
    total = np.zeros(x.shape)
    total[:, : first.shape[1]] += first
    total[:, 4 * 8 :] += second
    np.testing.assert_allclose(whole, total, atol=1e-5)
    weights = ops.convert_to_numpy(window_square_sum(10, 32, 8))
    np.testing.assert_allclose(total[0, 8:-8] / weights[8:-8, None], x[0, 8:-8], atol=1e-5)


def test_overlap_add_equals_loop():
    frames = random(2, 3, 5, 12)
    expected = np.zeros((2, 3, 4 * 4 + 12))
    for frame in range(5):
        expected[..., frame * 4 : frame * 4 + 12] += frames[..., frame, :]
    np.testing.assert_allclose(overlap_add(ops.convert_to_tensor(frames), 4), expected, atol=1e-6)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ((512, 512), r"`frame_step` less than it. Received: frame_length=512, frame_step=512"),
        ((15, 5), "must be even"),
        ((512, 128, 256), "`fft_length` must be even and at least `frame_length`"),
        ((512, 128, None, "blackman"), "`window` must be one of 'hann', 'hamming'"),
        ((0, 128), "`frame_length` must be an integer of at least 2"),
    ],
)
@pytest.mark.parametrize("layer", [STFT, InverseSTFT])
def test_argument_errors(layer, arguments, message):
    with pytest.raises(ValueError, match=message):
        layer(*arguments)


def test_shape_errors():
    with pytest.raises(ValueError, match=r"axes \(batch, time, channels\)"):
        STFT(32, 8)(random(2, 50))
    with pytest.raises(ValueError, match="must have at least 32 samples"):
        STFT(32, 8, center=False)(random(2, 31, 1))
    with pytest.raises(ValueError, match=r"pair \(real, imag\)"):
        InverseSTFT(32, 8)([random(1, 5, 17)] * 2)
    with pytest.raises(ValueError, match="`fft_length // 2 \\+ 1` bins"):
        InverseSTFT(32, 8)([random(1, 5, 16, 1)] * 2)
    with pytest.raises(ValueError, match="`length` must be from 0 to 48, what 5 frames cover"):
        InverseSTFT(32, 8)([random(1, 5, 17, 1)] * 2, length=49)
