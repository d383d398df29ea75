"""Batches out of 16-bit samples: scaled, augmented, mixed and cropped in NumPy.

A batch of full-size excerpts has a hundred megabytes. All that is done to one example is done before the
next, in the processor's cache; as operations of a graph, each would write another hundred megabytes.
"""

from collections.abc import Callable, Sequence

import numpy as np

from keras_d3.data.audio.manifest import AudioManifest
from keras_d3.data.audio.schema import MIXTURE
from keras_d3.settings import AudioDataConfig

# TensorFlow takes over arrays that begin at a multiple of so many bytes, and copies others.
ALIGNMENT_BYTES = 64
# A sample's largest value and one. Dividing by a power of two is exact, before a gain or after it.
FULL_SCALE = np.float32(32768)


class Mixer:
    """Makes batches of waveforms.

    Args:
        manifest: `AudioManifest`.
        config: `AudioDataConfig`.
        features: tuple of str, what an excerpt is read of: all sources, and a stored mixture before them if
            the config takes it.
    """

    def __init__(self, manifest: AudioManifest, config: AudioDataConfig, features: tuple[str, ...]):
        self._config, self._features = config, features
        self._stored_channels = manifest.channels
        self._mixed = (MIXTURE,) if MIXTURE in features else manifest.sources
        self._rest = tuple(name for name in manifest.sources if name not in config.sources)

    def batch(
        self, read: Callable[[int, int, np.ndarray], object], gains: np.ndarray, swaps: np.ndarray
    ) -> list[np.ndarray]:
        """Returns the mixture, then the targets in the order of the config's sources.

        Args:
            read: function of an example's number, a feature's number and an int16 array `(input_samples,
                records' channels)`, which it fills.
            gains: float32 array (batch, features), negative where a source is inverted.
            swaps: bool array (batch, features), where left and right are swapped.

        Returns:
            List of float32 arrays: `(batch, input_samples, channels)`, then for each source `(batch,
            output_samples, channels)`.
        """
        config = self._config
        num_examples, begin = len(gains), config.context_before
        end = begin + config.output_samples
        mixture = _empty(num_examples, config.input_samples, config.channels)
        targets = {
            name: _empty(num_examples, config.output_samples, config.channels) for name in config.sources
        }
        stored = np.empty((config.input_samples, self._stored_channels), "int16")
        scratch = {name: np.empty(mixture.shape[1:], "float32") for name in self._features}
        factors = gains / FULL_SCALE
        for example in range(num_examples):
            parts = dict(scratch)
            if config.input_samples == config.output_samples:
                # Nothing is cropped: a target is made where it is returned.
                parts |= {name: targets[name][example] for name in targets if name in scratch}
            for number, name in enumerate(self._features):
                read(example, number, stored)
                _scale(stored, factors[example, number], swaps[example, number], parts[name])
            _add_up([parts[name] for name in self._mixed], mixture[example])
            for name, target in targets.items():
                if name not in parts:  # accompaniment
                    _add_up([parts[source][begin:end] for source in self._rest], target[example])
                elif parts[name] is scratch[name]:
                    target[example] = parts[name][begin:end]
        return [mixture, *targets.values()]


def _scale(samples: np.ndarray, factor: np.float32, swap: np.bool_, out: np.ndarray) -> None:
    """Writes int16 samples (time, 1 or 2) into a float32 array (time, 1 or 2), multiplied by a factor.

    Two channels are averaged for one, and one is doubled for two.
    """
    stored, channels = samples.shape[1], out.shape[1]
    if stored == 2 and channels == 1:
        np.add(samples[:, 0], samples[:, 1], out=out[:, 0], dtype="float32")
        factor = factor / np.float32(2)
    elif stored == 2 and swap:
        out[:, 0], out[:, 1] = samples[:, 1], samples[:, 0]
    else:
        out[...] = samples
    np.multiply(out, factor, out=out)


def _add_up(parts: Sequence[np.ndarray], out: np.ndarray) -> None:
    """Writes the sum of arrays, added in the order of `tf.add_n`, with which all batches were mixed once.

    It adds from left to right, and of more than nine first the remainder of eight, then eight by eight.
    """
    first = (len(parts) - 2) % 8 + 2
    _add_in_order(parts[:first], out)
    for begin in range(first, len(parts), 8):
        out += _add_in_order(parts[begin : begin + 8], np.empty_like(out))


def _add_in_order(parts, out):
    if len(parts) == 1:
        out[...] = parts[0]
        return out
    np.add(parts[0], parts[1], out=out)
    for part in parts[2:]:
        out += part
    return out


def _empty(*shape):
    """An uninitialized float32 array that TensorFlow takes over without copying."""
    num_bytes = 4 * int(np.prod(shape))
    memory = np.empty(num_bytes + ALIGNMENT_BYTES, "uint8")
    begin = -memory.ctypes.data % ALIGNMENT_BYTES
    return memory[begin : begin + num_bytes].view("float32").reshape(shape)
