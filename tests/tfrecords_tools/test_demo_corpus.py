"""The demo corpus: reproducible, exact sums, realistic levels, resumable."""

import shutil

import numpy as np
import pytest

from keras_d3.audio import read_audio
from tfrecords_tools import demo_corpus, processes
from tfrecords_tools.__main__ import main
from tfrecords_tools.demo_corpus import make_demo_corpus, make_song, song_names
from tfrecords_tools.synth import score, signal

pytestmark = pytest.mark.slow

SOURCES = ("drums", "bass", "other", "vocals")
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


@pytest.fixture(scope="module")
def songs():
    return [make_song(np.random.default_rng((7, number)), 4.0) for number in range(5)]


def test_the_seed_makes_the_song(songs):
    again = make_song(np.random.default_rng((7, 1)), 4.0)
    for source in SOURCES:
        np.testing.assert_array_equal(again[source], songs[1][source])
        assert not np.array_equal(again[source], songs[2][source])


def test_levels_are_those_of_a_song(songs):
    for sources in songs:
        mixture = sum(track.astype(float) for track in sources.values()) / 32768
        assert mixture.shape == (4 * 44100, 2)
        assert 0.8 < np.abs(mixture).max() < 0.95
        for track in sources.values():
            assert -32 < 10 * np.log10(np.mean((track / 32768) ** 2)) < -14
        mono = np.stack([track.mean(axis=1) for track in sources.values()])
        assert np.abs(np.corrcoef(mono) - np.eye(4)).max() < 0.3  # separable: not copies of one another


def test_sources_have_their_own_spectra(songs):
    def centroid(track):
        power = np.abs(np.fft.rfft(track.mean(axis=1))) ** 2
        return np.sum(power * np.fft.rfftfreq(len(track), 1 / 44100)) / np.sum(power)

    for sources in songs:
        assert 30 < centroid(sources["bass"]) < 250
        for name in ("other", "vocals"):
            assert 250 < centroid(sources[name]) < 2500
    left, right = songs[0]["other"].T.astype(float)
    assert np.corrcoef(left, right)[0, 1] < 0.97  # wide
    left, right = songs[0]["bass"].T.astype(float)
    assert np.corrcoef(left, right)[0, 1] > 0.99  # in the middle


def test_songs_differ_in_tempo_and_style():
    scores = [score.compose(np.random.default_rng((0, number)), 8.0) for number in range(12)]
    assert len({item.drum_pattern for item in scores}) >= 3
    assert len({item.bass_style for item in scores}) >= 3
    assert len({item.layers for item in scores}) >= 3
    assert {item.female for item in scores} == {False, True}
    assert max(item.tempo for item in scores) - min(item.tempo for item in scores) > 20
    for item in scores:
        assert item.melody[0].start < 1 and item.melody[-1].start > 6
        assert all(44 < note.pitch < 82 for note in item.melody)


def test_names_are_different():
    names = song_names(0, 80)
    assert (
        len({name.split(" - ")[0] for name in names}) == len({name.split(" - ")[1] for name in names}) == 80
    )
    assert names[:5] == song_names(0, 80)[:5] and names != song_names(1, 80)
    with pytest.raises(ValueError, match="must be at most 80"):
        song_names(0, 81)


def corpus(out, **changes):
    settings = {"num_train": 3, "num_test": 1, "train_secs": 1.5, "test_secs": 1.0, "real_stems": False}
    return make_demo_corpus(out, **(settings | changes))


def test_corpus_folder(tmp_path):
    out = tmp_path / "demo"
    assert corpus(out) == {"songs": 4, "written": 4}
    train = sorted((out / "train").iterdir())
    assert len(train) == 3 and len(list((out / "test").iterdir())) == 1
    for song in train:
        audio = {path.stem: read_audio(path)[0] * 32768 for path in song.iterdir()}
        assert set(audio) == {"mixture", *SOURCES}
        np.testing.assert_array_equal(audio["mixture"], sum(audio[source] for source in SOURCES))
    assert "CC BY" not in (out / "ATTRIBUTION.txt").read_text()
    held_out = (out / "validation_tracks.txt").read_text().splitlines()
    assert len(held_out) == 2 and {song.name for song in train} > set(held_out)
    before = (train[0] / "drums.wav").read_bytes()
    shutil.rmtree(train[0])
    assert corpus(out) == {"songs": 4, "written": 1}
    assert (train[0] / "drums.wav").read_bytes() == before
    assert corpus(out)["written"] == 0
    with pytest.raises(ValueError, match="another demo corpus .seed: 0 there, 1 asked for"):
        corpus(out, seed=1)


