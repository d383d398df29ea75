"""Scores of what people have: any audio format, stem files, other names, other lengths, silent sources."""

import shutil

import numpy as np
import pytest
import soundfile

from keras_d3.audio.files import write_audio
from keras_d3.cli import main
from keras_d3.evaluation import aggregate, score_directory, score_track, silent_notes
from keras_d3.evaluation.score_files import estimate_files, read_track, reference_files, track_names
from keras_d3.evaluation.silence import lacks_scores_for_silence
from keras_d3.evaluation.source_files import place_of_track, source_facts, sources_in
from tests.helpers.songs import RATE_HZ, make_estimates, make_stems, write_stems

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def song(folder, sources=("vocals", "drums"), suffix=".wav", num_samples=9000, seed=0):
    stems = make_stems(sources, num_samples, channels=1, seed=seed)
    for name, audio in stems.items():
        write_audio(folder / f"{name}{suffix}", audio, RATE_HZ)
    return stems


def score(tmp_path, **options):
    folders = [tmp_path / name for name in ("references", "estimates", "scores")]
    return score_directory(*folders, backend="shared", progress=False, num_workers=1, **options)


def test_formats_and_system_files(tmp_path):
    references, estimates = tmp_path / "references", tmp_path / "estimates"
    song(references / "t", suffix=".FLAC")
    song(estimates / "t", suffix=".WAV")
    write_audio(estimates / "t" / "vocals.flac", np.zeros((9, 1)), RATE_HZ)  # WAV comes first
    for name in ("t/._vocals.wav", "t/.DS_Store", "t/Thumbs.db", "__MACOSX/vocals.wav", "._t/vocals.wav"):
        (references / name).parent.mkdir(exist_ok=True)
        (references / name).write_bytes(b"x")
    assert track_names(references) == ["t"]
    assert score(tmp_path)["t"]["targets"]["vocals"]["SDR"] == ["inf"]


def test_names_in_capitals(tmp_path):
    stems = song(tmp_path / "references" / "t", ("Vocals", "drums", "Piano", "Instrumental"))
    for name, other in (("Vocals", "VOCALS"), ("drums", "Drums"), ("Piano", "piano")):
        write_audio(tmp_path / "estimates" / "t" / f"{other}.Wav", stems[name], RATE_HZ)
    found = sources_in(tmp_path / "references" / "t")
    assert list(found) == ["Piano", "accompaniment", "drums", "vocals"]
    assert set(score(tmp_path)["t"]["targets"]) == {"Piano", "drums", "vocals"}
    write_audio(tmp_path / "estimates" / "t" / "PIANO.wav", stems["Piano"], RATE_HZ)
    with pytest.raises(FileNotFoundError, match="No estimate of source 'Piano'"):
        score(tmp_path)
    # Of two files that differ in this alone, the one in small letters counts.
    write_audio(tmp_path / "references" / "t" / "vocals.wav", stems["Vocals"], RATE_HZ)
    assert sources_in(tmp_path / "references" / "t")["vocals"].endswith("/vocals.wav")


def test_lossy_files_are_compared_after_decoding(tmp_path):
    references, estimates = tmp_path / "references" / "t", tmp_path / "estimates" / "t"
    stems = song(references)
    estimates.mkdir(parents=True)
    for name, audio in stems.items():
        soundfile.write(estimates / f"{name}.ogg", audio, RATE_HZ, format="OGG", subtype="VORBIS")
    assert source_facts(str(estimates / "vocals.ogg"))["num_samples"] is None
    assert score(tmp_path)["t"]["targets"]["vocals"]["SDR"][0] > 0
    soundfile.write(estimates / "drums.ogg", stems["drums"][:-500], RATE_HZ, format="OGG", subtype="VORBIS")
    with pytest.raises(
        ValueError, match="'t': .*`pad_or_truncate_secs`. Received: .*drums.ogg` with 8500 samples"
    ):
        score(tmp_path)


@needs_ffmpeg
@pytest.mark.slow
def test_stem_files(tmp_path):
    stempeg = pytest.importorskip("stempeg")
    (tmp_path / "references").mkdir()
    shutil.copy(stempeg.example_stem_path(), tmp_path / "references" / "A - B.stem.mp4")
    shutil.copytree(tmp_path / "references", tmp_path / "estimates")
    assert track_names(tmp_path / "references") == ["A - B"]
    place = place_of_track(tmp_path / "references", "A - B")
    assert sources_in(place)["vocals"] == [str(place), 4]
    files = reference_files(place, None, "all")
    assert list(files) == ["bass", "drums", "other", "vocals"]
    assert estimate_files(place, files, None, "two") == {
        name: files[name] for name in ("vocals", "bass", "drums", "other")
    }
    audio, sets, rate = read_track(files, {"x": files})
    expected, _ = stempeg.read_stems(stempeg.example_stem_path())
    assert rate == 44100 and sets["x"]["vocals"] is audio["vocals"]
    np.testing.assert_allclose(audio["vocals"], expected[4], atol=1e-4)


def test_vocals_and_accompaniment_on_both_sides(tmp_path):
    """Once, vocals were scored alone, and the accompaniment left out without a word."""
    for side in ("references", "estimates"):
        song(tmp_path / side / "t", ("vocals", "accompaniment"))
    assert list(score(tmp_path)["t"]["targets"]) == ["accompaniment", "vocals"]


def test_other_names_of_the_accompaniment(tmp_path):
    song(tmp_path / "references" / "t", ("vocals", "drums", "bass"))
    song(tmp_path / "estimates" / "t", ("vocals", "no_vocals"))
    assert set(score(tmp_path, stems="two")["t"]["targets"]) == {"vocals", "accompaniment"}
    assert "accompaniment" in sources_in(tmp_path / "estimates" / "t")


