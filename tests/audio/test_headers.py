"""Headers that are wrong: of recorders that crashed or ran over, of files in other RIFF forms."""

import logging
import os
import struct

import numpy as np
import pytest
import soundfile

from keras_d3.audio import audio_facts, downmix_to_stereo, open_audio, read_audio, write_audio
from tests.audio.recordings import SAMPLE_RATE, ffmpeg, needs_ffmpeg, song


@pytest.fixture
def wav(tmp_path):
    return song(tmp_path / "song.wav", secs=1)


def with_sizes(path, data_bytes, riff_bytes=None, more=b""):
    """Writes other lengths into a WAV file's header, and bytes behind its samples."""
    data = bytearray(path.read_bytes())
    place = data.index(b"data") + 4
    data[place : place + 4] = struct.pack("<I", data_bytes)
    if riff_bytes is not None:
        data[4:8] = struct.pack("<I", riff_bytes)
    out = path.with_name("changed.wav")
    out.write_bytes(bytes(data) + more)
    return out


@pytest.mark.parametrize(
    ("data_bytes", "riff_bytes"),
    [
        (0, 0),
        (0, None),
        (0, 36),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x7FFFF000, None),
        (0x80000000, 0),
        (40_000, 40_036),
    ],
)
def test_recorders_that_could_not_write_the_length(wav, data_bytes, riff_bytes):
    path = with_sizes(wav, data_bytes, riff_bytes)
    audio, _ = read_audio(path)
    np.testing.assert_array_equal(audio, read_audio(wav)[0])
    assert audio_facts(path)["num_samples"] == len(audio)


@pytest.mark.parametrize("too_many", [2, 44, 9000])
def test_headers_that_promise_a_little_more(wav, too_many, caplog):
    path = with_sizes(wav, 4 * SAMPLE_RATE + too_many)
    with caplog.at_level(logging.WARNING):
        audio, _ = read_audio(path)
    assert len(audio) == SAMPLE_RATE and "these are read" in caplog.text


def test_headers_that_promise_far_more(wav):
    with pytest.raises(ValueError, match=r"changed\.wav` is cut short: its header promises 200000 bytes"):
        read_audio(with_sizes(wav, 200_000))


def test_an_empty_recording_with_tags_stays_empty(tmp_path):
    write_audio(tmp_path / "zero.wav", np.zeros((0, 2)), 8000)
    tags = b"LIST" + struct.pack("<I", 4) + b"INFO"
    with pytest.raises(ValueError, match="has no samples"):
        read_audio(with_sizes(tmp_path / "zero.wav", 0, more=tags))


@pytest.mark.parametrize(
    "more", [b"LIST" + struct.pack("<I", 40_000) + bytes([200]) * 40_000, b"TAG\xe9" * 10_000, bytes(40_000)]
)
def test_what_follows_the_samples_is_no_sound(wav, more):
    assert len(read_audio(with_sizes(wav, 4 * SAMPLE_RATE, more=more))[0]) == SAMPLE_RATE


def test_more_than_32_bits_of_samples(tmp_path, wav):
    # A header that ran over: 5 GiB of samples, of which the 32 bits keep 1 GiB. The file is sparse.
    path = with_sizes(wav, (5 << 30) % (1 << 32))
    begin = path.read_bytes().index(b"data") + 8
    with open(path, "r+b") as file:
        file.truncate(begin + (5 << 30))
    assert abs(audio_facts(path)["num_samples"] - (5 << 30) // 4) <= 1


def test_rf64(tmp_path):
    audio = np.random.default_rng(0).integers(-9000, 9000, (SAMPLE_RATE, 2)).astype("int16")
    soundfile.write(tmp_path / "a.wav", audio, SAMPLE_RATE, format="RF64")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    place = data.index(b"ds64") + 8
    for name, sizes in (("zero", bytes(24)), ("ones", b"\xff" * 24)):
        data[place : place + 24] = sizes
        (tmp_path / f"{name}.wav").write_bytes(data)
        found, _ = read_audio(tmp_path / f"{name}.wav")
        np.testing.assert_array_equal(found * 32768, audio)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:90_000])
    with pytest.raises(ValueError, match=r"cut\.wav` is cut short"):
        read_audio(tmp_path / "cut.wav")


def test_aiff_of_a_crashed_recorder(tmp_path):
    audio = np.random.default_rng(0).integers(-9000, 9000, (SAMPLE_RATE, 2)).astype("int16")
    soundfile.write(tmp_path / "a.aiff", audio, SAMPLE_RATE)
    data = bytearray((tmp_path / "a.aiff").read_bytes())
    for name, length in ((b"SSND", 4), (b"COMM", 6)):
        place = data.index(name) + length + (4 if name == b"COMM" else 0)
        data[place : place + 4] = bytes(4)
    (tmp_path / "a.aiff").write_bytes(data)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.aiff")[0] * 32768, audio)


