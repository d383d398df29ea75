"""Where training excerpts come from: the places of plain samples, or streams of coded records."""

import numpy as np
import tensorflow as tf

from keras_d3.data.audio.excerpts import ExcerptSampler
from keras_d3.data.audio.manifest import AudioManifest
from keras_d3.data.audio.samples import PLAIN_ENCODINGS, SampleReader
from keras_d3.data.audio.starts import ExcerptStarts
from keras_d3.settings import AudioDataConfig


class PlainExcerpts:
    """Excerpts as (track, start), int64 `(2,)`; samples are read when a batch is made, and only those.

    Args:
        manifest, split, config: as of `training_waveforms`.
        features: tuple of str, the features of an excerpt.
    """

    # Whether streams are worth threads of their own: numbers are not.
    in_parallel = False

    def __init__(
        self, manifest: AudioManifest, split: str, config: AudioDataConfig, features: tuple[str, ...]
    ):
        self._config, self._features = config, features
        self._starts = ExcerptStarts(manifest, split, config)
        self._reader = SampleReader(manifest, split)

    def random(self, seed: tf.Tensor, feature: tf.Tensor | None) -> tf.data.Dataset:
        """Returns endless random excerpts for one feature, or for all of them (None)."""
        return self._starts.random(seed)

    def read(self, excerpts: np.ndarray, example: int, feature: int, out: np.ndarray) -> None:
        """Fills an int16 array (time, channels) with a feature of an example.

        Args:
            excerpts: int64 array (batch, streams, 2), streams being features or, for all of them, 1.
            example, feature: int, their numbers.
            out: the array.
        """
        track, start = excerpts[example, min(feature, excerpts.shape[1] - 1)]
        first = int(start) - self._config.context_before
        self._reader.read(self._features[feature], int(track), first, out)


class CodedExcerpts:
    """Excerpts as samples, int16 `(1 or features, time, channels)`: records are decoded one after the other.

    Args:
        manifest, split, config: as of `training_waveforms`.
    """

    in_parallel = True

    def __init__(self, manifest: AudioManifest, split: str, config: AudioDataConfig):
        self._sampler = ExcerptSampler(manifest, split, config)

    def random(self, seed: tf.Tensor, feature: tf.Tensor | None) -> tf.data.Dataset:
        """Returns endless random excerpts of one feature, or of all of them (None)."""
        return self._sampler.random(seed, feature)

    @staticmethod
    def read(excerpts: np.ndarray, example: int, feature: int, out: np.ndarray) -> None:
        """Fills an int16 array (time, channels) with a feature of an example.

        Args:
            excerpts: int16 array (batch, streams, 1 or features, time, channels).
            example, feature: int, their numbers.
            out: the array.
        """
        out[...] = excerpts[example].reshape(-1, *out.shape)[feature]


def excerpts_of(
    manifest: AudioManifest, split: str, config: AudioDataConfig, features: tuple[str, ...]
) -> PlainExcerpts | CodedExcerpts:
    """Returns the source of excerpts that the records' encoding allows."""
    if manifest.encoding in PLAIN_ENCODINGS:
        return PlainExcerpts(manifest, split, config, features)
    return CodedExcerpts(manifest, split, config)
