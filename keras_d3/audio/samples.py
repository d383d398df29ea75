"""Samples as 16-bit integers, at other rates, and in fewer channels."""

import numpy as np

from keras_d3.utils import check_positive_int, optional_package

# Gains to the left and right channel by the channels' order in WAV and FLAC files and in what ffmpeg
# decodes: left, right, center, low frequencies, rear pair, side pair.
_LEFT, _RIGHT, _BOTH, _NONE = (1.0, 0.0), (0.0, 1.0), (0.5**0.5, 0.5**0.5), (0.0, 0.0)
_REAR_LEFT, _REAR_RIGHT = (0.5**0.5, 0.0), (0.0, 0.5**0.5)
STEREO_GAINS = {
    3: (_LEFT, _RIGHT, _BOTH),
    4: (_LEFT, _RIGHT, _REAR_LEFT, _REAR_RIGHT),
    5: (_LEFT, _RIGHT, _BOTH, _REAR_LEFT, _REAR_RIGHT),
    6: (_LEFT, _RIGHT, _BOTH, _NONE, _REAR_LEFT, _REAR_RIGHT),
    7: (_LEFT, _RIGHT, _BOTH, _NONE, (0.5, 0.5), _REAR_LEFT, _REAR_RIGHT),
    8: (_LEFT, _RIGHT, _BOTH, _NONE, _REAR_LEFT, _REAR_RIGHT, _REAR_LEFT, _REAR_RIGHT),
}


def to_pcm16(audio: np.ndarray) -> tuple[np.ndarray, int]:
    """Converts float samples to 16 bits.

    Args:
        audio: float array of any shape, nominally in [-1, 1].

    Returns:
        `(samples, num_clipped)`: the int16 array, and the number of samples that were
        out of range by more than half a step.

    Raises:
        ValueError: NaN or infinite samples.
    """
    scaled = np.rint(np.asarray(audio, "float32") * np.float32(32768))
    if not np.isfinite(scaled).all():
        raise ValueError("`audio` must be finite. Received: NaN or infinite samples.")
    # +1.0 itself becomes 32767: one step of rounding, not clipping.
    num_clipped = int(np.count_nonzero((scaled > 32768) | (scaled < -32768)))
    return np.clip(scaled, -32768, 32767).astype("<i2"), num_clipped


def from_pcm16(samples: np.ndarray) -> np.ndarray:
    """Converts int16 samples to float32: v / 32768."""
    return np.asarray(samples, "float32") / np.float32(32768)


def resample(audio: np.ndarray, from_hz: int, to_hz: int, num_samples: int | None = None) -> np.ndarray:
    """Resamples with soxr ("HQ": linear phase, aliases below -100 dB).

    Args:
        audio: float array `(time, channels)`.
        from_hz, to_hz: int, sample rates in Hz.
        num_samples: int, length to which the result is cut or zero-padded, which undoes the rounding by
            one sample on the way to another rate and back. None: as resampled.

    Returns:
        float32 array `(new_time, channels)`, aligned in time with the input.

    Raises:
        ValueError: wrong shape, or a rate or length out of range.

    Example:

    >>> resample(np.zeros((44100, 2), "float32"), 44100, 22050).shape
    (22050, 2)
    """
    check_positive_int("from_hz", from_hz)
    check_positive_int("to_hz", to_hz)
    audio = np.asarray(audio, "float32")
    if audio.ndim != 2:
        raise ValueError(f"`audio` must have shape (time, channels). Received: audio.shape={audio.shape}.")
    if from_hz != to_hz and len(audio):
        soxr = optional_package("soxr", "audio", "Resampling")

        audio = soxr.resample(np.ascontiguousarray(audio), from_hz, to_hz, quality="HQ")
    if num_samples is not None and len(audio) != num_samples:
        check_positive_int("num_samples", num_samples, 0)
        audio = np.pad(audio[:num_samples], ((0, max(0, num_samples - len(audio))), (0, 0)))
    return audio


def downmix_to_stereo(audio: np.ndarray) -> np.ndarray:
    """Mixes surround sound down to stereo, by the gains of ITU-R BS.775 as ffmpeg uses them.

    `left = (L + C / sqrt(2) + rear_left / sqrt(2) + ...) / n`, where `n` is the sum of the gains into one
    channel, so that nothing clips which did not before; low frequencies (LFE) are left out. The
    channels are taken in the order of WAV files (5.1: L, R, C, LFE, rear left, rear right).

    Differences from `ffmpeg -ac 2`: it knows layouts of one number of channels apart (2.1 from 3.0), this
    takes the common one.

    Args:
        audio: float array `(time, channels)`. One and two channels are returned as they are.

    Returns:
        float32 array `(time, 2)`.

    Raises:
        ValueError: wrong shape, or more than eight channels.

    Example:

    >>> downmix_to_stereo(np.zeros((44100, 6), "float32")).shape
    (44100, 2)
    """
    audio = np.asarray(audio, "float32")
    if audio.ndim != 2:
        raise ValueError(f"`audio` must have shape (time, channels). Received: audio.shape={audio.shape}.")
    if audio.shape[1] <= 2:
        return audio
    if audio.shape[1] not in STEREO_GAINS:
        raise ValueError(
            f"`audio` must have at most {max(STEREO_GAINS)} channels. Received: {audio.shape[1]} channels. "
            "Choose the channels to be mixed: ffmpeg -i FILE -af 'pan=stereo|FL=c0|FR=c1' OUT.wav"
        )
    gains = np.asarray(STEREO_GAINS[audio.shape[1]], "float32")
    return audio @ (gains / gains.sum(axis=0).max())
