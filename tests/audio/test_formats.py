import time

import numpy as np
import pytest
import soundfile

from keras_d3.audio import AUDIO_FORMATS, AudioFormat, AudioWriter, read_audio, write_audio
from tests.helpers.tiny_networks import noise


def write(path, audio, audio_format, rate=44100, **options):
    with AudioWriter(path, audio_format, rate, audio.shape[1], **options) as writer:
        for start in range(0, len(audio), 7001):
            writer.write(audio[start : start + 7001])
    return writer


@pytest.mark.parametrize(
    "name, subtype, container, tolerance",
    [
        ("wav", "PCM_16", "WAV", 1 / 32768),
        ("wav", "PCM_24", "WAV", 1 / 2**23),
        ("wav", "FLOAT", "WAV", 0),
        ("flac", "PCM_16", "FLAC", 1 / 32768),
        ("flac", "PCM_24", "FLAC", 1 / 2**23),
    ],
)
def test_exact_formats(tmp_path, name, subtype, container, tolerance):
    song = noise(20000, scale=0.1)
    audio_format = AudioFormat(name, subtype)
    path = tmp_path / f"song{audio_format.suffix}"
    writer = write(path, song, audio_format, num_samples=len(song))
    info = soundfile.info(str(path))
    assert (info.format, info.subtype, info.samplerate) == (container, subtype, 44100)
    np.testing.assert_allclose(read_audio(path)[0], song, atol=tolerance, rtol=0)
    assert writer.num_samples == 20000 and writer.num_clipped == 0
    assert writer.peak == np.abs(song).max()


@pytest.mark.parametrize("name", ["mp3", "ogg", "opus"])
@pytest.mark.parametrize("rate", [44100, 48000])
def test_lossy_formats(tmp_path, name, rate):
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype("float32")
    audio_format = AudioFormat(name, bitrate_kbps=128)
    path = tmp_path / f"tone{audio_format.suffix}"
    write(path, np.stack([tone, -tone], axis=1), audio_format, rate)
    audio, file_rate = read_audio(path)
    # Opus has no 44.1 kHz.
    assert file_rate == (48000 if name == "opus" else rate) == audio_format.rate_hz(rate)
    assert len(audio) == file_rate
    expected = 0.3 * np.sin(2 * np.pi * 440 * np.arange(file_rate) / file_rate)
    middle = slice(2000, -2000)
    assert np.corrcoef(audio[middle, 0], expected[middle])[0, 1] > 0.999
    assert np.corrcoef(audio[middle, 1], expected[middle])[0, 1] < -0.999


@pytest.mark.parametrize("name, rate", [("mp3", 44100), ("mp3", 22050), ("opus", 48000)])
@pytest.mark.parametrize("kbps", [64, 128])
def test_bitrates_are_those_of_the_files(tmp_path, name, rate, kbps):
    path = tmp_path / f"song.{name}"
    write(path, noise(4 * rate, scale=0.1), AudioFormat(name, bitrate_kbps=kbps), rate)
    assert path.stat().st_size * 8 / 4000 == pytest.approx(kbps, rel=0.1)


def test_a_higher_nominal_bitrate_of_vorbis_is_a_larger_file(tmp_path):
    sizes = []
    for kbps in (64, 160, 500):
        write(tmp_path / "song.ogg", noise(44100, scale=0.1), AudioFormat("ogg", bitrate_kbps=kbps))
        sizes.append((tmp_path / "song.ogg").stat().st_size)
    assert sizes[0] < 0.6 * sizes[1] and sizes[1] < 0.6 * sizes[2]


@pytest.mark.parametrize("audio_format", [AudioFormat("wav", "PCM_24"), AudioFormat("flac")])
def test_what_does_not_fit_is_limited_and_counted(tmp_path, audio_format):
    song = np.array([[0.5, 1.5], [-2.0, 0.25], [1.0, -1.0]], "float32")
    writer = write(tmp_path / "song", song, audio_format)
    assert writer.num_clipped == 2 and writer.peak == 2
    audio = soundfile.read(tmp_path / "song")[0]
    np.testing.assert_allclose(audio, np.clip(song, -1, 1), atol=1e-4)


