"""The multi-resolution STFT loss of waveforms, alone or beside a loss of samples."""

import keras
from keras import ops

from keras_d3.ops import frame_spectra
from keras_d3.settings import SAMPLE_LOSSES, STFT_RESOLUTIONS
from keras_d3.utils import check_choice

# Floor of power spectra, as in widespread code (1e-7): the paper leaves open what log(0) is.
MIN_POWER = 1e-7
# Of a sum of squares that is rooted: the root has no gradient at 0.
MIN_SQUARE_SUM = 1e-12


def multi_resolution_stft_loss(targets, estimates, resolutions=STFT_RESOLUTIONS):
    """Distance of magnitude spectra, averaged over lengths of frames.

    Yamamoto, Song and Kim, 2020, "Parallel WaveGAN" (https://arxiv.org/abs/1910.11480), section 2.2:

        spectral convergence = || |STFT(x)| - |STFT(y)| ||_F / || |STFT(x)| ||_F
        log magnitude        = mean of | log |STFT(x)| - log |STFT(y)| |
        loss                 = mean over resolutions of (spectral convergence + log magnitude)

    with x the target and y the estimate. What the paper leaves open: the Frobenius norms are those of the
    whole batch, so that a silent example among others does not divide by zero; magnitudes are at least
    `sqrt(MIN_POWER)`; all frames lie inside the excerpt; each channel counts. Where all targets are silent,
    gradients are finite but large (`global_clipnorm` bounds them). The phase is not seen: with several
    sources, a loss of samples beside it (`stft_loss_weight`) tells the sign.

    Args:
        targets, estimates: float tensors (batch, time, channels) with at least one frame's samples.
        resolutions: tuples (fft_length, frame_length, frame_step) in samples; the default is the paper's,
            which is for 24 kHz.

    Returns:
        Scalar tensor.
    """
    total = 0.0
    for fft_length, frame_length, frame_step in resolutions:
        target, estimate = (
            _magnitudes(signals, fft_length, frame_length, frame_step) for signals in (targets, estimates)
        )
        convergence = _norm(target - estimate) / _norm(target)
        total = total + convergence + ops.mean(ops.abs(ops.log(target) - ops.log(estimate)))
    return total / len(resolutions)


@keras.saving.register_keras_serializable(package="keras_d3")
class WaveformLoss(keras.losses.Loss):
    """`sample_loss + stft_weight * multi_resolution_stft_loss`.

    With "mae" that is L1 beside spectra, which Defossez, Synnaeve and Adi, 2020, "Real Time Speech
    Enhancement in the Waveform Domain", minimize in other proportions.

    Args:
        sample_loss: "mse", "mae" (L1), or None for spectra alone.
        stft_weight: float, weight of `multi_resolution_stft_loss`.

    Call arguments:
        y_true, y_pred: waveforms (batch, time, channels).
    """

    def __init__(self, sample_loss=None, stft_weight=1.0, name="waveform_loss", dtype=None):
        super().__init__(name=name, reduction=None, dtype=dtype)
        if sample_loss is not None:
            check_choice("sample_loss", sample_loss, SAMPLE_LOSSES)
        self.sample_loss = sample_loss
        self.stft_weight = stft_weight

    def call(self, y_true, y_pred):
        loss = self.stft_weight * multi_resolution_stft_loss(y_true, y_pred)
        if self.sample_loss == "mse":
            return loss + ops.mean(ops.square(y_true - y_pred))
        if self.sample_loss == "mae":
            return loss + ops.mean(ops.abs(y_true - y_pred))
        return loss

    def get_config(self):
        return {"sample_loss": self.sample_loss, "stft_weight": self.stft_weight, "name": self.name}


def _magnitudes(signals, fft_length, frame_length, frame_step):
    real, imag = frame_spectra(signals, frame_length, frame_step, fft_length)
    return ops.sqrt(ops.maximum(ops.square(real) + ops.square(imag), MIN_POWER))


def _norm(values):
    return ops.sqrt(ops.maximum(ops.sum(ops.square(values)), MIN_SQUARE_SUM))
