"""The fast way to museval's numbers: equal where rounding does not decide, and left alone where it does."""

import numpy as np
import pytest

from keras_d3.evaluation import fast_bss_eval
from keras_d3.evaluation.bss_eval import bss_eval_v4
from keras_d3.evaluation.fast_bss_eval import fast_bss_eval_v4
from keras_d3.evaluation.museval_scores import score_track

RATE_HZ = 8000


def _music(sources=2, secs=3, channels=2, seed=0):
    """Noise that falls by 6 dB per octave, in 16 bits: what stems on a disk are like."""
    signal = pytest.importorskip("scipy.signal")
    audio = np.random.default_rng(seed).standard_normal((sources, secs * RATE_HZ, channels))
    audio = signal.lfilter([1.0], [1.0, -0.97], audio, axis=1)
    audio[:, :, -1] = 0.6 * audio[:, :, 0] + 0.4 * audio[:, :, -1]
    return _rounded(0.3 * audio / np.max(np.abs(audio)))


def _rounded(audio):
    return np.round(audio * 32768) / 32768


def _estimates(references, seed=1):
    noise = 1e-3 * np.random.default_rng(seed).standard_normal(references.shape)
    return _rounded(0.85 * references + 0.05 * references.sum(axis=0) + noise)


def _silent_frame(audio):
    audio[1, RATE_HZ : 2 * RATE_HZ] = 0


def _nearly_silent(audio):
    audio[1, RATE_HZ:] = _rounded(1e-4 * audio[1, RATE_HZ:])


def _quiet_source(audio):
    audio[1] *= 1e-4


def _repeated_channel(audio):
    audio[0, :, 1] = audio[0, :, 0]


def _silent_channel(audio):
    audio[0, :, 1] = 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [None, _silent_frame, _nearly_silent, _quiet_source, _repeated_channel, _silent_channel],
)
def test_equals_museval(change):
    museval = pytest.importorskip("museval")
    references = _music()
    if change:
        change(references)
    estimates = _estimates(references)
    expected = np.stack(museval.evaluate(references, estimates, win=RATE_HZ, hop=RATE_HZ))
    received = fast_bss_eval_v4(references, [estimates], RATE_HZ, RATE_HZ)[0]
    assert received is not None
    assert np.isnan(expected).any() == (change is _silent_frame)
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "num_samples, window, hop", [(3001, 4000, 4000), (24000, 8000, 4000), (9000, 701, 701)]
)
def test_equals_the_careful_way_for_other_lengths_windows_and_channels(num_samples, window, hop):
    references = _music(sources=3, channels=1)[:, :num_samples]
    estimates = _estimates(references)
    expected = bss_eval_v4(references, [estimates], window, hop, taps=32)[0]
    received = fast_bss_eval_v4(references, [estimates], window, hop, taps=32)[0]
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-6)


def test_every_set_has_its_own_answer():
    references = _music(channels=1)
    halves = np.repeat(references.sum(axis=0, keepdims=True) / 2, 2, axis=0)
    sets = [_estimates(references), halves, _estimates(references, seed=2)]
    first, mixture, last = fast_bss_eval_v4(references, sets, RATE_HZ, RATE_HZ, taps=64)
    # The mixture has no artifacts but those of rounding.
    assert mixture is None
    for received, estimates in ((first, sets[0]), (last, sets[2])):
        expected = bss_eval_v4(references, [estimates], RATE_HZ, RATE_HZ, taps=64)[0]
        np.testing.assert_allclose(received, expected, rtol=0, atol=1e-6)


def test_references_without_high_frequencies_are_left_to_the_careful_way(monkeypatch):
    scipy_fft = pytest.importorskip("scipy.fft")
    spectra = scipy_fft.rfft(np.random.default_rng(0).standard_normal((2, 8000, 1)), axis=1)
    spectra[:, 2000:] = 0
    references = 0.1 * scipy_fft.irfft(spectra, axis=1)
    estimates = _estimates(references)
    assert fast_bss_eval_v4(references, [estimates], RATE_HZ, RATE_HZ) == [None]
    sources = [dict(zip("ab", signals, strict=True)) for signals in (references, estimates)]
    received = score_track(*sources, RATE_HZ, "song", backend="shared")["targets"]
    expected = bss_eval_v4(references, [estimates], RATE_HZ, RATE_HZ)[0]
    np.testing.assert_array_equal(received["a"]["SIR"], expected[2, 0])


def test_a_change_by_rounding_decides_who_answers(monkeypatch):
    references = _music(channels=1)
    sets = [_estimates(references)]
    assert fast_bss_eval_v4(references, sets, RATE_HZ, RATE_HZ, taps=64)[0] is not None
    monkeypatch.setattr(fast_bss_eval, "_ERROR", 1e-9)
    assert fast_bss_eval_v4(references, sets, RATE_HZ, RATE_HZ, taps=64) == [None]


def test_largest_change():
    change = fast_bss_eval._largest_change
    assert change(np.array([1.0, np.nan, np.inf]), np.array([1.5, np.nan, np.inf])) == 0.5
    assert change(np.array([1.0]), np.array([np.inf])) == np.inf
    assert change(np.array([1.0]), np.array([np.nan])) == np.inf
    assert change(np.array([np.nan]), np.array([np.nan])) == 0
