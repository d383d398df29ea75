"""Songs into files of any format and name, alone and in batches."""

import json
import os

import numpy as np
import pytest
import soundfile

from keras_d3.audio import Song, downmix_to_stereo, read_audio
from keras_d3.audio.files import write_audio
from keras_d3.separation import Separator, SongBatch, append_json_line, separate_song, song_reader
from keras_d3.separation.output_stems import output_stems
from keras_d3.separation.stem_paths import stem_paths
from keras_d3.settings import StemFilesConfig
from tests.helpers.tiny_networks import SOURCES, noise, waveform_identity, waveform_settings


@pytest.fixture(scope="module")
def separator():
    return Separator(waveform_identity(gains=(1.0, 4.0)), waveform_settings())


def separate(separator, path, out, **settings):
    return separate_song(separator, path, out, StemFilesConfig(**settings), show_progress=False)


@pytest.fixture
def song(tmp_path):
    write_audio(tmp_path / "song.wav", noise(4000, scale=0.3).clip(-0.9, 0.9), 8000, "FLOAT")
    return tmp_path / "song.wav"


@pytest.fixture(params=["whole", "segments"])
def way(request, monkeypatch):
    if request.param == "segments":
        monkeypatch.setattr(song_reader, "WHOLE_SONG_SECS", 0.0)


@pytest.mark.parametrize("file_format", ["flac", "mp3", "ogg", "opus"])
def test_formats(separator, song, tmp_path, way, file_format):
    result = separate(separator, song, tmp_path / "out", file_format=file_format)
    assert result.paths == [tmp_path / "out" / "song" / f"{source}.{file_format}" for source in SOURCES]
    info = soundfile.info(str(result.paths[0]))
    assert (info.samplerate, info.channels, info.frames) == (8000, 2, 4000)


@pytest.mark.parametrize("sample_rate", [8000, 44100, 192000])
@pytest.mark.parametrize("num_samples", [1, 2, 100, 4095])
def test_clips_of_milliseconds(separator, tmp_path, way, num_samples, sample_rate):
    soundfile.write(tmp_path / "clip.wav", noise(num_samples, scale=0.05), sample_rate)
    for path in separate(separator, tmp_path / "clip.wav", tmp_path / "out").paths:
        info = soundfile.info(str(path))
        assert (info.samplerate, info.frames) == (sample_rate, num_samples)


@pytest.mark.parametrize("file_format", ["flac", "mp3", "ogg", "opus"])
def test_one_sample_in_every_format(separator, tmp_path, file_format):
    soundfile.write(tmp_path / "clip.wav", noise(1, scale=0.05), 44100)
    result = separate(separator, tmp_path / "clip.wav", tmp_path / "out", file_format=file_format)
    assert result.num_samples == 1 and len(read_audio(result.paths[0])[0]) >= 1


def test_rescaled_stems_add_up_to_the_rescaled_song(separator, song, tmp_path, way):
    mixture, _ = read_audio(song)
    result = separate(separator, song, tmp_path / "out", subtype="PCM_24", clip="rescale", residual=True)
    stems = [read_audio(path)[0] for path in result.paths]
    assert result.gain == pytest.approx(1 / (4 * np.abs(mixture).max()), rel=1e-6)
    np.testing.assert_allclose(sum(stems), result.gain * mixture, atol=1e-6)
    assert [stem.num_clipped for stem in result.stems] == [0, 0, 0]
    assert max(stem.peak for stem in result.stems) == pytest.approx(1)
    assert sorted(os.listdir(tmp_path / "out")) == ["song"]
    quiet = separate(separator, song, tmp_path / "quiet", clip="rescale", stems=("drums",))
    assert quiet.gain == 1


def test_clamped_and_kept(separator, song, tmp_path, way):
    loudest = 4 * np.abs(read_audio(song)[0]).max()
    for clip, expected in (("clamp", 1.0), ("none", loudest)):
        result = separate(separator, song, tmp_path / clip, subtype="FLOAT", clip=clip)
        assert np.abs(read_audio(result.paths[1])[0]).max() == pytest.approx(expected)
        assert result.stems[1].peak == pytest.approx(loudest)
        assert bool(result.stems[1].num_clipped) == (clip == "clamp")


def test_a_part_of_a_song(separator, song, tmp_path, way):
    mixture, _ = read_audio(song)
    part = {"start_secs": 0.125, "duration_secs": 0.25, "subtype": "FLOAT"}
    result = separate(separator, song, tmp_path / "out", two_stems="drums", **part)
    assert result.num_samples == 2000
    drums, rest = (read_audio(path)[0] for path in result.paths)
    np.testing.assert_allclose(drums, mixture[1000:3000], atol=1e-6)
    np.testing.assert_allclose(rest, 0, atol=1e-6)
    with pytest.raises(ValueError, match="song.wav` has 0.500 s, and nothing from .* start_secs=0.5"):
        separate(separator, song, tmp_path / "out", start_secs=0.5)


def test_names_of_255_bytes_and_of_dots(separator, song, tmp_path):
    for name, folder in (("a" * 243, "a" * 243), ("..", "...wav")):
        (tmp_path / f"{name}.wav").write_bytes(song.read_bytes())
        result = separate(separator, tmp_path / f"{name}.wav", tmp_path / "out" / "deep")
        assert result.paths[0] == tmp_path / "out" / "deep" / folder / "drums.wav"
        assert result.paths[0].is_file()
    assert os.listdir(tmp_path / "out") == ["deep"]
    with pytest.raises(ValueError, match="at most 255 bytes. Received: .*{song}/{stem}"):
        separate(separator, tmp_path / f"{'a' * 243}.wav", tmp_path / "out", name="{song} {song} {stem}")


