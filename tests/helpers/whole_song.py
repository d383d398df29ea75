"""The spectrogram pipeline restated: the whole song at once, in NumPy and float64 but for the networks."""

import numpy as np


def reference_stems(networks, song, config):
    """Stems of a song.

    Args:
        networks: dict of functions from float32 magnitudes (batch, frames, bins, channels) to the same.
        song: array (time, channels).
        config: `SpectrogramSeparatorConfig`.
    """
    length, step = config.frame_length, config.frame_step
    num_samples = len(song)
    num_frames = 1 + -(-num_samples // step)
    missing = (num_frames - 1) * step - num_samples
    padded = np.pad(song.astype("float64"), ((length // 2, length // 2 + missing), (0, 0)), mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    frames = np.stack([padded[f * step : f * step + length] for f in range(num_frames)])
    mixture = np.fft.rfft(frames * window[:, None], axis=1)

    estimates = []
    for source in config.sources:
        patch, shift = config.patches_of(source)
        before, after = patch - shift, 2 * patch
        magnitudes = np.pad(np.abs(mixture), ((before, after), (0, 0), (0, 0))).astype("float32")
        last_start = num_frames // patch * patch
        starts = range(0, before + min(last_start, num_frames - 1) + 1, shift)
        inputs = np.stack([magnitudes[start : start + patch] for start in starts])
        modeled = inputs[:, :, : config.num_bins]
        outputs = np.asarray(networks[source](modeled))
        if config.flip_channels:
            outputs = (outputs + np.asarray(networks[source](modeled[..., ::-1]))[..., ::-1]) / 2
        outputs = np.concatenate([outputs, inputs[:, :, outputs.shape[2] :]], axis=2)
        total, cover = np.zeros(magnitudes.shape), np.zeros((len(magnitudes), 1, 1))
        for start, output in zip(starts, outputs, strict=True):
            total[start : start + patch] += output
            cover[start : start + patch] += 1
        estimates.append((total / np.maximum(cover, 1))[before : before + num_frames])
    estimates = np.stack(estimates, axis=1) * np.exp(1j * np.angle(mixture))[:, None]
    if config.wiener:
        estimates = _wiener(estimates, mixture)

    stems = {}
    for index, source in enumerate(config.sources):
        signals = np.fft.irfft(estimates[:, index], length, axis=1) * window[:, None]
        total, weights = np.zeros_like(padded), np.zeros((len(padded), 1))
        for f in range(num_frames):
            total[f * step : f * step + length] += signals[f]
            weights[f * step : f * step + length, 0] += window**2
        inside = slice(length // 2, length // 2 + num_samples)
        stems[source] = total[inside] / weights[inside]
    return stems


def _wiener(estimates, mixture):
    """One iteration with the statistics of all frames; (frames, sources, bins, channels)."""
    power = np.mean(np.abs(estimates) ** 2, axis=-1)
    power += 1e-10 * power.max(axis=(0, 2), keepdims=True)
    covariance = np.einsum("tjbc,tjbd->jbcd", estimates, estimates.conj())
    total = power.sum(axis=0)[..., None, None]
    covariance = np.divide(covariance, total, out=np.zeros_like(covariance), where=total > 0)
    mixed = np.einsum("tjb,jbcd->tbcd", power, covariance)
    # Singular matrices have the pseudo-inverse of rank one, or zero.
    inverse = np.linalg.pinv(mixed, rcond=1e-10, hermitian=True)
    return np.einsum("tjb,jbcd,tbde,tbe->tjbc", power, covariance, inverse, mixture, optimize=True)
