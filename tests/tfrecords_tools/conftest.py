"""Tiny folders of songs."""

import numpy as np
import pytest

from keras_d3.audio import write_audio
from tests.helpers.small_scenes import make_street_records, make_street_root
from tfrecords_tools.scenes import make_scenes


def noise(seed, num_samples, channels=2):
    return np.random.default_rng(seed).uniform(-0.2, 0.2, (num_samples, channels)).astype("float32")


def make_song(folder, sources=("drums", "vocals"), num_samples=900, channels=2, rate=8000, suffix=".wav"):
    for number, source in enumerate(sources):
        write_audio(
            folder / f"{source}{suffix}", noise(number + len(folder.name), num_samples, channels), rate
        )
    return folder


@pytest.fixture
def songs(tmp_path):
    """Three training songs and a test song, no validation."""
    root = tmp_path / "songs"
    for number in range(3):
        make_song(root / "train" / f"A{number} - T{number}", num_samples=900 + 100 * number)
    make_song(root / "test" / "B - T")
    return root


@pytest.fixture
def musdb_wav(tmp_path):
    """MUSDB18-HQ's layout, with an official validation song."""
    root = tmp_path / "musdb18hq"
    sources = ("mixture", "drums", "bass", "other", "vocals")
    for name in ("train/ANiMAL - Rockshow", "train/Z - Y", "train/Ä - Ö", "test/T - S"):
        make_song(root / name, sources, rate=44100)
    return root


@pytest.fixture(scope="session")
def street_root(tmp_path_factory):
    return make_street_root(tmp_path_factory.mktemp("street"))


@pytest.fixture(scope="session")
def street_records(tmp_path_factory):
    return make_street_records(tmp_path_factory.mktemp("street"))


@pytest.fixture(scope="session")
def object_root(tmp_path_factory):
    """VOC's layout: VOCdevkit and benchmark_RELEASE."""
    folder = tmp_path_factory.mktemp("objects")
    make_scenes(folder, "voc", num_train=20, num_val=4, height=48, width=96)
    return folder
