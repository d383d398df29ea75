"""Folders of estimates: parallel, resumable, and errors that name the file."""

import json
import signal
import subprocess

import numpy as np
import pytest

from keras_d3.audio import read_audio, write_audio
from keras_d3.cli import main
from keras_d3.evaluation import read_scores, score_directories, score_directory, score_track
from keras_d3.evaluation.score_process import run
from keras_d3.evaluation.scoring import Scoring
from tests.helpers.songs import RATE_HZ, make_estimates, make_stems, write_stems

pytestmark = pytest.mark.slow

pytest.importorskip("museval")
TRACKS = ("A - One", "B - Two")


@pytest.fixture
def folders(tmp_path):
    for seed, track in enumerate(TRACKS):
        stems = make_stems(num_samples=9000, channels=1, seed=seed)
        write_stems(tmp_path / "references" / track, {**stems, "mixture": sum(stems.values())})
        write_stems(tmp_path / "estimates" / track, make_estimates(stems))
    return tmp_path / "references", tmp_path / "estimates", tmp_path / "scores"


def _score(folders, **options):
    return score_directory(*folders, progress=False, **options)


def test_parallel_equals_one_worker_equals_in_process(folders, tmp_path):
    parallel = _score(folders, num_workers=2)
    alone = _score((*folders[:2], tmp_path / "again"), num_workers=1)
    assert list(parallel) == sorted(TRACKS)
    assert parallel == alone
    for track in TRACKS:
        audio = [
            {name: read_audio(folder / track / f"{name}.wav")[0] for name in ("drums", "vocals")}
            for folder in folders[:2]
        ]
        expected = score_track(*audio, RATE_HZ, track)
        for target, metrics in expected["targets"].items():
            for metric, values in metrics.items():
                np.testing.assert_allclose(parallel[track]["targets"][target][metric], values, atol=1e-6)
        assert read_scores(folders[2] / f"{track}.json") == parallel[track]


def test_resumes_and_notices_changed_files(folders, monkeypatch):
    options = {"backend": "shared", "num_workers": 2}
    first = _score(folders, **options)
    started = []
    popen = subprocess.Popen

    def counted(command, **arguments):
        started.append(command)
        return popen(command, **arguments)

    monkeypatch.setattr(subprocess, "Popen", counted)
    assert _score(folders, **options) == first
    assert started == []
    (folders[2] / f"{TRACKS[0]}.json").write_text('{"half')
    assert _score(folders, **options) == first
    assert len(started) == 1
    write_audio(folders[1] / TRACKS[1] / "drums.wav", np.ones((9000, 1)) / 2, RATE_HZ, "FLOAT")
    changed = _score(folders, **options)
    assert len(started) == 2
    assert changed[TRACKS[0]] == first[TRACKS[0]] and changed[TRACKS[1]] != first[TRACKS[1]]
    assert _score(folders, window_secs=0.5, tracks=[TRACKS[0]], **options)[TRACKS[0]]["num_frames"] == 2
    assert len(started) == 3


def test_files_of_the_settings_known_before_are_recognized(folders):
    """Later settings are part of the fingerprint only where they are not the default."""
    settings = {"window_secs": 1.0, "accompaniment": False, "backend": "shared"}
    assert Scoring(backend="shared").fingerprint() == settings
    first = _score(folders, backend="shared", tracks=[TRACKS[0]])[TRACKS[0]]
    old = {key: value for key, value in first.items() if key not in ("metrics", "stems", "backend")}
    path = folders[2] / f"{TRACKS[0]}.json"
    path.write_text(json.dumps({**old, "track": "kept"}))
    assert _score(folders, backend="shared", tracks=[TRACKS[0]])[TRACKS[0]]["track"] == "kept"
    songs = _score(folders, backend="shared", tracks=[TRACKS[0]], metrics=["song_sdr", "museval"])[TRACKS[0]]
    assert songs["targets"] == first["targets"] and set(songs["song"]) == {"drums", "vocals"}
    assert read_scores(path) == songs


def test_several_separators_share_one_process_per_track(folders, monkeypatch):
    references, estimates, scores = folders
    separators = {"model": (estimates, scores / "model"), "oracle": (references, scores / "oracle")}
    received = score_directories(references, separators, backend="shared", num_workers=1, progress=False)
    assert sorted(path.name for path in scores.glob("*/*.json")) == sorted(f"{t}.json" for t in TRACKS * 2)
    assert received["oracle"][TRACKS[0]]["targets"]["drums"]["SDR"] == ["inf"]
    assert received["model"] == _score((references, estimates, scores / "model"), backend="shared")


def test_progress_bar(folders, capfd):
    score_directory(*folders, backend="shared", tracks=[TRACKS[0]])
    assert "Scoring: 100%" in capfd.readouterr().err