def test_riff_that_is_no_sound(tmp_path):
    (tmp_path / "picture.wav").write_bytes(b"RIFF" + struct.pack("<I", 1000) + b"WEBPVP8 " + bytes(1000))
    # Without ffmpeg, the error says to install it.
    with pytest.raises((ValueError, RuntimeError), match=r"picture\.wav` cannot be read as audio|are needed"):
        read_audio(tmp_path / "picture.wav")


def test_tags_in_front(tmp_path, wav):
    tag = b"ID3\x03\x00\x00\x00\x00\x01\x00" + bytes(128)
    (tmp_path / "tagged.wav").write_bytes(tag + wav.read_bytes())
    np.testing.assert_array_equal(read_audio(tmp_path / "tagged.wav")[0], read_audio(wav)[0])


@pytest.mark.parametrize(
    "subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "IMA_ADPCM"]
)
def test_codings_of_wav(tmp_path, subtype):
    audio = 0.2 * np.sin(np.arange(6000) / 9)[:, np.newaxis]
    soundfile.write(tmp_path / "a.wav", audio, 44_056, subtype=subtype)
    found, rate = read_audio(tmp_path / "a.wav")
    assert rate == 44_056 and found.dtype == np.float32
    np.testing.assert_allclose(found[:6000], audio, atol=0.1)


def test_float_beyond_one_and_the_place_of_nan(tmp_path):
    audio = np.full((5000, 2), 1.5, "float32")
    soundfile.write(tmp_path / "loud.wav", audio, 8000, subtype="FLOAT")
    np.testing.assert_array_equal(read_audio(tmp_path / "loud.wav")[0], audio)
    audio[3000, 1] = np.inf
    soundfile.write(tmp_path / "inf.wav", audio, 8000, subtype="FLOAT")
    with pytest.raises(ValueError, match=r"the first at sample 3000 \(0.375 s\), channel 2"):
        read_audio(tmp_path / "inf.wav")


@pytest.mark.parametrize(
    "name", [b"caf\xe9.wav", b"-x [1].wav", b"a\nb.wav", b"%d.wav", b"a" * 251 + b".wav"]
)
def test_names_of_any_bytes(tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    samples = np.arange(-50, 50, dtype="int16")[:, np.newaxis]
    write_audio(path, samples / np.float32(32768), 8000)
    np.testing.assert_array_equal(read_audio(path)[0] * 32768, samples)
    assert audio_facts(path)["num_samples"] == 100
    assert [os.fsencode(child.name) for child in tmp_path.iterdir()] == [name]


def test_directories_are_refused(tmp_path):
    with pytest.raises(ValueError, match="is a directory, no audio file"):
        read_audio(tmp_path)


@needs_ffmpeg
@pytest.mark.parametrize(("channels", "layout"), [(5, "5.0"), (6, "5.1"), (8, "7.1")])
def test_downmix_equals_ffmpeg(tmp_path, channels, layout):
    audio = 0.1 * np.random.default_rng(0).standard_normal((2000, channels)).astype("float32")
    soundfile.write(tmp_path / "a.wav", audio, 8000)
    ffmpeg("-channel_layout", layout, "-i", tmp_path / "a.wav", "-ac", "2", tmp_path / "b.wav")
    np.testing.assert_allclose(downmix_to_stereo(audio), read_audio(tmp_path / "b.wav")[0], atol=2e-4)


@needs_ffmpeg
def test_surround_of_vorbis_is_in_the_order_of_wav(tmp_path):
    audio = np.zeros((8000, 6), "float32")
    audio[:, 2] = 0.3 * np.sin(np.arange(8000) / 9)  # the center
    soundfile.write(tmp_path / "a.wav", audio, 8000)
    ffmpeg("-channel_layout", "5.1", "-i", tmp_path / "a.wav", tmp_path / "a.ogg")
    assert np.argmax(np.std(read_audio(tmp_path / "a.ogg")[0], axis=0)) == 2


def test_downmix_refuses():
    audio = np.ones((3, 2), "float32")
    assert downmix_to_stereo(audio) is audio
    with pytest.raises(ValueError, match="`audio` must have at most 8 channels. Received: 9 channels"):
        downmix_to_stereo(np.zeros((3, 9)))
    with pytest.raises(ValueError, match=r"`audio` must have shape \(time, channels\)"):
        downmix_to_stereo(np.zeros(3))


@pytest.mark.parametrize(
    ("sample_rate", "channels"), [(7_000_000, 2), (2_000_000_000, 1), (44100, 170), (44100, 1024)]
)
def test_rates_and_channels_that_no_recording_has(tmp_path, sample_rate, channels):
    path = tmp_path / "damaged.wav"
    soundfile.write(path, np.zeros((64, 2), "int16"), 44100)
    header = bytearray(path.read_bytes())
    header[22:28] = struct.pack("<HI", channels, sample_rate)
    header[32:34] = struct.pack("<H", 2 * channels)
    path.write_bytes(bytes(header))
    with pytest.raises(ValueError, match=f"its header says {sample_rate} Hz and {channels} channels"):
        open_audio(path)
