"""Vocals and accompaniment of networks and references of any number of stems."""

import numpy as np
import pytest

from keras_d3.evaluation import read_scores, score_directory, score_track, sdr, song_sdr
from tests.helpers.songs import RATE_HZ, make_estimates, make_stems, write_stems

FOUR = ("bass", "drums", "other", "vocals")
OPTIONS = {"backend": "shared", "progress": False, "num_workers": 1, "metrics": ("museval", "song_sdr")}


@pytest.fixture
def audio():
    stems = make_stems(FOUR, num_samples=9000, channels=1)
    return stems, make_estimates(stems)


def _pair(stems):
    return {"vocals": stems["vocals"], "accompaniment": stems["bass"] + stems["drums"] + stems["other"]}


def _values(scores):
    return {target: metrics["SDR"] for target, metrics in scores["targets"].items()}


@pytest.mark.parametrize("references", [dict, _pair])
@pytest.mark.parametrize("estimates", [dict, _pair])
def test_either_side_may_have_two_stems_or_four(audio, references, estimates):
    pairs = [_pair(stems) for stems in audio]
    scores = score_track(
        references(audio[0]), estimates(audio[1]), RATE_HZ, "song", stems="two", **_track_options()
    )
    assert scores["stems"] == "two"
    expected = sdr(*pairs, RATE_HZ)
    assert set(scores["targets"]) == {"vocals", "accompaniment"}
    for target, values in _values(scores).items():
        np.testing.assert_allclose(values, expected[target], rtol=0, atol=1e-9)
    for target, value in song_sdr(*pairs).items():
        assert scores["song"][target]["song_sdr"] == pytest.approx(value, abs=1e-9)


def _track_options():
    return {name: OPTIONS[name] for name in ("backend", "metrics")}


def test_the_pair_drops_frames_where_one_of_the_pair_is_silent(audio):
    stems, estimates = audio
    # Two frames; a source that is silent in both would be left out of the four (test_source_files.py).
    half = len(stems["drums"]) // 2
    stems["drums"][:half] = 0
    options = {"window_secs": half / RATE_HZ, "accompaniment": True, "backend": "shared"}
    four = score_track(stems, estimates, RATE_HZ, "song", **options)
    assert [value is None for value in four["targets"]["bass"]["SDR"]] == [True, False]
    expected = sdr(_pair(stems), _pair(estimates), RATE_HZ, half / RATE_HZ)
    for target in ("vocals", "accompaniment"):
        assert four["targets"][target]["SDR"] == pytest.approx(expected[target], abs=1e-9)


def test_the_pair_changes_sir_and_sar_of_the_vocals_but_not_sdr_and_isr(audio):
    four, pair = (
        score_track(*audio, RATE_HZ, "song", accompaniment=is_pair, backend="shared")["targets"]["vocals"]
        for is_pair in (False, True)
    )
    for metric in ("SDR", "ISR"):
        np.testing.assert_allclose(four[metric], pair[metric], rtol=0, atol=1e-6)
    for metric in ("SIR", "SAR"):
        assert abs(four[metric][0] - pair[metric][0]) > 0.01


def test_accompaniment_and_vocals_equal_musevals_evaluation_of_a_track(audio):
    """`eval_mus_track`, which takes the accompaniment from the estimates, given the sum of the others."""
    museval = pytest.importorskip("museval")
    stems, estimates = audio

    class Track:
        name, rate, subset = "song", RATE_HZ, "test"
        targets = {
            name: type("Target", (), {"audio": signal}) for name, signal in {**stems, **_pair(stems)}.items()
        }

    frames = museval.eval_mus_track(Track, {**estimates, **_pair(estimates)}).scores["targets"]
    received = score_track(stems, estimates, RATE_HZ, "song", accompaniment=True, backend="shared")["targets"]
    assert {item["name"] for item in frames} == set(received)
    for item in frames:
        for metric, values in received[item["name"]].items():
            expected = [float(frame["metrics"][metric]) for frame in item["frames"]]
            # museval keeps five decimals.
            np.testing.assert_allclose(values, expected, rtol=0, atol=1e-5)


def test_a_pair_is_its_own_accompaniment(audio):
    pairs = [_pair(stems) for stems in audio]
    scores = score_track(*pairs, RATE_HZ, "song", accompaniment=True, backend="shared")
    assert len(scores["scenarios"]) == 1
    assert scores["targets"] == score_track(*pairs, RATE_HZ, "song", backend="shared")["targets"]


@pytest.mark.slow
def test_folders(audio, tmp_path):
    stems, estimates = audio
    names = {"four": (stems, estimates), "two": (_pair(stems), _pair(estimates))}
    for number, (references, others) in names.items():
        mixture = {"mixture": sum(stems.values())}
        write_stems(tmp_path / f"references_{number}/song", {**references, **mixture})
        write_stems(tmp_path / f"estimates_{number}/song", {**others, **mixture})
    expected = sdr(_pair(stems), _pair(estimates), RATE_HZ)
    for references in names:
        for others in names:
            folders = (tmp_path / f"references_{references}", tmp_path / f"estimates_{others}")
            out = tmp_path / f"scores_{references}_{others}"
            scores = score_directory(*folders, out, stems="two", **OPTIONS)["song"]
            assert read_scores(out / "song.json") == scores
            for target, values in expected.items():
                np.testing.assert_allclose(scores["targets"][target]["SDR"], values, rtol=0, atol=1e-2)
    write_stems(tmp_path / "estimates_four/song", {"snare": stems["drums"]})
    with_stray = score_directory(
        tmp_path / "references_four", tmp_path / "estimates_four", tmp_path / "stray", stems="two", **OPTIONS
    )
    again = score_directory(
        tmp_path / "references_four",
        tmp_path / "estimates_four",
        tmp_path / "stray",
        sources=FOUR,
        stems="two",
        **OPTIONS,
    )
    assert with_stray == again


def test_errors_name_what_is_missing(audio, tmp_path):
    stems, estimates = audio
    write_stems(tmp_path / "references/song", stems)
    write_stems(tmp_path / "estimates/song", _pair(estimates))
    folders = (tmp_path / "references", tmp_path / "estimates", tmp_path / "scores")
    with pytest.raises(FileNotFoundError, match="No estimate of source 'bass'.*`stems='two'`"):
        score_directory(*folders, **OPTIONS)
    write_stems(tmp_path / "drums/song", {"drums": stems["drums"]})
    with pytest.raises(ValueError, match="source 'vocals' and .*drums.*missing: 'vocals'"):
        score_directory(tmp_path / "references", tmp_path / "drums", folders[2], stems="two", **OPTIONS)
    vocals = {"vocals": stems["vocals"]}
    with pytest.raises(ValueError, match="`references`.*Received sources: vocals; missing: 'accompaniment'"):
        score_track(vocals, vocals, RATE_HZ, "song", stems="two")
    write_stems(tmp_path / "three/song", {name: stems[name] for name in ("bass", "drums", "vocals")})
    with pytest.raises(FileNotFoundError, match="No estimate of source 'other'"):
        score_directory(tmp_path / "references", tmp_path / "three", folders[2], stems="two", **OPTIONS)
    with pytest.raises(ValueError, match="`stems` must be one of 'all', 'two'"):
        score_directory(*folders, **{**OPTIONS, "stems": "three"})
    with pytest.raises(ValueError, match="`accompaniment=True` adds a score .*Leave one out"):
        score_directory(*folders, stems="two", accompaniment=True, **OPTIONS)
    assert not folders[2].exists()
