"""BSS Eval v4 for several sets of estimates of the same references at once."""

import itertools

import numpy as np

from keras_d3.evaluation.signals import frame_slices, silent_sources
from keras_d3.utils import optional_package

fft = optional_package("scipy.fft", "evaluation", "BSS Eval")
toeplitz = optional_package("scipy.linalg", "evaluation", "BSS Eval").toeplitz

FILTER_TAPS = 512


def bss_eval_v4(references, estimate_sets, window, hop, taps=FILTER_TAPS):
    """SDR, ISR, SIR and SAR per frame, as museval computes them, for several separators at once.

    BSS Eval version 4 (Stöter, Liutkus and Ito, 2018, https://arxiv.org/abs/1804.06267; the
    decomposition is Vincent, Gribonval and Févotte, 2006) explains an estimate by FIR filters
    on the references, found once on the whole signal and applied frame by frame:

        P_own = own reference through its filters      P_all = all references through theirs
        e_spat = P_own - s     e_interf = P_all - P_own     e_artif = s_hat - P_all
        SDR = |s|^2 / |s_hat - s|^2             ISR = |s|^2 / |e_spat|^2
        SIR = |P_own|^2 / |e_interf|^2          SAR = |P_all|^2 / |e_artif|^2

    in dB, all sums running over the frame and the filters' tail behind it. The filters solve
    G c = d, where G holds the inner products of the delayed references. G has nothing to do
    with the estimates, but museval solves with it once per source and per call (80 % of its
    time on a short excerpt); here one solve serves every source of every separator.

    The result equals museval 0.4 with `compute_permutation=False, framewise_filters=False`: to 1e-12 dB
    measured on real music, both with one BLAS thread on the same machine. G and d are computed in
    museval's own order on purpose: of real music, G is singular to working precision, and any other
    order, number of BLAS threads or kind of CPU moves SIR and SAR by about 0.01 dB - museval's own, too.

    Args:
        references: float64 array (sources, time, channels), no source silent throughout.
        estimate_sets: list of float64 arrays of that shape, one per separator.
        window, hop: ints, samples.
        taps: int, length of the filters in samples.

    Returns:
        List of float64 arrays (4, sources, frames) in the order SDR, ISR, SIR, SAR; NaN in
        frames where any reference or estimate of the set is silent.
    """
    sources, num_samples, channels = references.shape
    rows = sources * channels
    fft_length = 2 ** int(np.ceil(np.log2(num_samples + taps - 1.0)))
    spectra = fft.fft(_channels_first(references), fft_length)
    # (set, reference channel * delay, estimate channel)
    products = [_inner_products(spectra, estimates, taps) for estimates in estimate_sets]
    gram = _gram_matrix(spectra, taps)
    del spectra

    by_all = _solve(gram, np.hstack(products)).reshape(rows, taps, len(products), sources, channels)
    by_all = by_all.transpose(2, 3, 0, 4, 1)
    by_own = np.empty((len(products), sources, channels, channels, taps))
    size = channels * taps
    for k in range(sources):
        part, columns = slice(k * size, (k + 1) * size), slice(k * channels, (k + 1) * channels)
        own = _solve(gram[part, part], np.hstack([product[part, columns] for product in products]))
        by_own[:, k] = own.reshape(channels, taps, len(products), channels).transpose(2, 0, 3, 1)
    del gram

    slices = frame_slices(num_samples, window, hop)
    return [
        _frame_scores(references, estimates, slices, all_filters, own_filters)
        for estimates, all_filters, own_filters in zip(estimate_sets, by_all, by_own, strict=True)
    ]


def _channels_first(signals):
    sources, num_samples, channels = signals.shape
    return signals.transpose(0, 2, 1).reshape(sources * channels, num_samples)


def _inner_products(spectra, estimates, taps):
    """Inner products of every delayed reference channel with every estimate channel.

    Returns:
        float64 array (reference channels * taps, estimate channels).
    """
    columns = []
    for estimate in estimates:
        for spectrum in fft.fft(estimate.T, spectra.shape[1]):
            # `np.conj` stays inside the product: NumPy then multiplies in place, which rounds otherwise.
            delays = [_delays(fft.ifft(row * np.conj(spectrum)), taps) for row in spectra]
            columns.append(np.concatenate(delays))
    return np.stack(columns, axis=1)


def _delays(correlation, taps):
    """Lags 0, -1, ..., 1 - taps of a circular correlation."""
    correlation = np.real(correlation)
    return np.concatenate([correlation[:1], correlation[:-taps:-1]])


def _gram_matrix(spectra, taps):
    """Inner products of all delayed reference channels: (channels * taps, channels * taps)."""
    size = len(spectra) * taps
    gram = np.empty((size, size))
    for p, q in itertools.combinations_with_replacement(range(len(spectra)), 2):
        correlation = np.real(fft.ifft(spectra[q] * np.conj(spectra[p])))
        block = toeplitz(_delays(correlation, taps), correlation[:taps])
        here, there = slice(p * taps, (p + 1) * taps), slice(q * taps, (q + 1) * taps)
        gram[there, here] = block
        gram[here, there] = block.T
    return gram


def _solve(gram, right_hand_sides):
    try:
        ridge = np.finfo(np.float64).eps * np.eye(len(gram))
        return np.linalg.solve(gram + ridge, right_hand_sides)
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(gram, right_hand_sides, rcond=None)[0]


def _frame_scores(references, estimates, slices, by_all, by_own):
    sources, _, channels = references.shape
    length = slices[0].stop + by_all.shape[-1] - 1
    fft_length = fft.next_fast_len(length, real=True)
    by_all, by_own = fft.rfft(by_all, fft_length), fft.rfft(by_own, fft_length)
    scores = np.full((4, sources, len(slices)), np.nan)
    for frame, part in enumerate(slices):
        target, estimate = references[:, part], estimates[:, part]
        if silent_sources(target).any() or silent_sources(estimate).any():
            continue
        # (source, channel, bin); r: reference channel, c: estimate channel, f: bin
        spectra = fft.rfft(target.transpose(0, 2, 1), fft_length)
        everything = spectra.reshape(sources * channels, -1)
        for k in range(sources):
            projections = np.stack(
                [
                    np.einsum("rf,rcf->cf", spectra[k], by_own[k]),
                    np.einsum("rf,rcf->cf", everything, by_all[k]),
                ]
            )
            own, every = fft.irfft(projections, fft_length)[..., :length]
            scores[:, k, frame] = _ratios(target[k].T, estimate[k].T, own, every)
    return scores


def _ratios(target, estimate, project_own, project_all):
    tail = ((0, 0), (0, project_own.shape[1] - target.shape[1]))
    target, estimate = np.pad(target, tail), np.pad(estimate, tail)
    pairs = (
        (target, estimate - target),
        (target, project_own - target),
        (project_own, project_all - project_own),
        (project_all, estimate - project_all),
    )
    with np.errstate(divide="ignore"):
        return [10 * np.log10(np.sum(wanted**2) / np.sum(error**2)) for wanted, error in pairs]
