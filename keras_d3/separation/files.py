"""One audio file in, one file per stem out."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_d3.audio import song_name
from keras_d3.separation.output_stems import mix_part, output_stems
from keras_d3.separation.song_reader import song_parts
from keras_d3.separation.stem_paths import stem_paths
from keras_d3.separation.stem_writer import StemWriter, WrittenStem
from keras_d3.settings import SUBTYPES, StemFilesConfig
from keras_d3.utils import check_choice, optional_package

if TYPE_CHECKING:
    from keras_d3.separation.graph_separator import GraphSeparator

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class SeparatedSong:
    """What was written of a song.

    Attributes:
        path: `pathlib.Path` of the song.
        sample_rate_hz, channels, num_samples: ints, of the part that was separated.
        gain: float, the factor of all stems, 1 unless they were rescaled.
        stems: tuple of `WrittenStem`.
    """

    path: Path
    sample_rate_hz: int
    channels: int
    num_samples: int
    gain: float
    stems: tuple[WrittenStem, ...]

    @property
    def paths(self) -> list[Path]:
        """Paths of the stems."""
        return [stem.path for stem in self.stems]


def separate_file(
    separator: GraphSeparator,
    path: str | Path,
    out_dir: str | Path,
    subtype: str = "PCM_16",
    show_progress: bool = True,
    quality: str = "best",
) -> list[Path]:
    """Separates an audio file into `out_dir/<song>/<source>.wav`, at its own rate, channels and length.

    `separate_song` with the settings of WAV files; see there.

    Args:
        separator: `Separator`, or the `GraphSeparator` that `load_separator` returns.
        path: audio file of any format that libsndfile or ffmpeg reads.
        out_dir: directory; made when needed. Files of an earlier separation are replaced.
        subtype: `"PCM_16"`, `"PCM_24"` or `"FLOAT"` (32 bits).
        show_progress: bool, whether a progress bar is drawn on standard error.
        quality: `"best"` or `"fast"`, see `Separator.separate`.

    Returns:
        List of `pathlib.Path`, one per source in the separator's order.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: the file cannot be read, see `read_audio`, or has
            channels that the separator cannot take.

    Example:

    >>> separate_file(load_separator("d3net"), "song.mp3", "stems")
    [PosixPath('stems/song/bass.wav'), PosixPath('stems/song/drums.wav'), ...]
    """
    check_choice("subtype", subtype, SUBTYPES)
    config = StemFilesConfig(subtype=subtype)
    song = separate_song(separator, path, out_dir, config, show_progress=show_progress, quality=quality)
    return song.paths


def separate_song(
    separator: GraphSeparator,
    path: str | Path,
    out_dir: str | Path,
    config: StemFilesConfig | None = None,
    name: str | None = None,
    model: str = "",
    show_progress: bool = True,
    quality: str = "best",
) -> SeparatedSong:
    """Separates an audio file, or a part of it, into files below a directory.

    The stems appear when all of them are written; nothing is written elsewhere. Of songs of up to ten
    minutes, one stem at a time is converted and written, so that the peak memory is that of the song and
    its stems in float32. Longer ones are read, separated and written in segments of five minutes (see
    `SegmentLengths`), in memory that does not grow with their length. Samples that the format cannot hold
    are limited to the nearest that it can, and a warning says how many (logger `keras_d3.separation`).

    Args:
        separator: `Separator`, or the `GraphSeparator` that `load_separator` returns.
        path: audio file of any format that libsndfile or ffmpeg reads.
        out_dir: directory; made when needed. Files of an earlier separation are replaced.
        config: `StemFilesConfig`; None, its defaults.
        name: string, what `{song}` in the files' names stands for; None, the file's name.
        model: string, what `{model}` stands for.
        show_progress: bool, whether a progress bar is drawn on standard error.
        quality: `"best"` or `"fast"`, see `Separator.separate`.

    Returns:
        `SeparatedSong`.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: the file cannot be read, see `read_audio`; the
            separator or the format cannot take its channels; `config` names sources that are not there.
        OSError: a stem cannot be written.

    Example:

    >>> config = StemFilesConfig("flac", two_stems="vocals")
    >>> separate_song(load_separator("d3net"), "song.mp3", "stems", config).paths
    [PosixPath('stems/song/vocals.flac'), PosixPath('stems/song/no_vocals.flac')]
    """
    path, out_dir, config = Path(path), Path(out_dir), config or StemFilesConfig()
    name = song_name(path) if name is None else name
    outputs = output_stems(separator.sources, config)
    paths = stem_paths(out_dir, outputs, config, name, model)
    with _progress_bar(name, show_progress) as (bar, on_progress):
        bar.set_postfix_str("read")
        keep_mixture = any(output.is_rest for output in outputs)
        song, parts = song_parts(separator, path, config, quality, on_progress, keep_mixture)
        bar.set_postfix_str("separate")
        with StemWriter(out_dir, paths, config, song.sample_rate, song.channels, song.num_samples) as writer:
            for take_mixture, stems in parts:
                for output, audio in mix_part(outputs, take_mixture, stems):
                    bar.set_postfix_str(f"write {output.name}")
                    writer.write(output.name, audio)
                    del audio
            gain, written = writer.finish()
        bar.set_postfix_str("done")
    _warn_of_clipping(name, written, song.channels)
    return SeparatedSong(path, song.sample_rate, song.channels, written[0].num_samples, gain, tuple(written))


_NUM_STEPS = 1000
_BAR = "{desc}: {percentage:3.0f}% |{bar:30}| {elapsed}<{remaining}{postfix}"


@contextlib.contextmanager
def _progress_bar(name: str, show: bool) -> Iterator[tuple[Any, Callable[[float], None] | None]]:
    """A bar, and the function of the done share that moves it, None without a bar."""
    tqdm = optional_package("tqdm", "tensorflow", "The progress bar").tqdm
    with tqdm(total=_NUM_STEPS, desc=name, disable=not show, bar_format=_BAR) as bar:

        def on_progress(share):
            # Whole numbers, whose sum never exceeds the total.
            bar.update(max(0, round(_NUM_STEPS * share) - bar.n))

        yield bar, on_progress if show else None


def _warn_of_clipping(name, stems, channels):
    for stem in stems:
        if stem.num_clipped:
            logger.warning(
                "%s: %d of %d samples of %s exceed full scale and were limited; write FLOAT to keep them, "
                "or rescale.",
                name,
                stem.num_clipped,
                stem.num_samples * channels,
                stem.name,
            )
