"""Both aggregations, by hand."""

import json

import pytest

from keras_d3.evaluation import aggregate, format_table
from keras_d3.evaluation.aggregation import format_db
from keras_d3.evaluation.museval_scores import METRICS


def _track(name, frames, **facts):
    targets = {target: {metric: list(values) for metric in METRICS} for target, values in frames.items()}
    return {
        "track": name,
        "tool": "BSS Eval v4, museval 0.4.1",
        "sample_rate_hz": 44100,
        "window_samples": 44100,
        "hop_samples": 44100,
        "targets": targets,
        **facts,
    }


def test_by_hand():
    tracks = [
        _track("a", {"vocals": [1.0, 2.0, 9.0, None]}),
        _track("b", {"vocals": [4.0, 6.0]}),
        _track("c", {"vocals": [None]}),
    ]
    summary = aggregate(tracks)
    # Medians of the tracks: 2 and 5; c has no frame.
    assert summary["track_median"]["vocals"]["SDR"] == 3.5
    assert summary["tracks"] == 3 and summary["tracks_scored"] == {"vocals": 2}
    pooled = summary["all_frames"]["vocals"]["SIR"]
    # Pool 1 2 4 6 9: median 4, deviations 3 2 0 2 5, mean 4.4, variance (11.56+5.76+.16+2.56+21.16)/5
    assert pooled["median"] == 4 and pooled["mad"] == 2 and pooled["mean"] == pytest.approx(4.4)
    assert pooled["std"] == pytest.approx(8.24**0.5)
    assert (pooled["frames"], pooled["dropped"]) == (5, 2)
    assert "median over tracks" in summary["aggregations"]["track_median"]
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_takes_the_dict_that_score_directory_returns():
    tracks = {"a": _track("a", {"x": [1.0]})}
    assert aggregate(tracks) == aggregate(tracks.values())


def test_nothing_scored_and_infinite_ratios():
    summary = aggregate([_track("a", {"x": [None, None], "y": ["inf", 1.0, "inf"], "z": ["-inf"]})])
    assert summary["track_median"]["x"]["SDR"] is None
    empty = {"median": None, "mean": None, "mad": None, "std": None, "frames": 0, "dropped": 2}
    assert summary["all_frames"]["x"]["SDR"] == empty
    assert summary["track_median"]["y"]["SDR"] == summary["all_frames"]["y"]["SDR"]["mean"] == "inf"
    assert summary["all_frames"]["y"]["SDR"]["std"] is None
    assert summary["track_median"]["z"]["SDR"] == "-inf"
    json.dumps(summary, allow_nan=False)


def test_errors():
    with pytest.raises(ValueError, match="`track_scores` must hold at least one track"):
        aggregate([])
    with pytest.raises(ValueError, match=r"same targets.*'a' with \['x'\].*'b' with \['y'\]"):
        aggregate([_track("a", {"x": [1.0]}), _track("b", {"y": [1.0]})])
    with pytest.raises(ValueError, match="the same tool, window and hop"):
        aggregate([_track("a", {"x": [1.0]}), _track("b", {"x": [1.0]}, window_samples=100)])


def test_table_names_both_aggregations():
    tracks = [_track("a", {"vocals": [1.0, 2.0], "drums": [None, -3.0]})]
    lines = format_table(aggregate(tracks), metrics=("SDR",)).splitlines()
    assert lines[0].split() == "target dB track median median MAD mean SD frames dropped".split()
    assert lines[2].split() == ["vocals", "SDR", "1.50", "1.50", "0.50", "1.50", "0.50", "2", "0"]
    assert lines[3].split() == ["drums", "SDR", "-3.00", "-3.00", "0.00", "-3.00", "0.00", "1", "1"]
    text = "\n".join(lines)
    assert "median over tracks of the median over frames (1 tracks)" in text
    assert "all frames of all tracks pooled" in text and "museval 0.4.1" in text


def _song(name, **scores):
    return {"song": {target: {"song_sdr": value} for target, value in scores.items()}, **_track(name, {})}


def test_scores_of_whole_songs_by_hand():
    tracks = [
        _song("a", bass=1.0, vocals=4.0, drums=2.0, accompaniment=9.0),
        _song("b", bass=2.0, vocals=None, drums=4.0, accompaniment=9.0),
        _song("c", bass=6.0, vocals=8.0, drums=6.0, accompaniment=9.0),
    ]
    summary = aggregate(tracks)
    assert summary["song"]["bass"]["song_sdr"] == {"mean": 3.0, "median": 2.0, "songs": 3}
    assert summary["song"]["vocals"]["song_sdr"] == {"mean": 6.0, "median": 6.0, "songs": 2}
    # Means 3, 6 and 4; the accompaniment is the sum of sources that are there themselves.
    assert summary["song_mean"]["song_sdr"] == pytest.approx(13 / 3)
    assert "songs" in summary["aggregations"]["song"]
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    pair = aggregate([_song("a", vocals=4.0, accompaniment=9.0)])
    assert pair["song_mean"]["song_sdr"] == 6.5
    nothing = aggregate([_song("a", vocals=None)])
    assert nothing["song"]["vocals"]["song_sdr"] == {"mean": None, "median": None, "songs": 0}
    assert nothing["song_mean"]["song_sdr"] is None
    with pytest.raises(ValueError, match="the same metrics of whole songs"):
        aggregate([tracks[0], _track("d", {})])


def test_table_names_metric_and_aggregation_of_whole_songs():
    tracks = [_song("a", bass=1.0, vocals=4.0), _song("b", bass=3.0, vocals=None)]
    lines = format_table(aggregate(tracks)).splitlines()
    assert lines[0].split() == "target dB over songs mean median songs".split()
    assert lines[2].split() == ["bass", "song_sdr", "2.00", "2.00", "2"]
    assert lines[3].split() == ["vocals", "song_sdr", "4.00", "4.00", "1"]
    assert lines[4].split() == ["mean", "of", "sources", "song_sdr", "3.00"]
    text = "\n".join(lines)
    assert "mean and median over songs of one score per song (2 tracks)" in text
    assert "1e-7" in text and "si_sdr" not in text and "track median" not in text
    both = [{**track, "targets": _track("", {"bass": [1.0]})["targets"]} for track in tracks]
    text = format_table(aggregate(both))
    assert "scored as a pair" not in text
    three = _track("a", {"vocals": [1.0], "bass": [1.0], "accompaniment": [1.0]})
    assert "vocals and accompaniment: scored as a pair." in format_table(aggregate([three])).splitlines()
    assert "track median" in text and "mean of sources" in text


def test_format_db():
    values = (None, 1.005, "inf", "-inf", -2)
    assert [format_db(value) for value in values] == ["", "1.00", "∞", "-∞", "-2.00"]
    assert format_db(1.0, signed=True) == "+1.00"
