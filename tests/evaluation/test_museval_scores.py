"""The four scores: equality with museval, NaN rule, JSON, accompaniment."""

import json
import sys

import numpy as np
import pytest

from keras_d3.evaluation import score_track, sdr
from keras_d3.evaluation.bss_eval import bss_eval_v4
from keras_d3.evaluation.museval_scores import METRICS, score_estimates
from tests.helpers.songs import RATE_HZ, make_estimates, make_stems

pytestmark = pytest.mark.slow

museval = pytest.importorskip("museval")


def _reference_scores(stems, estimates, window, hop):
    scores = museval.evaluate(
        np.stack(list(stems.values())), np.stack(list(estimates.values())), win=window, hop=hop
    )
    return np.stack(scores)


def _array(scores, targets):
    values = [[scores["targets"][target][metric] for target in targets] for metric in METRICS]
    return np.array(values, np.float64)


@pytest.mark.parametrize("channels, num_samples", [(1, 12000), (2, 20001), (2, 5000)])
@pytest.mark.parametrize("backend", ["museval", "shared"])
def test_equals_museval(channels, num_samples, backend):
    stems = make_stems(num_samples=num_samples, channels=channels)
    stems["drums"][9000:] *= 0.1
    estimates = make_estimates(stems)
    scores = score_track(stems, estimates, RATE_HZ, "song", backend=backend)
    expected = _reference_scores(stems, estimates, RATE_HZ, RATE_HZ)
    assert scores["num_frames"] == expected.shape[2] == max(1, num_samples // RATE_HZ)
    np.testing.assert_allclose(_array(scores, stems), expected, rtol=0, atol=1e-6)
    for name, values in sdr(stems, estimates, RATE_HZ).items():
        np.testing.assert_allclose(scores["targets"][name]["SDR"], values, rtol=0, atol=1e-9)


def test_shared_work_on_references_gives_each_separator_its_own_scores():
    stems = make_stems(num_samples=9000, channels=1)
    sets = {str(leak): make_estimates(stems, leak=leak) for leak in (0.0, 0.3)}
    sets["silent"] = {name: np.zeros_like(audio) for name, audio in stems.items()}
    together = score_estimates(stems, sets, RATE_HZ, "song", 0.5, backend="shared")
    for label in ("0.0", "0.3"):
        expected = _reference_scores(stems, sets[label], RATE_HZ // 2, RATE_HZ // 2)
        np.testing.assert_allclose(_array(together[label], stems), expected, rtol=0, atol=1e-6)
    assert np.isnan(_array(together["silent"], stems)).all()


def test_overlapping_frames():
    stems = make_stems(num_samples=9000, channels=1)
    estimates = make_estimates(stems)
    for backend in ("museval", "shared"):
        scores = score_track(stems, estimates, RATE_HZ, "song", 0.5, hop_secs=0.25, backend=backend)
        expected = _reference_scores(stems, estimates, RATE_HZ // 2, RATE_HZ // 4)
        np.testing.assert_allclose(_array(scores, stems), expected, rtol=0, atol=1e-6)


def test_shared_backend_on_real_music_stays_within_what_museval_itself_varies_by():
    stempeg = pytest.importorskip("stempeg")
    audio, rate = stempeg.read_stems(stempeg.example_stem_path())
    excerpt = audio[1:4, rate : 2 * rate + 300, :1].astype(np.float64)
    stems = dict(zip(("drums", "bass", "other"), excerpt, strict=True))
    estimates = make_estimates(stems, noise=0.001)
    expected = _reference_scores(stems, estimates, rate, rate)
    received = bss_eval_v4(excerpt, [np.stack(list(estimates.values()))], rate, rate)[0]
    np.testing.assert_allclose(received[:1], expected[:1], rtol=0, atol=1e-9)
    np.testing.assert_allclose(received[1:], expected[1:], rtol=0, atol=0.02)


def test_singular_references_are_solved_by_least_squares(monkeypatch):
    # The same click twice, loud enough to swallow the ridge: LU meets an exact zero.
    references = np.zeros((2, 600, 1))
    references[:, 0] = 1000.0
    calls = []
    solve = np.linalg.lstsq
    monkeypatch.setattr(np.linalg, "lstsq", lambda *args, **kwargs: calls.append(1) or solve(*args, **kwargs))
    scores = bss_eval_v4(references, [0.5 * references], 600, 600, taps=4)[0]
    np.testing.assert_allclose(scores[0, :, 0], 20 * np.log10(2))
    np.testing.assert_allclose(scores[1, :, 0], 20 * np.log10(2))
    assert calls


@pytest.mark.parametrize("backend", ["museval", "shared"])
def test_dropped_frames_say_why_and_json_has_no_nan(backend):
    stems = make_stems(num_samples=2500, channels=1)
    estimates = make_estimates(stems)
    stems["drums"][1000:2000] = 0
    estimates["vocals"][1000:2000] = 0
    scores = score_track(stems, estimates, 1000, "song", backend=backend)
    assert scores["scenarios"] == [
        {
            "sources": ["vocals", "drums"],
            "targets": ["vocals", "drums"],
            "dropped_frames": [{"frame": 1, "reason": "silent reference: drums; silent estimate: vocals"}],
        }
    ]
    for target in scores["targets"].values():
        for metric in METRICS:
            assert [value is None for value in target[metric]] == [False, True]
    assert scores["unscored_samples"] == 500
    assert scores["track"] == "song" and scores["window_samples"] == 1000
    assert set(scores["versions"]) == {"museval", "numpy", "scipy"}
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores


@pytest.mark.parametrize("backend", ["museval", "shared"])
def test_silent_throughout_is_all_dropped_instead_of_an_error(backend):
    stems = make_stems(num_samples=2000, channels=1)
    estimates = {**make_estimates(stems), "drums": np.zeros((2000, 1))}
    scores = score_track(stems, estimates, 1000, "song", backend=backend)
    assert scores["targets"]["vocals"]["SIR"] == [None, None]
    assert [item["frame"] for item in scores["scenarios"][0]["dropped_frames"]] == [0, 1]


def test_perfect_estimates_are_infinite_not_invalid_json():
    stems = make_stems(num_samples=1000, channels=1)
    scores = score_track(stems, stems, 1000, "song", backend="shared")
    assert scores["targets"]["vocals"]["SDR"] == ["inf"]
    assert float(scores["targets"]["vocals"]["SDR"][0]) == np.inf


@pytest.mark.parametrize("backend", ["museval", "shared"])
def test_accompaniment_is_scored_as_a_pair_with_the_vocals(backend):
    stems = make_stems(("bass", "drums", "vocals"), num_samples=8000, channels=1)
    estimates = make_estimates(stems)
    scores = score_track(stems, estimates, RATE_HZ, "song", accompaniment=True, backend=backend)
    assert [scenario["targets"] for scenario in scores["scenarios"]] == [
        ["bass", "drums"],
        ["vocals", "accompaniment"],
    ]
    pair = [
        {"vocals": audio["vocals"], "accompaniment": audio["bass"] + audio["drums"]}
        for audio in (stems, estimates)
    ]
    expected = _reference_scores(*pair, RATE_HZ, RATE_HZ)
    np.testing.assert_allclose(_array(scores, pair[0]), expected, rtol=0, atol=1e-6)
    expected = _reference_scores(stems, estimates, RATE_HZ, RATE_HZ)[:, :2]
    np.testing.assert_allclose(_array(scores, ("bass", "drums")), expected, rtol=0, atol=1e-6)


def test_errors(monkeypatch):
    stems = make_stems(num_samples=1000)
    with pytest.raises(ValueError, match="`backend` must be one of 'museval', 'shared'"):
        score_track(stems, stems, 1000, "song", backend="matlab")
    with pytest.raises(ValueError, match="`hop_secs` must hold at least one sample"):
        score_track(stems, stems, 1000, "song", hop_secs=0.0)
    drums = {"drums": stems["drums"]}
    with pytest.raises(ValueError, match="`accompaniment=True` needs a source 'vocals'"):
        score_track(drums, drums, 1000, "song", accompaniment=True)
    assert score_estimates(stems, {}, 1000, "song") == {}
    monkeypatch.setitem(sys.modules, "museval", None)
    with pytest.raises(RuntimeError, match="museval cannot be imported: .*Install ffmpeg"):
        score_track(stems, make_estimates(stems), 1000, "song")