def test_missing_folders_tracks_and_sources(folders, tmp_path):
    references, estimates, scores = folders
    with pytest.raises(FileNotFoundError, match="`references_dir` must be a folder of tracks.*nowhere"):
        score_directory(tmp_path / "nowhere", estimates, scores)
    with pytest.raises(FileNotFoundError, match="`estimates_dir` must be a folder of tracks.*nowhere"):
        score_directory(references, tmp_path / "nowhere", scores)
    with pytest.raises(FileNotFoundError, match="No tracks in .*scores"):
        scores.mkdir()
        score_directory(scores, estimates, scores)
    with pytest.raises(FileNotFoundError, match="No reference track at .*Nobody"):
        _score(folders, tracks=["Nobody"])
    with pytest.raises(FileNotFoundError, match="No reference of source 'bass' at .*bass.wav"):
        _score(folders, sources=["vocals", "bass"])
    (estimates / TRACKS[1] / "drums.wav").unlink()
    with pytest.raises(FileNotFoundError, match=r"No estimate of source 'drums' at .*B - Two.drums\.wav"):
        _score(folders)
    (estimates / TRACKS[1] / "vocals.wav").unlink()
    (estimates / TRACKS[1]).rmdir()
    with pytest.raises(FileNotFoundError, match="No estimates at .*B - Two"):
        _score(folders)
    only_mixture = references / "C - Three"
    write_stems(only_mixture, {"mixture": np.ones((10, 1))})
    with pytest.raises(FileNotFoundError, match="No source in .*C - Three"):
        _score(folders, tracks=["C - Three"])
    assert not list(scores.iterdir())


@pytest.mark.parametrize(
    "shape, rate, received",
    [
        ((8999, 1), RATE_HZ, "8999 samples at 8000 Hz in 1 channel,"),
        ((9000, 2), 4000, "9000 samples at 4000 Hz in 2 channels,"),
    ],
)
def test_other_length_or_rate(folders, shape, rate, received):
    write_audio(folders[1] / TRACKS[0] / "drums.wav", np.ones(shape), rate)
    with pytest.raises(ValueError, match=f"same length, rate and channels.*drums.wav` with {received}"):
        _score(folders)


def test_unreadable_and_truncated_files(folders):
    path = folders[1] / TRACKS[0] / "drums.wav"
    whole = path.read_bytes()
    path.write_bytes(b"not a wave file")
    with pytest.raises(ValueError, match="drums.wav` cannot be read as audio"):
        _score(folders)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="drums.wav"):
        _score(folders)
    assert not list(folders[2].glob("*.json"))


def test_a_process_that_dies_is_reported_with_the_track(folders, monkeypatch):
    class Dead:
        returncode = -signal.SIGKILL

        def __init__(self, *_, **__):
            pass

        def communicate(self, _):
            return "", "no memory"

        def terminate(self):
            pass

    monkeypatch.setattr(subprocess, "Popen", Dead)
    with pytest.raises(RuntimeError, match="track 'A - One' ended with exit status -9 .killed.*use fewer"):
        _score(folders, tracks=[TRACKS[0]])


def test_settings_are_checked_before_any_work(folders):
    with pytest.raises(ValueError, match="`num_workers` must be an integer of at least 1"):
        _score(folders, num_workers=0)
    with pytest.raises(ValueError, match="`backend` must be one of"):
        _score(folders, backend="other")


def test_errors_on_samples_name_the_track(folders):
    track = TRACKS[0]
    files = {name: str(folders[0] / track / f"{name}.wav") for name in ("drums", "mixture")}
    job = {"name": "", "estimates": files, "out": str(folders[2] / "x.json"), "fingerprint": ""}
    settings = {"accompaniment": True}
    with pytest.raises(ValueError, match="Track 'A - One': `accompaniment=True` needs"):
        run({"track": track, "references": files, "jobs": [job], "settings": settings, "nice": 0})
    with pytest.raises(ValueError, match="Track 'A - One': `accompaniment=True` needs"):
        _score(folders, sources=["drums"], accompaniment=True, tracks=[track])


def test_parts_of_the_tracks_are_scored_by_several_calls(folders, capsys):
    command = ["evaluate", "--references", str(folders[0]), "--estimates", str(folders[1])]
    command += ["--out", str(folders[2]), "--backend", "shared", "--workers", "1"]
    for number, track in enumerate(TRACKS, 1):
        assert main([*command, "--shard", f"{number}/2"]) == 0
        assert [path.stem for path in sorted(folders[2].glob("*.json"))] == list(TRACKS[:number])
        assert (folders[2] / f"{track}.json").is_file()
    assert main([*command, "--shard", "3/3"]) == 0
    assert "Part 3/3 holds no track." in capsys.readouterr().out
