"""Small TFRecords whose samples say where they come from."""

import numpy as np
import pytest

from keras_d3.audio import from_pcm16, write_audio
from keras_d3.data import load_manifest
from tfrecords_tools.audio_writer import RecordsConfig, write_records
from tfrecords_tools.folder import list_folder

SOURCES = ("drums", "bass", "vocals")
LENGTHS = {"train": (2311, 70, 1203, 300, 57), "validation": (777, 130), "test": (610,)}
BLOCK_SAMPLES = 100


def signal(split, number, source):
    """Left: sample position + 1. Right: which track and source (never zero inside a song)."""
    length = LENGTHS[split][number]
    left = np.arange(1, length + 1)
    right = np.full(length, 100 * (number + 1) + SOURCES.index(source))
    return np.stack((left, right), axis=1).astype("int16")


def write_songs(root, channels=2):
    for split, lengths in LENGTHS.items():
        for number in range(len(lengths)):
            for source in SOURCES:
                audio = from_pcm16(signal(split, number, source)[:, :channels])
                write_audio(root / split / f"{split} {number}" / f"{source}.wav", audio, 8000)


def make_records(tmp_path, channels=2, **config):
    write_songs(tmp_path / "songs", channels)
    tracks, sources = list_folder(tmp_path / "songs", SOURCES)
    # One shard takes some ten blocks: long songs have several shards, short ones share one.
    settings = {"block_samples": BLOCK_SAMPLES, "shard_mb": 0.0016 * 10, **config}
    write_records(tmp_path / "records", "ramps", "folder", tracks, sources, RecordsConfig(**settings), 1)
    return load_manifest(tmp_path / "records")


@pytest.fixture(scope="session")
def manifest(tmp_path_factory):
    return make_records(tmp_path_factory.mktemp("stereo"))


@pytest.fixture(scope="session")
def mono_manifest(tmp_path_factory):
    return make_records(tmp_path_factory.mktemp("mono"), channels=1)


@pytest.fixture
def own_manifest(tmp_path):
    """Records a test may break."""
    return make_records(tmp_path)