def test_pad_or_truncate(tmp_path):
    stems = song(tmp_path / "references" / "t")
    shorter, longer = stems["vocals"][:-3], np.concatenate([stems["drums"], np.ones((5, 1))])
    write_audio(tmp_path / "estimates" / "t" / "vocals.wav", shorter, RATE_HZ)
    write_audio(tmp_path / "estimates" / "t" / "drums.wav", longer, RATE_HZ)
    with pytest.raises(ValueError, match="same length, rate and channels.*`pad_or_truncate`"):
        score(tmp_path)
    with pytest.raises(ValueError, match="same length"):
        score(tmp_path, pad_or_truncate_secs=4 / RATE_HZ)
    scores = score(tmp_path, pad_or_truncate_secs=5 / RATE_HZ)["t"]
    assert scores["num_samples"] == 9000 and scores["targets"]["drums"]["SDR"] == ["inf"]
    files = {
        side: reference_files(tmp_path / side / "t", None, "all") for side in ("references", "estimates")
    }
    _, sets, _ = read_track(files["references"], {"": files["estimates"]}, 1.0)
    np.testing.assert_array_equal(sets[""]["vocals"][-3:], 0)
    np.testing.assert_allclose(sets[""]["vocals"][:-3], shorter, atol=1e-4)
    with pytest.raises(ValueError, match="`pad_or_truncate_secs` must be a number of seconds, 0 or more"):
        score(tmp_path, pad_or_truncate_secs=-1)


@pytest.mark.parametrize("backend", ["museval", "shared"])
def test_sources_beside_a_silent_reference_are_scored(backend):
    stems = make_stems(("bass", "drums", "vocals"), num_samples=2000, channels=1)
    estimates = make_estimates(stems)
    others = [{name: audio[name] for name in ("bass", "drums")} for audio in (stems, estimates)]
    expected = score_track(*others, 1000, "song", backend=backend)["targets"]
    stems["vocals"] = np.zeros((2000, 1))
    scores = score_track(stems, estimates, 1000, "song", backend=backend)
    assert list(scores["targets"]) == ["bass", "drums", "vocals"]
    assert scores["targets"]["vocals"]["SDR"] == [None, None]
    assert {name: scores["targets"][name] for name in expected} == expected
    assert scores["scenarios"][0]["silent_references"] == ["vocals"]
    assert silent_notes({"song": scores}) == [
        "'song': the reference of vocals is silent; the others are scored without it."
    ]
    summary = aggregate([scores])
    assert summary["tracks_scored"] == {"bass": 1, "drums": 1, "vocals": 0}


def test_songs_without_scores_are_named():
    stems = make_stems(num_samples=2000, channels=1)
    silent = {**stems, "drums": np.zeros((2000, 1))}
    scores = score_track(stems, silent, 1000, "song", backend="shared")
    assert silent_notes({"song": scores}) == ["'song' has no SDR of frames: silent estimate: drums."]
    nothing = {name: np.zeros((2000, 1)) for name in stems}
    scores = score_track(nothing, stems, 1000, "song", backend="shared")
    assert "silent reference: vocals, silent reference: drums" in silent_notes({"song": scores})[0]
    assert silent_notes({"song": score_track(stems, stems, 1000, "song", backend="shared")}) == []


def test_scores_of_earlier_versions_are_made_again_where_a_reference_was_silent():
    frames = [
        {"frame": n, "reason": "silent reference: drums; silent estimate: vocals"[: 23 if n else 99]}
        for n in (0, 1)
    ]
    old = {
        "num_frames": 2,
        "scenarios": [{"sources": ["drums", "vocals"], "targets": [], "dropped_frames": frames}],
    }
    assert lacks_scores_for_silence(old)
    old["scenarios"][0]["silent_references"] = ["drums"]
    assert not lacks_scores_for_silence(old)
    assert not lacks_scores_for_silence({"num_frames": 3, "scenarios": [{**old["scenarios"][0]}]})


def test_the_command(tmp_path, capsys):
    for name in ("a", "b, c"):
        stems = song(tmp_path / "references" / name)
        write_stems(
            tmp_path / "estimates" / name, {key: audio[:-2] for key, audio in make_estimates(stems).items()}
        )
    shutil.rmtree(tmp_path / "estimates" / "b, c")
    write_audio(tmp_path / "references" / "a" / "vocals.wav", np.zeros((9000, 1)), RATE_HZ)
    arguments = ["evaluate", "--backend", "shared", "--workers", "1", "--out", str(tmp_path / "scores")]
    for side in ("references", "estimates"):
        arguments += [f"--{side}", str(tmp_path / side)]
    assert main([*arguments, "--pad-or-truncate"]) == 1
    assert "No estimates at" in (error := capsys.readouterr().err) and "name the tracks to score" in error
    assert main([*arguments, "--tracks", "a"]) == 1
    assert "`pad_or_truncate`" in capsys.readouterr().err
    assert main([*arguments, "--tracks", "a", "--pad-or-truncate"]) == 0
    out = capsys.readouterr().out
    assert (
        "drums" in out and "'a': the reference of vocals is silent; the others are scored without it." in out
    )
    (tmp_path / "names.txt").write_text("# names\nb, c\n")
    assert main([*arguments, "--tracks", str(tmp_path / "names.txt")]) == 1
    assert "No estimates at" in (error := capsys.readouterr().err) and "b, c`" in error
    assert main([*arguments, "--tracks", "none.txt"]) == 1
    assert "No list of names at `none.txt` (`--tracks`)" in capsys.readouterr().err
    assert main([*arguments, "--tracks", ","]) == 1
    assert "`--tracks` names nothing. Received: ','" in capsys.readouterr().err
