"""Short-time Fourier transform and its exact inverse, as real and imaginary parts.

The layers work on whole signals. The functions below them work on signals that are padded and cut
already, which is what block-wise processing needs: `frame_spectra` (analysis without padding),
`overlap_add_spectra` (synthesis without division and trimming), `overlap_add` and
`window_square_sum`.
"""

import keras
import numpy as np
from keras import ops

from keras_d3.ops import (
    WINDOWS,
    frame_spectra,
    overlap_add_spectra,
    reflect,
    window_square_sum,
    window_values,
)
from keras_d3.utils import check_choice, check_frames


class _FourierLayer(keras.layers.Layer):
    """Arguments and precision that both directions share."""

    def __init__(self, frame_length, frame_step, fft_length=None, window="hann", center=True, **kwargs):
        # The inputs are not cast to half precision: the transform is always taken in float32.
        super().__init__(autocast=False, **kwargs)
        self.frame_length, self.frame_step, self.fft_length = check_frames(
            frame_length, frame_step, fft_length, any_step=True
        )
        self.window = check_choice("window", window, WINDOWS)
        self.center = bool(center)

    @property
    def transform_dtype(self):
        """Type of all results: float64 for a float64 layer, else float32."""
        return "float64" if self.compute_dtype == "float64" else "float32"

    @property
    def num_bins(self):
        """Number of frequency bins, `fft_length // 2 + 1`."""
        return self.fft_length // 2 + 1

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "frame_length": self.frame_length,
                "frame_step": self.frame_step,
                "fft_length": self.fft_length,
                "window": self.window,
                "center": self.center,
            }
        )
        return config


