"""Lengths that are estimates, and several recordings in one file: all of the samples are read."""

import logging

import numpy as np
import pytest
import soundfile

from keras_d3.audio import (
    audio_facts,
    decode_with_ffmpeg,
    flac,
    mpeg,
    ogg,
    open_audio,
    parts,
    read_audio,
)
from keras_d3.audio.layout import read_layout
from keras_d3.audio.mpeg import mpeg_start
from tests.audio.recordings import SAMPLE_RATE, ffmpeg, joined, needs_ffmpeg, song

NUM_SAMPLES = 2 * SAMPLE_RATE
# Encoders pad to frames of 1152 samples and put a decoder's delay in front.
CODEC_SAMPLES = 3 * 1152


@pytest.fixture
def wav(tmp_path):
    return song(tmp_path / "song.wav")


def check_read_whole(path, num_samples, spare):
    audio, sample_rate = read_audio(path)
    facts = audio_facts(path)
    assert sample_rate == facts["sample_rate"] and audio.shape[1] == facts["channels"] == 2
    assert abs(len(audio) - num_samples) <= spare
    assert abs(facts["num_samples"] - len(audio)) <= spare
    if facts["is_exact"]:
        assert facts["num_samples"] == len(audio)
    # The noise after the silence is there too, up to the end.
    assert np.abs(audio[-SAMPLE_RATE // 4 :]).max() > 0.05
    return audio


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("vbr.mp3", ("-q:a", "4", "-write_xing", "0")),
        ("vbr_id3v1.mp3", ("-q:a", "4", "-write_xing", "0", "-write_id3v1", "1", "-metadata", "title=x")),
        ("low_rate.mp3", ("-q:a", "4", "-write_xing", "0", "-ar", "22050")),
        ("constant.mp3", ("-b:a", "128k", "-write_xing", "0")),
        ("xing.mp3", ()),
        ("layer_2.mp2", ()),
        ("raw.aac", ()),
        ("raw.ac3", ()),
        ("stream.ts", ()),
        ("sound.mka", ()),
        ("video.avi", ("-c:a", "pcm_s16le")),
        ("vorbis.ogg", ()),
    ],
)
def test_what_a_file_does_not_promise_is_counted(tmp_path, wav, name, options):
    ffmpeg("-i", wav, *options, tmp_path / name)
    num_samples = NUM_SAMPLES // 2 if "22050" in options else NUM_SAMPLES
    check_read_whole(tmp_path / name, num_samples, CODEC_SAMPLES)


@needs_ffmpeg
def test_mp3_that_begins_loud_and_ends_silent(tmp_path):
    # By the first frames' bit rate it seems half as long as it is.
    song(tmp_path / "a.wav", secs=1, silent_secs=0)
    song(tmp_path / "b.wav", secs=4, silent_secs=4)
    for name, quality in (("a", "0"), ("b", "9")):
        ffmpeg("-i", tmp_path / f"{name}.wav", "-q:a", quality, "-write_xing", "0", tmp_path / f"{name}.mp3")
    path = joined(tmp_path / "j.mp3", tmp_path / "a.mp3", tmp_path / "b.mp3")
    audio, _ = read_audio(path)
    assert abs(len(audio) - 5 * SAMPLE_RATE) <= 2 * CODEC_SAMPLES