def test_nothing_is_written_elsewhere(tmp_path):
    outputs = output_stems(SOURCES, StemFilesConfig())
    paths = stem_paths(tmp_path, outputs, StemFilesConfig(), "../../etc/..", "m")
    assert paths["drums"] == tmp_path / "__" / "__" / "etc" / "__" / "drums.wav"
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "song").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="Stems are written below .* which a link leads to"):
        stem_paths(tmp_path / "out", outputs, StemFilesConfig(), "song")
    (tmp_path / "out" / "other").write_bytes(b"")
    for song, name in (("other", "{song}/{stem}"), ("x", "other/{song}/{stem}")):
        with pytest.raises(ValueError, match="so `.*out/other` must be a directory"):
            stem_paths(tmp_path / "out", outputs, StemFilesConfig(name=name), song)


def test_surround_is_mixed_down(separator, tmp_path, way, caplog):
    surround = noise(900, 6, scale=0.05)
    soundfile.write(tmp_path / "film.wav", surround, 8000, subtype="FLOAT")
    result = separate(separator, tmp_path / "film.wav", tmp_path / "out", two_stems="drums", subtype="FLOAT")
    assert result.channels == 2 and "film.wav: its 6 channels are mixed down to stereo" in caplog.text
    drums, rest = (read_audio(path)[0] for path in result.paths)
    np.testing.assert_allclose(drums + rest, downmix_to_stereo(surround), atol=1e-6)


def test_channels_are_checked_by_the_header(separator, tmp_path):
    soundfile.write(tmp_path / "nine.wav", noise(100, 9), 8000)
    with pytest.raises(ValueError, match="nine.wav` cannot be mixed down .*at most 8 channels.*pan=stereo"):
        separate(separator, tmp_path / "nine.wav", tmp_path / "out")
    mono_model = Separator(waveform_identity(channels=1), waveform_settings(channels=1))
    soundfile.write(tmp_path / "three.wav", noise(100, 3), 8000)
    with pytest.raises(ValueError, match="'mp3' holds at most 2 channels. Received: 3 channels"):
        separate(mono_model, tmp_path / "three.wav", tmp_path / "out", file_format="mp3")
    three = dict(mono_model.metadata, channels=3)
    with pytest.raises(ValueError, match="nine.wav` has 9 channels.*1 or 3 channels.*ffmpeg .* -ac 3"):
        song_reader.check_song(tmp_path / "nine.wav", three, StemFilesConfig())
    assert not (tmp_path / "out").exists()


def make_batch(tmp_path, separator, names, **options):
    songs = [Song(tmp_path / name, name.split(".")[0]) for name in names]
    return SongBatch(songs, separator.metadata, tmp_path / "out", StemFilesConfig(), "model", **options)


def test_a_batch_goes_on(separator, song, tmp_path, monkeypatch):
    (tmp_path / "empty.wav").write_bytes(b"")
    bad = noise(100)
    bad[50] = np.nan
    soundfile.write(tmp_path / "nan.wav", bad, 8000, subtype="FLOAT")
    write_audio(tmp_path / "last.wav", noise(100, scale=0.01), 8000)
    events = []

    def load():
        events.append("load")
        return separator

    names = ["song.wav", "gone.wav", "nan.wav", "empty.wav", "last.wav"]
    for outcome in make_batch(tmp_path, separator, names).run(load, show_progress=False):
        events.append((outcome.song.name, outcome.status))
        append_json_line(tmp_path / "log" / "songs.jsonl", outcome, {"path": "m"}, StemFilesConfig())
    assert events == [
        ("gone", "failed"),
        ("empty", "failed"),
        "load",
        ("song", "separated"),
        ("nan", "failed"),
        ("last", "separated"),
    ]
    assert sorted(os.listdir(tmp_path / "out")) == ["last", "song"]
    lines = [json.loads(line) for line in (tmp_path / "log" / "songs.jsonl").read_text().splitlines()]
    assert [line["status"] for line in lines] == [event[1] for event in events if event != "load"]
    assert "No audio file at" in lines[0]["error"] and lines[0]["model"] == {"path": "m"}
    assert lines[2]["seconds"] == 0.5 and lines[2]["clipped_samples"] > 0 and lines[2]["peak"] > 1
    assert lines[2]["stems"]["drums"]["file"] == str(tmp_path / "out" / "song" / "drums.wav")
    assert lines[2]["settings"]["file_format"] == "wav"


def test_songs_that_are_there_are_skipped(separator, song, tmp_path):
    write_audio(tmp_path / "other.wav", noise(100, scale=0.01), 8000)
    separate(separator, song, tmp_path / "out")
    separate(separator, tmp_path / "other.wav", tmp_path / "out")
    (tmp_path / "out" / "other" / "drums.wav").unlink()
    batch = make_batch(tmp_path, separator, ["song.wav", "other.wav"], skip_existing=True)
    statuses = [outcome.status for outcome in batch.run(lambda: separator, show_progress=False)]
    assert statuses == ["skipped", "separated"]
    # Nothing is left: the model is not loaded.
    assert [outcome.status for outcome in batch.run(None, show_progress=False)] == ["skipped"] * 2


def test_songs_that_would_write_one_file(separator, tmp_path):
    with pytest.raises(ValueError, match="a.wav` and .*a.mp3` would both write .*out/a/drums.wav"):
        make_batch(tmp_path, separator, ["a.wav", "a.mp3"])
