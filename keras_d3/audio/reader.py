"""Audio files in blocks: libsndfile first, ffmpeg for other formats."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_d3.audio.errors import cut_short, no_samples, unreadable
from keras_d3.audio.ffmpeg import ffmpeg_blocks, probe_audio_streams
from keras_d3.audio.layout import read_layout
from keras_d3.audio.parts import Part, PartFile, warn_once
from keras_d3.audio.paths import existing_file, native
from keras_d3.utils import MAX_SAMPLE_RATE_HZ, check_positive_int, optional_package

SAMPLES_PER_BLOCK = 1 << 18
# As many as one MADI line or ambisonics of order 7 have; above it a number is damage.
MAX_CHANNELS = 64
# libsndfile's names of codings in which it finds any sample at once, and exactly that one.
SEEKABLE_SUBTYPES = ("PCM_", "FLOAT", "DOUBLE")


class _Info(NamedTuple):
    """libsndfile's facts of a part."""

    samplerate: int
    channels: int
    frames: int
    format: str
    subtype: str


def open_audio(path: str | Path, stream: int | None = None) -> "AudioReader":
    """Opens an audio file to be read in blocks; its header is checked, nothing is decoded.

    libsndfile (WAV, FLAC, Ogg, MP3, AIFF, ...) is tried first; other formats are decoded by ffmpeg, the
    first audio stream or number `stream`. Files joined from several (chained Ogg; MP3, FLAC and WAV files
    put together by `cat`) are read as one, headers of recorders that stopped early are mended, and where
    sound starts later than the picture, silence stands in front.

    Args:
        path: str or Path.
        stream: int, index among the audio streams of a container, for ffmpeg. None: as above.

    Returns:
        `AudioReader`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is empty, no audio, or by its header cut short.
        RuntimeError: ffmpeg is needed and not installed, or hangs.

    Example:

    >>> reader = open_audio("song.wav")
    >>> reader.sample_rate, reader.channels, reader.num_samples, reader.is_length_exact
    (44100, 2, 441000, True)
    >>> sum(len(block) for block in reader.blocks())
    441000
    """
    path = existing_file(path)
    if stream is None:
        parts = read_layout(path)
        infos = [_open_part(path, part) for part in parts]
        if parts and None not in infos:
            return _SoundfileReader(path, list(zip(parts, infos, strict=True)))
    streams = probe_audio_streams(path)
    if (stream or 0) >= len(streams):
        raise ValueError(f"`{path}` must have audio stream {stream}. It has {len(streams)} audio streams.")
    if stream is None and len(streams) > 1 and not path.name.lower().endswith(".stem.mp4"):
        warn_once(f"`{path}` has {len(streams)} audio streams; the first is read.")
    return _FfmpegReader(path, stream or 0, streams[stream or 0])


class AudioReader:
    """An audio file to be read in blocks, see `open_audio`. No file stays open between two readings.

    Attributes:
        path: `pathlib.Path`.
        sample_rate: int, Hz.
        channels: int.
        num_samples: int, or None where nothing says.
        is_length_exact: bool, whether `num_samples` is what will be read, to the sample. Otherwise it is a
            count of a codec's frames (off by one or two), or what a container says (off by some more).
    """

    def __init__(
        self, path: Path, sample_rate: int, channels: int, num_samples: int | None, is_length_exact: bool
    ):
        if not 1 <= sample_rate <= MAX_SAMPLE_RATE_HZ or not 1 <= channels <= MAX_CHANNELS:
            raise unreadable(
                path,
                f"its header says {sample_rate} Hz and {channels} channels, where {MAX_SAMPLE_RATE_HZ} "
                f"Hz and {MAX_CHANNELS} channels are the most: it is damaged",
            )
        self.path = path
        self.sample_rate = sample_rate
        self.channels = channels
        self.num_samples = num_samples
        self.is_length_exact = is_length_exact

    def blocks(
        self, samples_per_block: int = SAMPLES_PER_BLOCK, start: int = 0, stop: int | None = None
    ) -> Iterator[np.ndarray]:
        """Yields the samples from `start` to `stop`.

        Args:
            samples_per_block: int, the most samples of a block.
            start: int, the first sample.
            stop: int, the sample after the last; None, the file's end.

        Yields:
            float32 arrays `(time, channels)`, none of them empty.

        Raises:
            ValueError: the file is cut short, damaged, has no samples, or holds NaN or infinite ones.
            RuntimeError: ffmpeg hangs.
        """
        check_positive_int("samples_per_block", samples_per_block)
        check_positive_int("start", start, 0)
        position = self._first_position(start)
        for block in self._blocks_from(position, samples_per_block):
            first, last = max(0, start - position), len(block)
            if stop is not None:
                last = min(last, stop - position)
            if first < last:
                yield self._checked(block[first:last], position + first)
            position += len(block)
            if stop is not None and position >= stop:
                return
        if position == 0:
            raise no_samples(self.path)

    def _first_position(self, start: int) -> int:
        """Where reading has to begin in order to have the sample `start`."""
        return 0

    def _blocks_from(self, position: int, samples_per_block: int) -> Iterator[np.ndarray]:
        raise NotImplementedError

    def _checked(self, block: np.ndarray, position: int) -> np.ndarray:
        finite = np.isfinite(block)
        if not finite.all():
            where = int(np.argmin(finite.all(axis=1)))
            sample = position + where
            raise ValueError(
                f"The audio file `{self.path}` has NaN or infinite samples, the first at sample {sample} "
                f"({sample / self.sample_rate:.3f} s), channel {int(np.argmin(finite[where])) + 1}. "
                "Render it again, or remove it."
            )
        return block


