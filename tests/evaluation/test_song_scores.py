"""Scores of whole songs: by hand, and against plain definitions written from the papers."""

import numpy as np
import pytest

from keras_d3.evaluation import score_track, si_sdr, song_sdr
from tests.helpers.songs import make_estimates, make_stems

REFERENCE = np.array([[3.0, 0.0], [4.0, 5.0]])  # energy 50


def _song_sdr(estimate, reference=REFERENCE):
    return song_sdr({"a": reference}, {"a": estimate})["a"]


def _si_sdr(estimate, reference):
    return si_sdr({"a": np.array(reference)[:, None]}, {"a": np.array(estimate)[:, None]})["a"]


def test_song_sdr_by_hand():
    # One sample is off by 0.5, error energy 0.25: 10 log10(50 / 0.25).
    estimate = REFERENCE + [[0.5, 0.0], [0.0, 0.0]]
    assert _song_sdr(estimate) == pytest.approx(23.0103, abs=1e-4)
    # Half as loud: a quarter of the energy is missing.
    assert _song_sdr(REFERENCE / 2) == pytest.approx(6.0206, abs=1e-4)
    # An offset of 0.1 on four samples: error energy 0.04.
    assert _song_sdr(REFERENCE + 0.1) == pytest.approx(10 * np.log10(50 / 0.04), abs=1e-4)


def test_song_sdr_of_silence_and_of_an_exact_estimate_is_finite():
    silence = np.zeros((2, 2))
    assert _song_sdr(silence) == pytest.approx(0, abs=1e-6)
    assert _song_sdr(REFERENCE) == pytest.approx(10 * np.log10(50 / 1e-7), abs=1e-6)
    assert _song_sdr(silence, silence) == 0
    assert _song_sdr(REFERENCE, silence) == pytest.approx(10 * np.log10(1e-7 / 50), abs=1e-6)


def test_song_sdr_is_the_published_definition():
    stems = make_stems(("a", "b"), num_samples=3000)
    estimates = make_estimates(stems)
    # As the challenge's starter kit states it: arrays (source, time, channel), 1e-7 in both sums.
    references, others = np.stack(list(stems.values())), np.stack(list(estimates.values()))
    above = np.square(references).sum(axis=(1, 2)) + 1e-7
    below = np.square(references - others).sum(axis=(1, 2)) + 1e-7
    expected = 10 * np.log10(above / below)
    np.testing.assert_allclose(list(song_sdr(stems, estimates).values()), expected, rtol=0, atol=1e-12)


def test_si_sdr_by_hand():
    reference, noise = [1.0, -1.0, 1.0, -1.0], [0.1, 0.1, 0.1, 0.1]
    estimate = np.add(reference, noise)
    # The noise is orthogonal: energies 4 and 0.04, whatever the scale; an offset is such noise.
    for scale in (1.0, 0.01, -7.0):
        assert _si_sdr(scale * estimate, reference) == pytest.approx(20)
    # Along (1, 1), the estimate (3, 1) has 2 and leaves (1, -1): energies 8 and 2.
    assert _si_sdr([3.0, 1.0], [1.0, 1.0]) == pytest.approx(10 * np.log10(4))


def test_si_sdr_of_silence_and_of_exact_and_orthogonal_estimates():
    assert _si_sdr([1.0, 2.0], [1.0, 2.0]) == np.inf
    assert _si_sdr([4.0, 8.0], [1.0, 2.0]) == np.inf
    assert _si_sdr([1.0, -1.0], [1.0, 1.0]) == -np.inf
    assert _si_sdr([0.0, 0.0], [1.0, 1.0]) == -np.inf
    assert np.isnan(_si_sdr([1.0, 1.0], [0.0, 0.0]))


def test_si_sdr_scores_channels_alone_and_leaves_out_silent_ones():
    left = np.array([1.0, -1.0, 1.0, -1.0])
    reference = np.stack([left, 2 * left], axis=1)
    # 20 dB on the left, 40 dB on the right, with another scale on each side.
    estimate = np.stack([left + 0.1, 5 * (left + 0.01)], axis=1)
    assert si_sdr({"a": reference}, {"a": estimate})["a"] == pytest.approx(30)
    reference[:, 1] = 0
    assert si_sdr({"a": reference}, {"a": estimate})["a"] == pytest.approx(20)


def test_si_sdr_is_the_published_definition():
    stems = make_stems(("a", "b"), num_samples=3000)
    estimates = make_estimates(stems)
    for name, value in si_sdr(stems, estimates).items():
        channels = []
        for s, s_hat in zip(stems[name].T, estimates[name].T, strict=True):
            # The second form of the paper's equation: the angle between both decides.
            cosine = (s @ s_hat) ** 2 / (s @ s) / (s_hat @ s_hat)
            channels.append(10 * np.log10(cosine / (1 - cosine)))
        assert value == pytest.approx(np.mean(channels), abs=1e-9)


def test_a_track_has_the_scores_of_the_whole_song():
    stems = make_stems(("bass", "drums", "vocals"), num_samples=2000)
    stems["drums"][:] = 0
    estimates = make_estimates(stems)
    scores = score_track(stems, estimates, 1000, "song", accompaniment=True, metrics=("si_sdr", "song_sdr"))
    assert scores["metrics"] == ["song_sdr", "si_sdr"]
    assert scores["targets"] == {} and scores["scenarios"] == []
    assert list(scores["song"]) == ["bass", "drums", "vocals", "accompaniment"]
    expected = song_sdr(stems, estimates)
    assert scores["song"]["bass"]["song_sdr"] == expected["bass"]
    assert scores["song"]["drums"]["si_sdr"] is None
    both = [{"accompaniment": audio["bass"] + audio["drums"]} for audio in (stems, estimates)]
    assert scores["song"]["accompaniment"] == {
        "song_sdr": song_sdr(*both)["accompaniment"],
        "si_sdr": si_sdr(*both)["accompaniment"],
    }


def test_errors():
    stems = make_stems(num_samples=100)
    for function in (song_sdr, si_sdr):
        with pytest.raises(ValueError, match="`estimates` must hold the sources of `references`"):
            function(stems, {"vocals": stems["vocals"]})
    for metrics in (("sdr",), ()):
        with pytest.raises(ValueError, match="`metrics` must be one or more of museval, song_sdr, si_sdr"):
            score_track(stems, stems, 1000, "song", metrics=metrics)