@keras.saving.register_keras_serializable(package="keras_d3")
class STFT(_FourierLayer):
    """Short-time Fourier transform of waveforms, as real and imaginary parts.

    Equation 2 of Allen and Rabiner, 1977, "A unified approach to short-time Fourier analysis and
    synthesis" (https://doi.org/10.1109/PROC.1977.10770):

        X[f, b, c] = sum over n of window[n] * x[f * frame_step + n, c] * exp(-2 pi i b n / fft_length)

    Difference: time is counted from the start of each frame. With `center=True` the signal is first
    reflected by `frame_length / 2` samples at both ends, so that frame f is centered on sample
    `f * frame_step`.

    Args:
        frame_length: even int, samples per frame.
        frame_step: int, samples from one frame to the next, less than `frame_length`.
        fft_length: even int, at least `frame_length` (the default): frames are filled with zeros.
        window: `"hann"` or `"hamming"`, periodic.
        center: bool, whether to reflect the signal at its ends.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`. Half-precision policies are ignored: the
            transform is taken and returned in float32 (float64 for `dtype="float64"`).

    Call arguments:
        inputs: float tensor (batch, time, channels); `time` may be unknown. At least one sample with
            `center=True`, at least `frame_length` without.

    Returns:
        Pair (real, imag) of float32 tensors (batch, frames, bins, channels), with
        `bins = fft_length // 2 + 1` and `frames = 1 + time // frame_step` when centered, else
        `1 + (time - frame_length) // frame_step`.

    Raises:
        ValueError: lengths that do not fit each other, an unknown window, or an input too short.

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import STFT
    >>> real, imag = STFT(frame_length=512, frame_step=128)(np.zeros((1, 2000, 2), "float32"))
    >>> real.shape
    TensorShape([1, 16, 257, 2])
    """

    def call(self, inputs):
        signals = ops.cast(inputs, self.transform_dtype)
        if self.center:
            signals = reflect(signals, self.frame_length // 2)
        return frame_spectra(signals, self.frame_length, self.frame_step, self.fft_length, self.window)

    def compute_output_shape(self, input_shape):
        if len(input_shape) != 3:
            raise ValueError(
                "The input of `STFT` must have the axes (batch, time, channels). "
                f"Received: input_shape={tuple(input_shape)}. Add the missing axis with "
                "`keras.ops.expand_dims`."
            )
        batch, num_samples, channels = input_shape
        shortest = 1 if self.center else self.frame_length
        if num_samples is not None and num_samples < shortest:
            raise ValueError(
                f"The input of `STFT` must have at least {shortest} samples. Received: "
                f"input_shape={tuple(input_shape)}, frame_length={self.frame_length}, "
                f"center={self.center}. Pad the signal with zeros."
            )
        num_frames = None
        if num_samples is not None:
            padded = num_samples + (self.frame_length if self.center else 0)
            num_frames = 1 + (padded - self.frame_length) // self.frame_step
        shape = (batch, num_frames, self.num_bins, channels)
        return shape, shape

    def build(self, input_shape):
        self.compute_output_shape(input_shape)
        self.built = True

    def compute_output_spec(self, inputs):
        return tuple(
            keras.KerasTensor(shape, dtype=self.transform_dtype)
            for shape in self.compute_output_shape(inputs.shape)
        )


@keras.saving.register_keras_serializable(package="keras_d3")
class InverseSTFT(_FourierLayer):
    """Waveforms whose short-time spectra are given, or come closest to the given ones.

    Equation 6 of Griffin and Lim, 1984, "Signal estimation from modified short-time Fourier
    transform" (https://doi.org/10.1109/TASSP.1984.1164317), the least-squares inverse:

        x[t] = sum over f of window[t - f * frame_step] * frame_f[t - f * frame_step]
               / sum over f of window[t - f * frame_step] ** 2

    Differences: none; the denominator is the true sum over the frames that are there, so
    `InverseSTFT(STFT(x)) = x` also at the ends, to rounding. It holds for every length when
    `frame_step <= frame_length / 4`. With `frame_step = frame_length / 2` up to `frame_step - 1`
    samples after the last frame's center meet only the window's falling end, so pad the signal to a
    multiple of `frame_step` before the `STFT`.

    Args:
        frame_length, frame_step, fft_length, window, center: as in the `STFT` to be inverted.
        ends: `"exact"`, or `"faded"`: divided by the sum over an endless row of frames, as TensorFlow's
            inverse transform does. The ends, where frames are missing, then fade in and out, and
            changed spectra cannot blow up there.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`; always float32, as in `STFT`.

    Call arguments:
        spectrum: pair (real, imag) of tensors (batch, frames, bins, channels).
        length: int or scalar integer tensor, number of samples to return, at most what the frames
            cover: `(frames - 1) * frame_step + frame_length`, less `frame_length / 2` when centered.
            By default `(frames - 1) * frame_step` when centered, else everything covered. Without
            centering, the outermost samples are those that the window all but removed: they are
            amplified again, together with their rounding errors.

    Returns:
        float32 tensor (batch, length, channels).

    Raises:
        ValueError: lengths that do not fit each other, an unknown window, a wrong number of bins, or a
            `length` beyond what the frames cover (where both are known when the graph is made).

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import STFT, InverseSTFT
    >>> x = np.random.default_rng(0).standard_normal((1, 1000, 2)).astype("float32")
    >>> y = InverseSTFT(512, 128)(STFT(512, 128)(x), length=1000)
    >>> bool(np.max(np.abs(x - y)) < 1e-5)
    True
    """

    def __init__(
        self, frame_length, frame_step, fft_length=None, window="hann", center=True, ends="exact", **kwargs
    ):
        super().__init__(frame_length, frame_step, fft_length, window, center, **kwargs)
        self.ends = check_choice("ends", ends, ("exact", "faded"))

    def get_config(self):
        return {**super().get_config(), "ends": self.ends}

    def call(self, spectrum, length=None):
        self.compute_output_shape([part.shape for part in spectrum], length=length)
        real, imag = (ops.cast(part, self.transform_dtype) for part in spectrum)
        signals = overlap_add_spectra(
            real, imag, self.frame_length, self.frame_step, self.fft_length, self.window
        )
        num_frames = ops.shape(real)[1]
        weights = self._weights(num_frames)
        start, usual_length = 0, (num_frames - 1) * self.frame_step
        if self.center:
            start = self.frame_length // 2
        else:
            usual_length = usual_length + self.frame_length
        if length is None:
            length = usual_length
        # The periodic Hann window is 0 at its first sample, and so is the sum where only that covers.
        weights = ops.where(weights > 0, weights, ops.ones_like(weights))
        signals = ops.divide(signals, ops.reshape(weights, (1, -1, 1)))
        return signals[:, start : start + length]

    def _weights(self, num_frames):
        if self.ends == "exact":
            return window_square_sum(
                num_frames, self.frame_length, self.frame_step, self.window, self.transform_dtype
            )
        # One step of the endless sum, again and again.
        overlap = -(-self.frame_length // self.frame_step)
        square = np.zeros(overlap * self.frame_step)
        square[: self.frame_length] = window_values(self.window, self.frame_length) ** 2
        step = ops.convert_to_tensor(square.reshape(overlap, -1).sum(0), dtype=self.transform_dtype)
        repeated = ops.reshape(ops.tile(step[None], (num_frames - 1 + overlap, 1)), (-1,))
        return repeated[: (num_frames - 1) * self.frame_step + self.frame_length]

    def compute_output_shape(self, spectrum_shape, length=None):
        shapes = [tuple(shape) for shape in spectrum_shape]
        if len(shapes) != 2 or any(len(shape) != 4 for shape in shapes):
            raise ValueError(
                "The input of `InverseSTFT` must be a pair (real, imag) with the axes "
                f"(batch, frames, bins, channels). Received: shapes={shapes}."
            )
        batch, num_frames, num_bins, channels = shapes[0]
        if num_bins is not None and num_bins != self.num_bins:
            raise ValueError(
                "The input of `InverseSTFT` must have `fft_length // 2 + 1` bins. "
                f"Received: shape={shapes[0]}, fft_length={self.fft_length}. "
                "Give both directions the same lengths."
            )
        if num_frames is None:
            return (batch, length if isinstance(length, int) else None, channels)
        covered = (num_frames - 1) * self.frame_step + self.frame_length
        usual = (num_frames - 1) * self.frame_step if self.center else covered
        most = covered - self.frame_length // 2 if self.center else covered
        if length is None:
            return (batch, usual, channels)
        if not isinstance(length, (int, np.integer)):
            return (batch, None, channels)
        if not 0 <= length <= most:
            raise ValueError(
                f"`length` must be from 0 to {most}, what {num_frames} frames cover. Received: "
                f"length={length}, frame_length={self.frame_length}, frame_step={self.frame_step}. "
                "Give more frames, or pad the signal afterward."
            )
        return (batch, int(length), channels)

    def compute_output_spec(self, spectrum, length=None):
        shape = self.compute_output_shape([part.shape for part in spectrum], length=length)
        return keras.KerasTensor(shape, dtype=self.transform_dtype)
