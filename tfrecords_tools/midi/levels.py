"""Levels of stems, and their mixture as an exact sum."""

import numpy as np

from tfrecords_tools.synth.signal import SAMPLE_RATE, edges

# Where they sound, relative to each other; each varies by as much as LEVEL_SPREAD_DB from song to song.
LEVELS_DB = {"drums": 0.0, "bass": -1.0, "other": 0.0, "vocals": 0.0}
LEVEL_SPREAD_DB = 2.0
# A stem must have this level as rendered: less is an echo or a few notes, and would be raised to the others'.
MIN_LEVEL_DB = -40.0
PEAK = 0.9
BLOCK_SECS = 0.1
# Blocks that lie farther below the loudest one are pauses.
PAUSE_DB = 30.0
FADE_SECS = 0.005


def level_db(audio: np.ndarray) -> float:
    """Returns the level over all samples and channels in dB below full scale; silence is -200."""
    return float(10 * np.log10(max(np.mean(np.square(audio, dtype="float64")), 1e-20)))


def sounding_level_db(audio: np.ndarray) -> float:
    """Returns the level over the blocks of 0.1 s that are at most 30 dB below the loudest one."""
    size = int(BLOCK_SECS * SAMPLE_RATE)
    padded = np.pad(audio.astype("float64"), ((0, -len(audio) % size), (0, 0)))
    powers = np.mean(padded.reshape(-1, size * audio.shape[1]) ** 2, axis=1)
    sounding = powers[powers >= powers.max() * 10 ** (-PAUSE_DB / 10)]
    return float(10 * np.log10(max(sounding.mean(), 1e-20)))


def mix_stems(
    stems: dict[str, np.ndarray], rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Brings stems to the levels of a song and adds them.

    Every stem gets the level of `LEVELS_DB` where it sounds, plus or minus 2 dB, then all get one gain, so
    that neither a stem nor the mixture exceeds 0.9 of full scale.

    Args:
        stems: dict, `{source: float array (time, 2)}`, none of them silent.
        rng: `numpy.random.Generator`.

    Returns:
        `(stems, mixture)`: int16 arrays of the same shapes; the mixture is the sum of the stems, exactly.
    """
    levelled = {}
    for name, audio in stems.items():
        wanted = LEVELS_DB[name] + rng.uniform(-LEVEL_SPREAD_DB, LEVEL_SPREAD_DB)
        gain = 10 ** ((wanted - sounding_level_db(audio)) / 20)
        fade = edges(len(audio), FADE_SECS, FADE_SECS)[:, np.newaxis]
        levelled[name] = gain * fade * audio.astype("float64")
    loudest = max(np.abs(audio).max() for audio in (sum(levelled.values()), *levelled.values()))
    coded = {
        name: np.rint(32768 * PEAK / loudest * audio).astype("int16") for name, audio in levelled.items()
    }
    return coded, sum(audio.astype("int32") for audio in coded.values()).astype("int16")
