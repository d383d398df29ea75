"""A song's stems written part by part under temporary names, and named when all of them are whole."""

import contextlib
import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from keras_d3.audio import AudioFormat, AudioWriter, open_audio, safe_name
from keras_d3.settings import StemFilesConfig
from keras_d3.utils import atomic_files, temporary_directory


@dataclasses.dataclass(frozen=True)
class WrittenStem:
    """A stem's file.

    Attributes:
        name: string.
        path: `pathlib.Path`.
        peak: float, the largest magnitude in the file, had nothing been limited.
        num_clipped: int, samples that were limited, of all channels.
        num_samples: int, samples of one channel, at the song's rate.
    """

    name: str
    path: Path
    peak: float
    num_clipped: int
    num_samples: int


class StemWriter:
    """Writes the stems of a song; a context manager, that leaves nothing behind unless `finish` was called.

    With the setting `clip="rescale"` the stems first become temporary files of 32 bits, because the
    largest magnitude of all of them is known at the end.

    Args:
        out_dir: `pathlib.Path`; the temporary files lie in a folder in it.
        paths: dict of `stem: path`, the files.
        config: `StemFilesConfig`.
        sample_rate: int, Hz.
        channels: int.
        num_samples: int, the song's length as far as it is known; or None.
    """

    def __init__(
        self,
        out_dir: Path,
        paths: Mapping[str, Path],
        config: StemFilesConfig,
        sample_rate: int,
        channels: int,
        num_samples: int | None,
    ):
        self.out_dir, self.paths, self.config = out_dir, dict(paths), config
        self.sample_rate, self.channels, self.num_samples = sample_rate, channels, num_samples
        self._stack = contextlib.ExitStack()
        self._writers: dict[str, AudioWriter] = {}
        self._staging = Path()

    def __enter__(self) -> "StemWriter":
        self.out_dir.mkdir(parents=True, exist_ok=True)
        self._staging = self._stack.enter_context(temporary_directory(self.out_dir))
        return self

    def __exit__(self, kind, error, traceback) -> None:
        for writer in self._writers.values():
            writer.close(complete=False)
        self._stack.close()

    def write(self, stem: str, audio: np.ndarray) -> None:
        """Appends samples (time, channels) to a stem's file.

        Raises:
            ValueError: NaN or infinite samples.
            OSError: the file cannot be written.
        """
        if stem not in self._writers:
            self._writers[stem] = self._open(stem)
        self._writers[stem].write(audio)

    def finish(self) -> tuple[float, list[WrittenStem]]:
        """Gives the files their names.

        Returns:
            `(gain, stems)`: the factor that the stems were multiplied by, 1 unless they were rescaled, and
            a list of `WrittenStem` in the order of the paths.

        Raises:
            OSError: a file cannot be written.
        """
        for writer in self._writers.values():
            writer.close()
        divisor = 1.0
        if self.config.clip == "rescale":
            # The headers need not guess the length any more.
            self.num_samples = max(writer.num_samples for writer in self._writers.values())
            divisor = max(1.0, *(writer.peak for writer in self._writers.values()))
            self._writers = {stem: self._encode(stem, divisor) for stem in self.paths}
        for folder in dict.fromkeys(path.parent for path in self.paths.values()):
            self._give_names(folder)
        writers = self._writers
        return 1 / divisor, [
            WrittenStem(stem, path, writers[stem].peak, writers[stem].num_clipped, writers[stem].num_samples)
            for stem, path in self.paths.items()
        ]

    def _give_names(self, folder):
        """Moves the stems of a folder into it: all at once, so that no former stem is beside a new one."""
        files = {
            path.name: self._writers[stem].path for stem, path in self.paths.items() if path.parent == folder
        }
        # Songs share the output directory itself: it is not replaced.
        is_shared = folder == self.out_dir
        with contextlib.nullcontext(folder) if is_shared else atomic_files(folder) as target:
            for name, file in files.items():
                os.replace(file, target / name)

    def _open(self, stem, is_final=False):
        config, audio_format = self.config, self.config.audio_format
        if config.clip == "rescale" and not is_final:
            audio_format = AudioFormat("wav", "FLOAT")
        folder = "named" if is_final else "first"
        path = self._staging / folder / f"{safe_name(stem)}{audio_format.suffix}"
        path.parent.mkdir(exist_ok=True)
        limit = config.clip == "clamp"
        return AudioWriter(path, audio_format, self.sample_rate, self.channels, self.num_samples, limit)

    def _encode(self, stem, divisor):
        """Writes a stem again in the format that was asked for, divided by a number."""
        first = self._writers[stem].path
        with self._open(stem, is_final=True) as writer:
            for block in open_audio(first).blocks():
                writer.write(block / np.float32(divisor))
        first.unlink()
        return writer
