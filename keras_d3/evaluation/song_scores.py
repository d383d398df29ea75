"""Scores over a whole song: the SDR of the Music Demixing challenges, and SI-SDR."""

import numpy as np

from keras_d3.evaluation.signals import stack_signals

SONG_METRICS = ("song_sdr", "si_sdr")
# Of the challenges' published evaluation; it is about -70 dB of one full-scale sample.
EPSILON = 1e-7


def song_sdr(references, estimates):
    """Signal-to-distortion ratio over a whole song, as the MDX 2021 and SDX 2023 challenges take it.

        SDR = 10 log10( (sum s^2 + 1e-7) / (sum (s - s_hat)^2 + 1e-7) )

    with both sums over all samples and channels of the song (Mitsufuji et al., "Music Demixing Challenge
    2021", 2022, https://doi.org/10.3389/frsip.2021.808395; the 1e-7 is in the code of the challenge's
    starter kit). The challenges average over the sources of a song, then over songs.

    Differs from `sdr` in that silent passages are scored, too, loud passages weigh more than quiet ones, and
    every song has a finite score. No other source has any influence.

    Args:
        references: dict source name -> array (time, channels), samples between -1 and 1.
        estimates: dict with the same sources and shapes.

    Returns:
        Dict source name -> float in dB.

    Raises:
        ValueError: sources or shapes differ, or samples are not finite.

    Example:
        >>> import numpy as np
        >>> vocals = np.ones((8000, 2))
        >>> round(song_sdr({"vocals": vocals}, {"vocals": 0.9 * vocals})["vocals"], 6)
        20.0
    """
    names, references, estimates = stack_signals(references, estimates)
    signal = np.sum(references**2, axis=(1, 2)) + EPSILON
    error = np.sum((references - estimates) ** 2, axis=(1, 2)) + EPSILON
    return dict(zip(names, (10 * np.log10(signal / error)).tolist(), strict=True))


def si_sdr(references, estimates):
    """Scale-invariant SDR over a whole song, per channel, and the mean of the channels in dB.

    Le Roux, Wisdom, Erdogan and Hershey, "SDR - half-baked or well done?", 2019,
    https://arxiv.org/abs/1811.02508:

        SI-SDR = 10 log10( |a s|^2 / |a s - s_hat|^2 )        a = <s_hat, s> / |s|^2

    The paper defines it for one channel. Here each channel is scored as a mono signal with a scale of its
    own, so an estimate that is too loud on one side is not punished. The mean of a signal is not removed,
    so an offset is an error.

    A channel whose reference is silent has no score and is left out of the mean. An estimate
    without any part of the reference has -inf, a silent one too; a scaled copy of the reference has inf, or
    some 300 dB where scaling rounds.

    Args:
        references: dict source name -> array (time, channels).
        estimates: dict with the same sources and shapes.

    Returns:
        Dict source name -> float in dB; NaN if the reference is silent.

    Raises:
        ValueError: sources or shapes differ, or samples are not finite.

    Example:
        >>> import numpy as np
        >>> s = np.array([[1.0], [-1.0], [1.0], [-1.0]])
        >>> noise = np.array([[0.1], [0.1], [0.1], [0.1]])
        >>> round(si_sdr({"vocals": s}, {"vocals": 3 * (s + noise)})["vocals"], 6)
        20.0
    """
    names, references, estimates = stack_signals(references, estimates)
    values = {}
    for name, reference, estimate in zip(names, references, estimates, strict=True):
        channels = [_si_sdr_of_channel(*pair) for pair in zip(reference.T, estimate.T, strict=True)]
        channels = [value for value in channels if not np.isnan(value)]
        with np.errstate(invalid="ignore"):
            values[name] = float(np.mean(channels)) if channels else np.nan
    return values


def _si_sdr_of_channel(reference, estimate):
    energy = np.dot(reference, reference)
    if energy == 0:
        return np.nan
    target = np.dot(estimate, reference) / energy * reference
    signal, error = np.dot(target, target), np.sum((target - estimate) ** 2)
    if signal == 0:
        return -np.inf
    with np.errstate(divide="ignore"):
        return 10 * np.log10(signal / error)


FUNCTIONS = {"song_sdr": song_sdr, "si_sdr": si_sdr}
