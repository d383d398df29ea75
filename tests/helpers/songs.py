"""Short made-up stems for the evaluation tests."""

import numpy as np

from keras_d3.audio import write_audio

RATE_HZ = 8000


def make_stems(sources=("vocals", "drums"), num_samples=12000, channels=2, seed=0):
    """Returns {source: float64 (time, channels)}: noise, so that the projections are well conditioned."""
    rng = np.random.default_rng(seed)
    return {name: 0.2 * rng.standard_normal((num_samples, channels)) for name in sources}


def make_estimates(stems, leak=0.2, noise=0.02, seed=1):
    """Returns estimates that hold a weaker target, some of the mixture and some noise."""
    rng = np.random.default_rng(seed)
    mixture = sum(stems.values())
    return {
        name: 0.8 * stem + leak * mixture + noise * rng.standard_normal(stem.shape)
        for name, stem in stems.items()
    }


def write_stems(folder, stems, sample_rate=RATE_HZ):
    for name, audio in stems.items():
        write_audio(folder / f"{name}.wav", audio, sample_rate, subtype="FLOAT")
