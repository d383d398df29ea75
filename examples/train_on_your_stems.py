"""From a folder of stems to a separator: records, a recipe's config, one epoch, stems.

    python examples/train_on_your_stems.py

The songs are generated here. Put your own into my_songs/train, my_songs/validation and my_songs/test instead:
one folder per song, one file per source (WAV, FLAC, MP3, ...). Then leave out `write_songs`. The same in
commands:

    python -m tfrecords_tools folder --root my_songs --out my_records --sample-rate 22050
    python -m recipes.wave_u_net.train --data my_records --config tiny --sources guitar,rest --run-dir my_run
    keras-d3 export --run-dir my_run --out my_separator
"""

from pathlib import Path

import numpy as np

from keras_d3.audio import write_audio
from keras_d3.separation import separator_from_run
from keras_d3.training import train
from recipes.wave_u_net.config import RECIPE
from tfrecords_tools.audio_writer import RecordsConfig, write_records
from tfrecords_tools.folder import list_folder

SAMPLE_RATE_HZ = 22050
SOURCES = ("guitar", "rest")


def write_songs(root, num_songs, split, secs=6):
    """Writes songs of two sources, plucked tones and filtered noise, to `root/split/<song>/<source>.wav`."""
    rng = np.random.default_rng(len(split))
    time = np.arange(secs * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    for number in range(num_songs):
        tones = np.sin(2 * np.pi * 110 * 2 ** (rng.integers(0, 24) / 12) * time) * np.exp(-4 * (time % 0.5))
        noise = np.convolve(rng.normal(size=len(time)), np.ones(8) / 8, mode="same")
        for source, signal in zip(SOURCES, (tones, noise), strict=True):
            path = Path(root) / split / f"{split} song {number}" / f"{source}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_audio(path, np.repeat(0.2 * signal[:, None], 2, axis=1).astype("float32"), SAMPLE_RATE_HZ)


def main():
    """Goes from stems to stems."""
    for split, num_songs in (("train", 3), ("validation", 1), ("test", 1)):
        write_songs("my_songs", num_songs, split)

    tracks, sources = list_folder("my_songs")
    write_records("my_records", "my songs", "folder", tracks, sources, RecordsConfig(), num_workers=1)

    # Every key of the config: python -m recipes.wave_u_net.train --config tiny --show
    config = RECIPE.config(
        "tiny",
        overrides=[
            'training.stages=[{"learning_rate": 2e-3, "batch_size": 4, "epochs": 1}]',
            "training.steps_per_epoch=10",
        ],
        sources=SOURCES,
    )
    state = train(config, "my_records", "my_run", verbose=2)
    print(f"Trained: {state.finished}")

    separator = separator_from_run("my_run")
    separator.export("my_separator", overwrite=True)
    song = np.random.default_rng(0).uniform(-0.1, 0.1, (5 * SAMPLE_RATE_HZ, 2)).astype("float32")
    for name, stem in separator.separate(song, SAMPLE_RATE_HZ).items():
        print(f"{name}: {stem.shape}")


if __name__ == "__main__":
    main()
