"""SDR: by hand, against loops, and against museval on real music."""

import numpy as np
import pytest

from keras_d3.evaluation import do_nothing_estimates, sdr, sdr_improvement
from tests.helpers.songs import make_estimates, make_stems


def test_hand_computed():
    reference = {"a": np.array([[3.0, 4.0], [0.0, 5.0]])}
    estimate = {"a": np.array([[3.0, 4.5], [0.5, 5.0]])}
    # signal energy 9 + 16 + 25 = 50, error energy 0.25 + 0.25 = 0.5
    np.testing.assert_allclose(sdr(reference, estimate, sample_rate=2)["a"], [20.0], rtol=1e-12)


def test_frames_are_whole_windows_and_a_short_signal_is_one_frame():
    ones = np.ones((2500, 1))
    estimate = ones.copy()
    estimate[:1000] = 0.9
    estimate[1000:] = 0.99
    np.testing.assert_allclose(sdr({"a": ones}, {"a": estimate}, 1000)["a"], [20, 40])
    halves = sdr({"a": ones}, {"a": estimate}, 1000, window_secs=0.5)
    np.testing.assert_allclose(halves["a"], [20, 20, 40, 40, 40])
    np.testing.assert_allclose(sdr({"a": ones[:1]}, {"a": estimate[:1]}, 1000)["a"], [20])


@pytest.mark.parametrize("role", ["references", "estimates"])
def test_a_frame_with_any_silent_signal_is_nan_for_all_sources(role):
    signals = {"references": make_stems(num_samples=3000)}
    signals["estimates"] = make_estimates(signals["references"])
    signals[role]["drums"][1000:2000] = 0
    scores = sdr(**signals, sample_rate=1000)
    for values in scores.values():
        np.testing.assert_array_equal(np.isnan(values), [False, True, False])


def test_wholly_silent_and_perfect_estimates():
    stems = make_stems(num_samples=2000)
    silent = {**stems, "drums": np.zeros((2000, 2))}
    assert np.isnan(sdr(stems, silent, 1000)["vocals"]).all()
    np.testing.assert_array_equal(sdr(stems, stems, 1000)["vocals"], [np.inf, np.inf])


def test_equals_museval_on_real_music():
    museval = pytest.importorskip("museval")
    stempeg = pytest.importorskip("stempeg")
    audio, rate = stempeg.read_stems(stempeg.example_stem_path())
    # Every fourth sample, aliased or not, of 2.3 s: real music at a size museval is quick at.
    excerpt = audio[1:4, rate : rate + int(2.3 * rate) : 4].astype(np.float64)
    excerpt[1, 11025:22050] = 0
    rate //= 4
    stems = dict(zip(("drums", "bass", "other"), excerpt, strict=True))
    estimates = make_estimates(stems, noise=0.001)
    expected = museval.evaluate(
        np.stack(list(stems.values())), np.stack(list(estimates.values())), win=rate, hop=rate
    )[0]
    received = np.stack(list(sdr(stems, estimates, rate).values()))
    np.testing.assert_array_equal(np.isnan(received), [[False, True]] * 3)
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-9)


def test_float32_input_is_computed_in_float64():
    stems = {name: audio.astype(np.float32) for name, audio in make_stems().items()}
    estimates = {name: audio.astype(np.float32) for name, audio in make_estimates(stems).items()}
    double = sdr(
        {name: audio.astype(np.float64) for name, audio in stems.items()},
        {name: audio.astype(np.float64) for name, audio in estimates.items()},
        8000,
    )
    for name, values in sdr(stems, estimates, 8000).items():
        np.testing.assert_array_equal(values, double[name])


def test_do_nothing_estimate_and_improvement():
    stems = make_stems(("a", "b", "c", "d"), num_samples=2000)
    mixture = sum(stems.values())
    estimates = do_nothing_estimates(mixture, stems)
    np.testing.assert_array_equal(estimates["c"], mixture / 4)
    assert not np.shares_memory(estimates["a"], estimates["b"])
    gain = sdr_improvement(stems, estimates, mixture, 1000)
    np.testing.assert_array_equal(gain["a"], [0, 0])
    better = {name: 0.9 * audio for name, audio in stems.items()}
    expected = 20 - sdr(stems, estimates, 1000)["b"]
    np.testing.assert_allclose(sdr_improvement(stems, better, mixture, 1000)["b"], expected)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"references": {}}, "`references` must be a non-empty dict"),
        ({"estimates": {"a": np.ones((10, 1))}}, r"`estimates` must hold the sources of `references`: a, b"),
        ({"estimates": None}, "`estimates` must hold the sources"),
        ({"estimates": {"a": np.ones(10), "b": np.ones(10)}}, r"`estimates\['a'\]` must be an array"),
        (
            {"estimates": {"a": np.ones((10, 1)), "b": np.ones((9, 1))}},
            r"Received: estimates\['b'\] of shape \(9, 1\), references\['a'\] of shape \(10, 1\)",
        ),
        ({"references": {"a": np.ones((0, 1)), "b": np.ones((0, 1))}}, "at least one sample"),
        ({"estimates": {"a": np.ones((10, 1)), "b": np.full((10, 1), np.nan)}}, r"\['b'\]` must be finite"),
        ({"sample_rate": 0}, "`sample_rate` must be positive"),
        ({"window_secs": 0.0}, "`window_secs` must hold at least one sample"),
    ],
)
def test_errors(change, message):
    arguments = {
        "references": {"a": np.ones((10, 1)), "b": np.ones((10, 1))},
        "estimates": {"a": np.ones((10, 1)), "b": np.ones((10, 1))},
        "sample_rate": 10,
        **change,
    }
    with pytest.raises(ValueError, match=message):
        sdr(**arguments)


def test_do_nothing_needs_a_source():
    with pytest.raises(ValueError, match="`sources` must name at least one source"):
        do_nothing_estimates(np.ones((10, 1)), ())