class _SoundfileReader(AudioReader):
    """Parts, one after the other, through libsndfile."""

    def __init__(self, path: Path, parts: list[tuple[Part, _Info]]):
        self._parts = parts
        first = parts[0][1]
        for part, info in parts[1:]:
            if (info.samplerate, info.channels) != (first.samplerate, first.channels):
                raise unreadable(
                    path,
                    f"it was joined from recordings of {first.samplerate} Hz, {first.channels} channels, and "
                    f"(at byte {part.start}) {info.samplerate} Hz, {info.channels} channels",
                )
        lengths = [info.frames if part.num_samples is None else part.num_samples for part, info in parts]
        exact = all(part.num_samples is None or part.is_exact for part, _ in parts)
        if len(parts) > 1:
            warn_once(f"`{path}` holds {len(parts)} recordings; they are read as one.")
        super().__init__(path, int(first.samplerate), first.channels, sum(lengths), exact)

    def _first_position(self, start: int) -> int:
        part, info = self._parts[0]
        seeks = len(self._parts) == 1 and part.num_samples is None
        return min(start, info.frames) if seeks and info.subtype.startswith(SEEKABLE_SUBTYPES) else 0

    def _blocks_from(self, position: int, samples_per_block: int) -> Iterator[np.ndarray]:
        for part, info in self._parts:
            yield from self._part_blocks(part, info, position, samples_per_block)

    def _part_blocks(self, part, info, num_samples, samples_per_block):
        soundfile = optional_package("soundfile", "audio", "Reading and writing audio files")

        with _Source(self.path, part) as source, soundfile.SoundFile(source) as file:
            if num_samples:
                file.seek(num_samples)
            while True:
                try:
                    block = file.read(samples_per_block, dtype="float32", always_2d=True)
                except soundfile.LibsndfileError as error:
                    raise cut_short(self.path, f"decoding stops with: {error}") from error
                if len(block) == 0:
                    break
                num_samples += len(block)
                yield block
        # A count of frames includes those that only prepare a decoder.
        promised = info.frames if part.num_samples is None else part.num_samples
        slack = 0 if part.num_samples is None and info.format != "MP3" else info.samplerate // 10
        if num_samples < promised - slack:
            raise cut_short(self.path, f"its header promises {promised} samples, {num_samples} are there")


class _FfmpegReader(AudioReader):
    """One stream of a container through ffmpeg."""

    def __init__(self, path: Path, stream: int, facts: dict):
        self._stream, self._facts = stream, facts
        length = facts["num_samples"] and facts["num_samples"] + facts["silence_before"]
        # Also a stored duration is rounded to a codec's frames.
        super().__init__(path, facts["sample_rate"], facts["channels"], length, False)

    def _blocks_from(self, position: int, samples_per_block: int) -> Iterator[np.ndarray]:
        return ffmpeg_blocks(self.path, self._stream, self._facts, samples_per_block)


class _Source:
    """What soundfile opens: the file's name where it may read the file itself, else a `PartFile`."""

    def __init__(self, path, part):
        whole = part.is_whole(path.stat().st_size)
        self._opened = native(path) if whole else PartFile(path, part)

    def __enter__(self):
        return self._opened

    def __exit__(self, *_):
        if isinstance(self._opened, PartFile):
            self._opened.close()


def _open_part(path, part):
    """Returns libsndfile's facts, or None: it does not know the format, or would stop too early."""
    soundfile = optional_package("soundfile", "audio", "Reading and writing audio files")

    try:
        with _Source(path, part) as source, soundfile.SoundFile(source) as file:
            info = _Info(file.samplerate, file.channels, file.frames, file.format, file.subtype)
    except soundfile.LibsndfileError:
        return None
    stops_early = part.num_samples is not None and info.frames < part.num_samples - info.samplerate // 10
    # libsndfile leaves Vorbis' order of channels as it is; ffmpeg puts it into that of WAV files.
    foreign_order = info.subtype == "VORBIS" and info.channels > 2
    return None if stops_early or foreign_order else info
