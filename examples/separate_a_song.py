"""A song through a separator: made from a small network, exported, loaded and scored.

    python examples/separate_a_song.py

The network is not trained, so its stems are no better than noise. With weights of your own or of the authors,
everything from `keras_d3.load_separator` on stays the same.
"""

import numpy as np

import keras_d3
from keras_d3 import models
from keras_d3.evaluation import sdr
from keras_d3.separation import Separator
from keras_d3.settings import WaveformSeparatorConfig

SAMPLE_RATE_HZ = 44100


def make_song(secs=4):
    """Returns the stereo sources of a generated song, {name: (time, 2)}."""
    time = np.arange(secs * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    rng = np.random.default_rng(0)
    sources = {
        "bass": np.sin(2 * np.pi * 55 * time),
        "drums": rng.normal(size=len(time)) * np.exp(-30 * (time % 0.5)),
        "other": np.sin(2 * np.pi * 330 * time) + np.sin(2 * np.pi * 440 * time),
        "vocals": np.sin(2 * np.pi * 220 * time + 3 * np.sin(2 * np.pi * 5 * time)),
    }
    pan = {"bass": 0.5, "drums": 0.4, "other": 0.7, "vocals": 0.5}
    return {
        name: (0.2 * signal[:, None] * (pan[name], 1 - pan[name])).astype("float32")
        for name, signal in sources.items()
    }


def main():
    """Exports a separator, loads it, and separates a song."""
    # A small sibling of Wave-U-Net M6: waveform in, four waveforms out, at 22,050 Hz.
    network = models.WaveUNet.from_preset("wave_u_net_m6", tiny=True)
    sources = tuple(make_song(secs=1))
    Separator(network, WaveformSeparatorConfig(22050, 2, sources)).export("my_separator", overwrite=True)

    separator = keras_d3.load_separator("my_separator")
    song = make_song()
    stems = separator.separate(sum(song.values()), SAMPLE_RATE_HZ)
    for name, stem in stems.items():
        print(f"{name}: {stem.shape[0]} samples, {stem.shape[1]} channels")
    references = {name: song[name] for name in stems}
    for name, values in sdr(references, stems, SAMPLE_RATE_HZ).items():
        print(f"SDR of {name}: {np.nanmedian(values):.1f} dB")


if __name__ == "__main__":
    main()
