"""The signal-to-distortion ratio of BSS Eval v4, without its 512-tap projections."""

import numpy as np

from keras_d3.evaluation.signals import frame_length, frame_slices, silent_sources, stack_signals


def sdr(references, estimates, sample_rate, window_secs=1.0):
    """Signal-to-distortion ratio per frame, equal to museval's.

    In BSS Eval version 4 (Stöter, Liutkus and Ito, "The 2018 Signal Separation Evaluation
    Campaign", 2018, https://arxiv.org/abs/1804.06267) the three error terms add up to the
    plain error, so the distortion filters cancel and

        SDR = 10 log10( sum s^2 / sum (s - s_hat)^2 )

    with both sums over the samples and channels of one frame. This computes the ratio
    directly, about a thousand times faster than the projections that ISR, SIR and SAR need.

    Nothing differs from museval 0.4: frames do not overlap, an incomplete frame at the
    end is not scored, and a frame in which any reference or any estimate is silent is
    NaN for all sources. One rule goes further: where a source is silent from beginning to
    end museval raises, and here all frames are NaN.

    Args:
        references: dict source name -> array (time, channels).
        estimates: dict with the same sources and shapes.
        sample_rate: int, rate in Hz.
        window_secs: float, length of a frame in seconds.

    Returns:
        Dict source name -> float64 array (frames,) in dB; infinite for a perfect estimate.

    Raises:
        ValueError: sources or shapes differ, samples are not finite, or the window is shorter
            than one sample.

    Example:
        >>> import numpy as np
        >>> vocals = np.ones((8000, 2))
        >>> sdr({"vocals": vocals}, {"vocals": 0.9 * vocals}, sample_rate=8000)["vocals"].round(6)
        array([20.])
    """
    names, references, estimates = stack_signals(references, estimates)
    window = frame_length(sample_rate, window_secs)
    slices = frame_slices(references.shape[1], window, window)
    values = np.full((len(names), len(slices)), np.nan)
    for frame, part in enumerate(slices):
        target, estimate = references[:, part], estimates[:, part]
        if silent_sources(target).any() or silent_sources(estimate).any():
            continue
        signal = np.sum(target**2, axis=(1, 2))
        error = np.sum((target - estimate) ** 2, axis=(1, 2))
        with np.errstate(divide="ignore"):
            values[:, frame] = 10 * np.log10(signal / error)
    return dict(zip(names, values, strict=True))


def do_nothing_estimates(mixture, sources):
    """The estimate of every source without any separation: mixture / number of sources.

    Args:
        mixture: array (time, channels).
        sources: source names.

    Returns:
        Dict source name -> array (time, channels), each an array of its own.

    Raises:
        ValueError: `sources` is empty.
    """
    sources = tuple(sources)
    if not sources:
        raise ValueError("`sources` must name at least one source. Received: sources=().")
    return {name: np.asarray(mixture) / len(sources) for name in sources}


def sdr_improvement(references, estimates, mixture, sample_rate, window_secs=1.0):
    """SDR per frame above the do-nothing estimate, in dB.

    Args:
        references, estimates, sample_rate, window_secs: as for `sdr`.
        mixture: array (time, channels), divided by the number of sources for the baseline.

    Returns:
        Dict source name -> float64 array (frames,); NaN where either SDR is.
    """
    reached = sdr(references, estimates, sample_rate, window_secs)
    baseline = sdr(references, do_nothing_estimates(mixture, references), sample_rate, window_secs)
    with np.errstate(invalid="ignore"):
        return {name: reached[name] - baseline[name] for name in reached}
