"""Audio files written block by block."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from keras_d3.audio.formats import AudioFormat
from keras_d3.audio.paths import native
from keras_d3.audio.samples import to_pcm16
from keras_d3.audio.stream_resampler import StreamResampler
from keras_d3.utils import optional_package

# The limit of a RIFF header; longer files get the 64-bit variant.
MAX_WAV_BYTES = 2**32 - 2**16
# Bounds the copies; libsndfile puts whole blocks of Vorbis on its stack.
SAMPLES_PER_BLOCK = 1 << 16


class AudioWriter:
    """Writes an audio file of any length in blocks; a context manager.

    Samples that the format cannot hold are limited to the nearest that it can, and counted. Audio at a
    rate that the format does not have is converted to 48 kHz (soxr).

    Args:
        path: str or Path, the file. It is there, and incomplete, from the start: give a temporary name.
        audio_format: `AudioFormat`.
        sample_rate: int, Hz, of the blocks.
        channels: int, of the blocks.
        num_samples: int, the length in samples, as far as it is known: it decides between WAV and its 64-bit
            variant RF64. None, unknown: RF64.
        limit: bool, whether samples beyond full scale are limited also where the format could hold them.

    Attributes:
        num_samples: int, samples written so far, per channel.
        num_clipped: int, samples that were limited, of all channels.
        peak: float, the largest magnitude before it was limited.

    Raises:
        ValueError: the format does not hold so many channels.
        OSError: the file cannot be written.

    Example:

    >>> with AudioWriter("tone.flac", AudioFormat("flac"), 44100, 2) as writer:
    ...     writer.write(np.zeros((44100, 2), "float32"))
    """

    def __init__(
        self,
        path: str | Path,
        audio_format: AudioFormat,
        sample_rate: int,
        channels: int,
        num_samples: int | None = None,
        limit: bool = False,
    ):
        self._soundfile: Any = optional_package("soundfile", "audio", "Writing audio files")
        audio_format.check_channels(channels)
        self.path, self.audio_format, self._limit = Path(path), audio_format, limit
        self.num_samples, self.num_clipped, self.peak = 0, 0, 0.0
        self._rate_hz = rate_hz = audio_format.rate_hz(sample_rate)
        self._num_written = 0
        self._ratio = rate_hz / sample_rate
        self._resampler = StreamResampler(sample_rate, rate_hz, channels) if rate_hz != sample_rate else None
        arguments = audio_format.soundfile_arguments(rate_hz, channels)
        if arguments["format"] == "WAV":
            num_bytes = (
                None if num_samples is None else num_samples * channels * audio_format.bytes_per_sample
            )
            arguments["format"] = "RF64" if num_bytes is None or num_bytes > MAX_WAV_BYTES else "WAV"
        self._file = self._call(
            self._soundfile.SoundFile, native(path), "w", int(rate_hz), channels, **arguments
        )

    def __enter__(self) -> "AudioWriter":
        return self

    def __exit__(self, kind, error, traceback) -> None:
        self.close(complete=kind is None)

    def write(self, audio: np.ndarray) -> None:
        """Appends samples.

        Args:
            audio: float array (time, channels), nominally in [-1, 1].

        Raises:
            ValueError: NaN or infinite samples.
            OSError: the file cannot be written.
        """
        for start in range(0, len(audio), SAMPLES_PER_BLOCK):
            block = np.asarray(audio[start : start + SAMPLES_PER_BLOCK], "float32")
            self._measure(block)
            if self._resampler is not None:
                block = self._resampler(block)
            self._write(block)
        self.num_samples += len(audio)

    def close(self, complete: bool = True) -> None:
        """Closes the file; `complete` tells whether the last samples are still to be written."""
        if self._file is None:
            return
        try:
            if complete and self._resampler is not None:
                self._write(self._resampler.finish(round(self.num_samples * self._ratio)))
        finally:
            file, self._file = self._file, None
            if complete:
                self._call(file.close)
                clear_time_of_peak(self.path)
                self._check_length()
            else:
                file.close()

    def _check_length(self):
        """Looks at what was written: of Opus, libsndfile loses what a full disk does not take, silently."""
        slack = self._rate_hz // 10 if self.audio_format.is_lossy else 0
        found = self._call(self._soundfile.info, native(self.path)).frames
        if found < self._num_written - slack:
            raise self._error(f"{found} of {self._num_written} samples are there.")

    def _measure(self, block):
        if block.size:
            peak = float(max(block.max(), -block.min()))
            if not np.isfinite(peak):
                raise ValueError(
                    f"Samples to be written must be finite. Received: NaN or infinite samples "
                    f"for `{self.path.name}`."
                )
            self.peak = max(self.peak, peak)

    def _write(self, block):
        if self.audio_format.subtype == "PCM_16":
            block, num_clipped = to_pcm16(block)
            self.num_clipped += num_clipped
        elif self._limit or not self.audio_format.holds_all:
            self.num_clipped += int(np.count_nonzero(np.abs(block) > 1))
            block = np.clip(block, -1, 1)
        self._call(self._file.write, block)
        self._num_written += len(block)

    def _call(self, function, *arguments, **options):
        """Calls libsndfile, whose own errors do not name the file."""
        try:
            return function(*arguments, **options)
        except self._soundfile.LibsndfileError as error:
            raise self._error(error.error_string) from error

    def _error(self, why):
        return OSError(f"`{self.path}` cannot be written: {why} Check the free space of the disk.")


def clear_time_of_peak(path: str | Path) -> None:
    """Sets the time in a WAV file's chunk "PEAK" to zero, so that the same samples are the same bytes.

    libsndfile writes that chunk into WAV files of floats, with the seconds since 1970. Other files are left
    as they are.
    """
    with open(path, "r+b") as file:
        if file.read(4) != b"RIFF":
            return
        file.seek(12)
        while len(header := file.read(8)) == 8 and header[:4] != b"data":
            if header[:4] == b"PEAK":
                file.seek(4, os.SEEK_CUR)  # its version
                file.write(bytes(4))
                return
            length = int.from_bytes(header[4:], "little")
            file.seek(length + length % 2, os.SEEK_CUR)