@needs_ffmpeg
def test_flac_without_a_length(tmp_path, wav):
    ffmpeg("-i", wav, tmp_path / "known.flac")
    data = bytearray((tmp_path / "known.flac").read_bytes())
    data[21] &= 0xF0  # 36 bits of STREAMINFO
    data[22:26] = bytes(4)
    (tmp_path / "open.flac").write_bytes(data)
    assert audio_facts(tmp_path / "open.flac")["num_samples"] == NUM_SAMPLES
    audio, _ = read_audio(tmp_path / "open.flac")
    np.testing.assert_array_equal(audio, read_audio(wav)[0])
    # Of a recorder that was killed, all whole frames are read.
    (tmp_path / "killed.flac").write_bytes(data[: len(data) * 4 // 5])
    killed, _ = read_audio(tmp_path / "killed.flac")
    assert SAMPLE_RATE < len(killed) < NUM_SAMPLES
    np.testing.assert_array_equal(killed, audio[: len(killed)])


@needs_ffmpeg
@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".opus", ".flac", ".wav"])
def test_joined_files_are_read_to_the_end(tmp_path, wav, suffix, caplog):
    ffmpeg("-i", wav, tmp_path / f"one{suffix}")
    path = joined(tmp_path / f"two{suffix}", tmp_path / f"one{suffix}", tmp_path / f"one{suffix}")
    single, rate = read_audio(tmp_path / f"one{suffix}")
    with caplog.at_level(logging.WARNING):
        audio, _ = read_audio(path)
    assert "holds 2 recordings" in caplog.text
    assert len(audio) == 2 * len(single) == 4 * rate
    assert audio_facts(path)["num_samples"] == len(audio)
    np.testing.assert_array_equal(audio[len(single) :], single)


@needs_ffmpeg
def test_a_header_less_mp3_behind_one_with_a_header(tmp_path, wav):
    ffmpeg("-i", wav, tmp_path / "a.mp3")
    ffmpeg("-i", wav, "-write_xing", "0", "-id3v2_version", "0", tmp_path / "b.mp3")
    path = joined(tmp_path / "two.mp3", tmp_path / "a.mp3", tmp_path / "b.mp3")
    check_read_whole(path, 2 * NUM_SAMPLES, 2 * CODEC_SAMPLES)


@needs_ffmpeg
def test_joined_files_of_two_rates_are_refused(tmp_path, wav):
    ffmpeg("-i", wav, tmp_path / "a.ogg")
    ffmpeg("-i", wav, "-ar", "22050", tmp_path / "b.ogg")
    path = joined(tmp_path / "two.ogg", tmp_path / "a.ogg", tmp_path / "b.ogg")
    with pytest.raises(ValueError, match=r"two\.ogg.*joined from recordings of 44100 Hz.*22050 Hz"):
        read_audio(path)


@needs_ffmpeg
def test_no_decoder_writes_to_standard_error(tmp_path, wav, capfd):
    ffmpeg("-i", wav, tmp_path / "one.mp3")
    read_audio(joined(tmp_path / "two.mp3", tmp_path / "one.mp3", tmp_path / "one.mp3"))
    data = (tmp_path / "one.mp3").read_bytes()
    (tmp_path / "cut.mp3").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"cut\.mp3` is cut short: its header promises \d+ frames"):
        read_audio(tmp_path / "cut.mp3")
    (tmp_path / "page.mp3").write_bytes(b"<html>404 not found</html>" * 9)
    with pytest.raises(ValueError, match="page.mp3` cannot be read as audio"):
        read_audio(tmp_path / "page.mp3")
    ffmpeg("-i", wav, tmp_path / "one.m4a")
    (tmp_path / "one.m4a").rename(tmp_path / "other.mp3")
    read_audio(tmp_path / "other.mp3")
    assert capfd.readouterr().err == ""


