import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from keras_d3.data import input_statistics, load_manifest, read_track
from keras_d3.data.audio import statistics as module
from keras_d3.data.audio.statistics import RunningMoments
from keras_d3.settings import AudioDataConfig
from tests.data.conftest import SOURCES, make_records


def config(channels=2, **changes):
    return AudioDataConfig(
        **{
            "sample_rate_hz": 8000,
            "channels": channels,
            "sources": SOURCES,
            "input_samples": 50,
            "output_samples": 50,
            **changes,
        }
    )


def reference(manifest, frame_length, frame_step, channels, split="train"):
    """All frames of all tracks at once, in float64."""
    magnitudes = []
    time = np.arange(frame_length)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * time / frame_length)
    for track in manifest.tracks(split):
        mixture = read_track(manifest, split, track.name)[0]["mixture"].astype("float64")
        if channels == 1:
            mixture = mixture.mean(axis=1, keepdims=True)
        padded = np.pad(mixture, ((frame_length // 2,) * 2, (0, 0)), mode="reflect")
        for start in range(0, len(mixture) + 1, frame_step):
            frame = padded[start : start + frame_length] * window[:, None]
            magnitudes.append(np.abs(np.fft.rfft(frame, axis=0)).mean(axis=1))
    return np.mean(magnitudes, axis=0), np.std(magnitudes, axis=0)


def saved_files(manifest):
    return sorted(Path(manifest.directory, "input_statistics").iterdir())


@pytest.fixture
def computations(monkeypatch):
    """Counts how often the records are read."""
    calls = []
    mixtures = module._mixtures
    monkeypatch.setattr(module, "_mixtures", lambda *args: calls.append(args) or mixtures(*args))
    return calls


@pytest.mark.parametrize("frame_length, frame_step", [(64, 16), (256, 128), (16, 4)])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_numbers_are_those_of_all_frames_at_once(manifest, frame_length, frame_step, channels):
    """Tracks of many blocks, of one frame, and shorter than a frame; no seams where blocks meet."""
    got = input_statistics(manifest, config(channels), frame_length, frame_step, show_progress=False)
    for ours, theirs in zip(got, reference(manifest, frame_length, frame_step, channels), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-13)


def test_small_blocks_of_frames_change_nothing(own_manifest, monkeypatch):
    monkeypatch.setattr(module, "FRAMES_PER_BLOCK", 3)
    got = input_statistics(own_manifest, config(), 64, 16, show_progress=False)
    for ours, theirs in zip(got, reference(own_manifest, 64, 16, 2), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-13)


def test_another_split(manifest):
    mean, _ = input_statistics(manifest, config(), 64, 16, split="validation", show_progress=False)
    np.testing.assert_allclose(mean, reference(manifest, 64, 16, 2, "validation")[0], rtol=1e-11)


def test_mono_records_serve_a_stereo_network(mono_manifest):
    stereo = input_statistics(mono_manifest, config(2), 64, 16, show_progress=False)
    mono = input_statistics(mono_manifest, config(1), 64, 16, show_progress=False)
    np.testing.assert_array_equal(stereo, mono)
    np.testing.assert_allclose(stereo, reference(mono_manifest, 64, 16, 1), rtol=1e-11)


def test_the_magnitudes_are_those_of_training(manifest):
    """The layer that training and the separator use, on a whole track."""
    from keras_d3.layers import STFT

    samples = next(module._mixtures(manifest, "train"))
    blocks = module._Magnitudes(64, 16, 2)(samples)
    real, imag = STFT(64, 16)((samples / 32768.0)[None].astype("float32"))
    expected = np.hypot(real, imag)[0].mean(axis=-1)
    np.testing.assert_allclose(np.concatenate(list(blocks)), expected, atol=1e-6)


def test_flac_records(tmp_path):
    manifest = make_records(tmp_path, encoding="flac")
    got = input_statistics(manifest, config(), 64, 16, show_progress=False)
    np.testing.assert_allclose(got, reference(manifest, 64, 16, 2), rtol=1e-11)


def test_the_result_is_kept_beside_the_manifest(own_manifest, computations):
    first = input_statistics(own_manifest, config(), 64, 16, show_progress=False)
    again = input_statistics(own_manifest, config(seed=5), 64, 16, show_progress=False)
    assert len(computations) == 1
    np.testing.assert_array_equal(first, again)
    (path,) = saved_files(own_manifest)
    assert path.name.startswith("train_64_16_2ch_")
    values = json.loads(path.read_text())
    assert values["settings"]["frame_length"] == 64
    assert values["num_frames"] == sum(1 + t.num_samples // 16 for t in own_manifest.tracks("train"))


def test_whatever_changes_the_numbers_changes_the_file(own_manifest, computations):
    for length, step, channels, split in (
        (64, 16, 2, "train"),
        (128, 16, 2, "train"),
        (64, 32, 2, "train"),
        (64, 16, 1, "train"),
        (64, 16, 2, "validation"),
    ):
        input_statistics(own_manifest, config(channels), length, step, split, show_progress=False)
    shards = [dataclasses.replace(shard, sha256="0" * 64) for shard in own_manifest.shards]
    others = dataclasses.replace(own_manifest, shards=tuple(shards))
    input_statistics(others, config(), 64, 16, show_progress=False)
    assert len(computations) == len(saved_files(own_manifest)) == 6


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"settings": {}}'])
def test_a_broken_file_is_made_again(own_manifest, computations, content):
    first = input_statistics(own_manifest, config(), 64, 16, show_progress=False)
    (path,) = saved_files(own_manifest)
    path.write_text(content)
    np.testing.assert_array_equal(
        input_statistics(own_manifest, config(), 64, 16, show_progress=False), first
    )
    assert len(computations) == 2 and json.loads(path.read_text())["mean"] == first[0].tolist()


def test_records_that_may_only_be_read(own_manifest, monkeypatch):
    def refuse(path, values):
        raise OSError("Read-only file system")

    monkeypatch.setattr(module, "write_json", refuse)
    with pytest.warns(UserWarning, match="could not be kept at .*Read-only file system"):
        got = input_statistics(own_manifest, config(), 64, 16, show_progress=False)
    np.testing.assert_allclose(got, reference(own_manifest, 64, 16, 2), rtol=1e-11)


def test_an_interrupted_computation_leaves_nothing(own_manifest, monkeypatch):
    mixtures = module._mixtures

    def interrupted(*args):
        yield next(mixtures(*args))
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_mixtures", interrupted)
    with pytest.raises(KeyboardInterrupt):
        input_statistics(own_manifest, config(), 64, 16, show_progress=False)
    assert not Path(own_manifest.directory, "input_statistics").exists()


def test_the_folder_does_not_disturb_the_records(own_manifest):
    input_statistics(own_manifest, config(), 64, 16, show_progress=False)
    assert load_manifest(own_manifest.directory) == own_manifest


def test_a_broken_shard_is_named(own_manifest):
    shard = next(shard for shard in own_manifest.shards if shard.split == "train")
    path = Path(own_manifest.path_of(shard))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ValueError, match=shard.file):
        input_statistics(own_manifest, config(), 64, 16, show_progress=False)


def test_records_of_another_rate_and_unfit_lengths_are_refused(manifest):
    with pytest.raises(ValueError, match="`sample_rate_hz` must be that of the records, 8000 Hz"):
        input_statistics(manifest, config(sample_rate_hz=44100), 64, 16)
    with pytest.raises(ValueError, match="`frame_step` must divide `frame_length`"):
        input_statistics(manifest, config(), 64, 24)


def test_merging_does_not_cancel():
    """A mean of 1e8 and a deviation of 1: the textbook formula would give nothing but rounding errors."""
    rows = 1e8 + np.random.default_rng(0).standard_normal((1000, 3))
    moments = RunningMoments()
    for begin, end in ((0, 1), (1, 7), (7, 500), (500, 1000)):
        moments.update(rows[begin:end])
    assert moments.count == 1000
    np.testing.assert_allclose(moments.mean, rows.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(moments.std, rows.std(axis=0), rtol=1e-7)