def test_floats_are_limited_only_when_asked(tmp_path):
    song = np.array([[0.5], [1.5]], "float32")
    for limit, largest in ((False, 1.5), (True, 1.0)):
        writer = write(tmp_path / "song.wav", song, AudioFormat("wav", "FLOAT"), limit=limit)
        assert writer.num_clipped == int(limit) and read_audio(tmp_path / "song.wav")[0].max() == largest


def write_whole(path, audio):
    write_audio(path, audio, 44100, subtype="FLOAT")


def write_in_blocks(path, audio):
    write(path, audio, AudioFormat("wav", "FLOAT"), num_samples=len(audio))


@pytest.mark.parametrize("write_file", [write_whole, write_in_blocks])
def test_the_same_samples_are_the_same_bytes_at_any_time(tmp_path, write_file):
    path, audio = tmp_path / "a.wav", noise(1000)
    write_file(path, audio)
    content = path.read_bytes()
    assert b"PEAK" in content
    time.sleep(1.1)  # that chunk tells the time in seconds
    write_file(path, audio)
    assert path.read_bytes() == content
    np.testing.assert_array_equal(read_audio(path)[0], audio)


def test_long_files_get_the_64_bit_header(tmp_path):
    for num_samples, expected in ((None, "RF64"), (2**30, "RF64"), (10, "WAV")):
        write(tmp_path / "song", noise(10), AudioFormat(), num_samples=num_samples)
        assert soundfile.info(str(tmp_path / "song")).format == expected


def test_names_that_are_no_text(tmp_path):
    path = tmp_path / b"caf\xe9.wav".decode("utf-8", "surrogateescape")
    write(path, noise(10), AudioFormat())
    assert path.is_file()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"name": "aac"}, "`file_format` must be one of 'wav', 'flac', 'mp3', 'ogg', 'opus'"),
        ({"name": "flac", "subtype": "FLOAT"}, "`subtype` must be one of 'PCM_16', 'PCM_24'. Received"),
        ({"name": "mp3", "subtype": "PCM_16"}, "`subtype` is a setting of wav and flac. .*give a bitrate"),
        ({"name": "wav", "bitrate_kbps": 128}, "`bitrate_kbps` is a setting of mp3, ogg and opus"),
        ({"name": "mp3", "bitrate_kbps": 1000}, "`bitrate_kbps` of mp3 must be from 8 to 320. Received"),
    ],
)
def test_formats_that_do_not_exist(arguments, message):
    with pytest.raises(ValueError, match=message):
        AudioFormat(**arguments)


@pytest.mark.parametrize("name", AUDIO_FORMATS)
def test_full_disks(tmp_path, name):
    """A limit of the size of files stands for the disk."""
    resource = pytest.importorskip("resource")
    song, before = noise(4 * 48000, scale=0.1), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(OSError, match=f"song.{name}` cannot be written: .*free space of the disk"):
            write(tmp_path / f"song.{name}", song, AudioFormat(name), 48000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match="'mp3' holds at most 2 channels. Received: 6 channels. Write wav"):
        AudioWriter(tmp_path / "song.mp3", AudioFormat("mp3"), 44100, 6)
    with pytest.raises(OSError, match="missing/song.wav` cannot be written: .*free space of the disk"):
        AudioWriter(tmp_path / "missing" / "song.wav", AudioFormat(), 44100, 2)
    with AudioWriter(tmp_path / "song.wav", AudioFormat(), 44100, 1) as writer:
        with pytest.raises(ValueError, match="must be finite. Received: NaN or infinite .* `song.wav`"):
            writer.write(np.array([[np.nan]], "float32"))