@needs_ffmpeg
@pytest.mark.parametrize("suffix", [".caf", ".au", ".w64", ".aiff", ".avi", ".mka", ".mp3", ".flac"])
def test_cut_files_of_every_format_are_refused(tmp_path, wav, suffix):
    ffmpeg("-i", wav, *(("-c:a", "pcm_s16le") if suffix == ".avi" else ()), tmp_path / f"a{suffix}")
    data = (tmp_path / f"a{suffix}").read_bytes()
    (tmp_path / f"cut{suffix}").write_bytes(data[: len(data) * 3 // 5])
    with pytest.raises(ValueError, match=rf"cut\{suffix}` is cut short"):
        read_audio(tmp_path / f"cut{suffix}")


@needs_ffmpeg
def test_a_cut_ogg_is_read_with_a_warning(tmp_path, wav, caplog):
    ffmpeg("-i", wav, tmp_path / "a.ogg")
    data = (tmp_path / "a.ogg").read_bytes()
    (tmp_path / "cut.ogg").write_bytes(data[: len(data) * 4 // 5])
    with caplog.at_level(logging.WARNING):
        audio, _ = read_audio(tmp_path / "cut.ogg")
    assert 0 < len(audio) < NUM_SAMPLES and "may be cut short: its last page" in caplog.text


@needs_ffmpeg
def test_sound_that_starts_after_the_picture(tmp_path, wav):
    picture = ("-f", "lavfi", "-i", "color=s=16x16:d=3")
    ffmpeg(
        *picture, "-itsoffset", "1", "-i", wav, "-map", "0", "-map", "1", "-c:a", "aac", tmp_path / "v.mp4"
    )
    audio, _ = read_audio(tmp_path / "v.mp4")
    # One second until the sound, and one of silence in it.
    loud = np.flatnonzero(np.abs(audio[:, 0]) > 0.05)[0] / SAMPLE_RATE
    assert abs(loud - 2) < 0.03
    assert abs(len(audio) - 3 * SAMPLE_RATE) < CODEC_SAMPLES


@needs_ffmpeg
def test_several_sound_tracks_are_named(tmp_path, wav, caplog):
    ffmpeg("-i", wav, "-i", wav, "-map", "0", "-map", "1", tmp_path / "two.mka")
    with caplog.at_level(logging.WARNING):
        read_audio(tmp_path / "two.mka")
    assert "two.mka` has 2 audio streams; the first is read" in caplog.text


@needs_ffmpeg
@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m4a"])
def test_blocks_are_the_whole(tmp_path, wav, suffix):
    path = tmp_path / f"a{suffix}"
    if path != wav:
        ffmpeg("-i", wav, path)
    audio, _ = read_audio(path)
    reader = open_audio(path)
    blocks = list(reader.blocks(10_000))
    assert {len(block) for block in blocks[:-1]} == {10_000}
    np.testing.assert_array_equal(np.concatenate(blocks), audio)
    np.testing.assert_array_equal(
        np.concatenate(list(reader.blocks(999, 50_001, 60_002))), audio[50_001:60_002]
    )
    with pytest.raises(ValueError, match="`start` must be an integer of at least 0"):
        next(reader.blocks(start=-1))


@needs_ffmpeg
def test_ffmpeg_that_stops_giving_samples_is_killed(tmp_path, wav, monkeypatch):
    from keras_d3.audio import ffmpeg as ffmpeg_module

    reader = open_audio(wav, stream=0)
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(ffmpeg_module, "find_ffmpeg", lambda: (str(program), ""))
    monkeypatch.setattr(ffmpeg_module, "FFMPEG_TIMEOUT_SECS", 0.05)
    with pytest.raises(RuntimeError, match="`ffmpeg` did not finish"):
        next(reader.blocks())


@needs_ffmpeg
def test_a_missing_stream_is_named(wav):
    with pytest.raises(ValueError, match="must have audio stream 3. It has 1 audio streams"):
        decode_with_ffmpeg(wav, 3)


def test_noise_is_not_taken_for_mpeg_audio():
    data = np.random.default_rng(0).bytes(1 << 18)
    assert mpeg_start(data, 0, search=True) is None


@needs_ffmpeg
def test_tags_behind_the_frames_are_no_sound(tmp_path, wav, capfd):
    """With them, the size in Xing's header is not that of the file, of which the decoder complains."""
    ffmpeg("-i", wav, "-id3v2_version", "0", tmp_path / "plain.mp3")
    tag = b"APETAGEX" + bytes([0xD0, 7, 0, 0]) + (60_000).to_bytes(4, "little") + bytes(16 + 60_000)
    (tmp_path / "tagged.mp3").write_bytes((tmp_path / "plain.mp3").read_bytes() + tag)
    audio, _ = read_audio(tmp_path / "tagged.mp3")
    np.testing.assert_array_equal(audio, read_audio(tmp_path / "plain.mp3")[0])
    assert capfd.readouterr().err == ""


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.w64", ()),
        ("a.caf", ()),
        ("a.au", ()),
        ("a.wv", ()),
        ("a.tta", ()),
        ("a.m4a", ("-c:a", "alac")),
        ("a.oga", ("-c:a", "flac")),
        ("adpcm.wav", ("-c:a", "adpcm_ms")),
        ("a.WMA", ("-c:a", "wmav2")),
        ("no_suffix", ("-f", "flac")),
    ],
)
def test_containers(tmp_path, wav, name, options):
    ffmpeg("-i", wav, *options, tmp_path / name)
    lossy = name in ("a.WMA", "adpcm.wav")
    audio = check_read_whole(tmp_path / name, NUM_SAMPLES, 2 * 2048 if lossy else 0)
    if not lossy:
        np.testing.assert_array_equal(audio, read_audio(wav)[0])


@needs_ffmpeg
@pytest.mark.parametrize("place", [0.3, 0.6])
@pytest.mark.parametrize("suffix", ["ogg", "opus"])
def test_damaged_pages_of_ogg_are_refused(tmp_path, wav, suffix, place):
    """Decoders leave them out without a word."""
    ffmpeg("-i", wav, *(("-c:a", "libopus") if suffix == "opus" else ()), tmp_path / f"a.{suffix}")
    data = bytearray((tmp_path / f"a.{suffix}").read_bytes())
    assert len(read_audio(tmp_path / f"a.{suffix}")[0])
    changed = int(len(data) * place)
    data[changed] ^= 1
    (tmp_path / f"b.{suffix}").write_bytes(data)
    with pytest.raises(ValueError, match=f"b.{suffix}` cannot be read as audio: its page at byte .*checksum"):
        read_audio(tmp_path / f"b.{suffix}")
    begin = data.rfind(b"OggS", 0, changed)
    del data[begin : begin + 3]
    (tmp_path / f"b.{suffix}").write_bytes(data)
    with pytest.raises(ValueError, match=f"at byte {begin}, between pages, is something else"):
        read_audio(tmp_path / f"b.{suffix}")


@needs_ffmpeg
def test_what_ffmpeg_says_of_a_damaged_file_is_said(tmp_path, wav, caplog):
    ffmpeg("-i", wav, "-c:a", "flac", tmp_path / "a.mka")
    data = bytearray((tmp_path / "a.mka").read_bytes())
    whole = read_audio(tmp_path / "a.mka")[0]
    assert not caplog.records
    data[len(data) * 3 // 4] ^= 1
    (tmp_path / "b.mka").write_bytes(data)
    with caplog.at_level(logging.WARNING):
        damaged = read_audio(tmp_path / "b.mka")[0]
    assert not np.array_equal(whole, damaged) and "b.mka` may be damaged: ffmpeg says" in caplog.text


@pytest.mark.parametrize("module", [flac, mpeg, ogg], ids=["flac", "mp3", "ogg"])
def test_headers_of_hours_take_no_memory(tmp_path, monkeypatch, request, module):
    """What was looked at of a mapped file is given back; the parts are the same."""
    given_back = []
    release = parts.release

    def count(data, start, stop):
        given_back.append(stop)
        release(data, start, stop)

    name = request.node.callspec.id
    soundfile.write(tmp_path / f"a.{name}", soundfile.read(song(tmp_path / "a.wav"))[0], SAMPLE_RATE)
    path = joined(tmp_path / f"b.{name}", *[tmp_path / f"a.{name}"] * 3)
    expected = read_layout(path)
    monkeypatch.setattr(module, "release", count)
    monkeypatch.setattr(parts, "RELEASED_BYTES", 4096)
    monkeypatch.setattr(flac, "RELEASED_BYTES", 4096)
    assert read_layout(path) == expected and len(expected) == 3
    assert given_back == sorted(given_back) and len(given_back) > 3