@needs_ffmpeg
def test_real_stems_and_command_line(tmp_path, capsys):
    out = tmp_path / "demo"
    command = ["demo", "--out", str(out), "--num-train", "3", "--num-test", "1"]
    assert main([*command, "--train-secs", "1", "--test-secs", "1"]) == 0
    assert "5 songs, 5 of them written now" in capsys.readouterr().out
    credit = (out / "ATTRIBUTION.txt").read_text()
    assert "The Easton Ellises" in credit and "CC BY-NC-SA 3.0" in credit
    (real,) = (out / "test").glob("* - real stems")
    audio = {path.stem: read_audio(path)[0] for path in real.iterdir()}
    assert set(audio) == {"mixture", *SOURCES} and audio["drums"].shape == (262395, 2)
    error = audio["mixture"] - sum(audio[source] for source in SOURCES)
    assert 10 * np.log10(np.sum(audio["mixture"] ** 2) / np.sum(error**2)) > 20  # AAC's own error
    assert np.abs(error).max() < 0.3  # and no clicks
    records = ["musdb18", "--root", str(out), "--out", str(tmp_path / "records")]
    assert main([*records, "--validation-tracks", str(out / "validation_tracks.txt")]) == 0
    assert "validation: 2 songs" in capsys.readouterr().out


def test_refusals(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="`num_train` must be an integer of at least 3"):
        corpus(tmp_path / "a", num_train=2)
    with pytest.raises(ValueError, match="`test_secs` must be between 1 and 600"):
        corpus(tmp_path / "a", test_secs=0.5)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    with pytest.raises(ValueError, match="is no demo corpus and not empty"):
        corpus(tmp_path / "other")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="comes from stempeg and is read by ffmpeg.*--no-real-stems"):
        corpus(tmp_path / "b", real_stems=True)
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()


def test_signal_tools():
    piece = np.ones((10, 2))
    track = np.zeros((20, 2))
    signal.add_at(track, -5 / signal.SAMPLE_RATE, piece)
    signal.add_at(track, 15 / signal.SAMPLE_RATE, piece)
    signal.add_at(track, 1.0, piece)
    assert track[:, 0].tolist() == [1] * 5 + [0] * 10 + [1] * 5
    assert signal.midi_to_hz(69) == 440
    np.testing.assert_allclose((signal.pan(np.ones(3), 0.3) ** 2).sum(axis=1), 1)
    time = np.arange(1000) / signal.SAMPLE_RATE
    sine = signal.play_table(signal.wavetable([1.0]), 440.0, 1000)
    np.testing.assert_allclose(sine, np.sin(2 * np.pi * 440 * (time + 1 / signal.SAMPLE_RATE)), atol=1e-4)
    noise = signal.noise_band(np.random.default_rng(0), 44100, 1000, 2000)
    power = np.abs(np.fft.rfft(noise)) ** 2
    assert power[900:2200].sum() > 0.8 * power.sum()


def test_several_processes_write_the_same_bytes(tmp_path, monkeypatch):
    corpus(tmp_path / "alone")
    monkeypatch.setattr(demo_corpus, "MIN_SECS_IN_PROCESSES", 0.0)
    monkeypatch.setattr(processes, "num_cores", lambda: 2)
    in_this_process = []
    monkeypatch.setattr(demo_corpus, "make_song", lambda *_: in_this_process.append(1))
    assert corpus(tmp_path / "together") == {"songs": 4, "written": 4} and not in_this_process
    files = sorted(path.relative_to(tmp_path / "alone") for path in (tmp_path / "alone").rglob("*.wav"))
    assert len(files) == 4 * 5
    for file in files:
        assert (tmp_path / "alone" / file).read_bytes() == (tmp_path / "together" / file).read_bytes()
