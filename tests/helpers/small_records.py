"""Records of a few seconds of music-like noise, for tests that need real TFRecords."""

import numpy as np
import soundfile

from tfrecords_tools.audio_writer import RecordsConfig, write_records
from tfrecords_tools.folder import list_folder

SAMPLE_RATE_HZ = 8000
SOURCES = ("bass", "drums", "other", "vocals")


def write_songs(root, num_songs, secs=1.5, sources=SOURCES, sample_rate_hz=SAMPLE_RATE_HZ, split=None):
    """Writes `num_songs` songs of one WAV per source: tones an octave apart, and bursts for drums."""
    rng = np.random.default_rng(len(split or ""))
    time = np.arange(int(secs * sample_rate_hz)) / sample_rate_hz
    for number in range(num_songs):
        folder = root / (split or "") / f"{split or 'any'} song {number}"
        folder.mkdir(parents=True)
        for place, source in enumerate(sources):
            if source == "drums":
                signal = rng.normal(size=len(time)) * (np.sin(2 * np.pi * 4 * time) > 0.7)
            else:
                signal = np.sin(2 * np.pi * (90 * 2**place + 7 * number) * time)
            stereo = 0.15 * signal[:, None] * rng.uniform(0.5, 1.0, (1, 2))
            soundfile.write(folder / f"{source}.wav", stereo, sample_rate_hz)


def make_records(folder, num_validation=1, **config):
    """Writes songs and their records below `folder`; returns the directory of the records."""
    write_songs(folder / "audio", 3, split="train")
    if num_validation:
        write_songs(folder / "audio", num_validation, split="validation")
    write_songs(folder / "audio", 2, split="test")
    tracks, sources = list_folder(folder / "audio")
    write_records(
        folder / "records",
        "small",
        "folder",
        tracks,
        sources,
        RecordsConfig(block_samples=2048, **config),
        num_workers=1,
    )
    return folder / "records"
