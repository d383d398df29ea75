"""Conversion of sample rates block by block."""

from typing import Any

import numpy as np

from keras_d3.utils import optional_package


class StreamResampler:
    """Converts the sample rate of audio that comes in blocks; together they give what `resample` gives.

    Args:
        from_hz, to_hz: int, sample rates in Hz.
        channels: int.

    Example:

    >>> resampler = StreamResampler(44100, 22050, 2)
    >>> parts = [resampler(block) for block in blocks] + [resampler.finish(num_samples)]
    """

    def __init__(self, from_hz: int, to_hz: int, channels: int):
        self.channels = channels
        self._num_samples = 0
        self._stream: Any = None
        if from_hz != to_hz:
            soxr = optional_package("soxr", "audio", "Resampling")
            self._stream = soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32", quality="HQ")

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """Takes a block in and gives what is complete.

        Args:
            block: float32 array (time, channels).

        Returns:
            float32 array (time, channels), possibly without samples.
        """
        if self._stream is not None and len(block):
            block = self._stream.resample_chunk(np.ascontiguousarray(block))
        self._num_samples += len(block)
        return block

    def finish(self, num_samples: int) -> np.ndarray:
        """Gives the rest.

        Args:
            num_samples: int, length of the whole result: the rest is cut or filled with zeros.

        Returns:
            float32 array (time, channels).
        """
        rest = np.zeros((0, self.channels), "float32")
        if self._stream is not None:
            rest = self._stream.resample_chunk(rest, last=True)
        missing = num_samples - self._num_samples
        self._num_samples = num_samples
        return np.pad(rest[: max(0, missing)], ((0, max(0, missing - len(rest))), (0, 0)))
