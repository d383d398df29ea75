"""One audio file in, one file per stem out."""

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from keras_d3.audio import audio_facts, check_start, read_audio, read_audio_blocks, safe_name, song_name
from keras_d3.separation.graph_separator import GraphSeparator
from keras_d3.separation.output_stems import OutputStem, mix_part, output_stems
from keras_d3.separation.segments import Part, separate_blocks
from keras_d3.separation.stem_writer import StemWriter, WrittenStem
from keras_d3.settings import SUBTYPES, StemFilesConfig
from keras_d3.utils import check_choice, optional_package

# Longer songs are read, separated and written in segments.
WHOLE_SONG_SECS = 600.0
# The least that audio takes, where a header does not tell the length (64 kbit/s).
LEAST_BYTES_PER_SEC = 8000
MAX_NAME_BYTES = 255

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
    facts = check_song(path, separator.metadata, config)
    with _progress_bar(name, show_progress) as (bar, on_progress):
        bar.set_postfix_str("read")
        keep_mixture = any(output.is_rest for output in outputs)
        reader = _read_segments if _is_long(path, facts) else _read_whole
        song, parts = reader(separator, path, config, quality, on_progress, keep_mixture)
        bar.set_postfix_str("separate")
        with StemWriter(out_dir, paths, config, *song) as writer:
            for take_mixture, stems in parts:
                for output, audio in mix_part(outputs, take_mixture, stems):
                    bar.set_postfix_str(f"write {output.name}")
                    writer.write(output.name, audio)
                    del audio
            gain, written = writer.finish()
        bar.set_postfix_str("done")
    _warn_of_clipping(name, written, song[1])
    return SeparatedSong(path, song[0], song[1], written[0].num_samples, gain, tuple(written))


def check_song(path: str | Path, metadata: Mapping[str, Any], config: StemFilesConfig) -> dict[str, Any]:
    """Checks by a song's header that it can be separated, before a network runs.

    Args:
        path: audio file.
        metadata: dict, the separator's.
        config: `StemFilesConfig`.

    Returns:
        The facts of its header, see `audio_facts`.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: as in `separate_song`.
    """
    facts = audio_facts(path)
    channels, wanted = facts["channels"], metadata["channels"]
    if wanted != 1 and channels not in (1, wanted):
        raise ValueError(
            f"`{path}` has {channels} channels, and the model takes 1 or {wanted} channels. Mix them down: "
            f"ffmpeg -i SONG -ac {wanted} MIXED.wav"
        )
    config.audio_format.check_channels(channels)
    if config.start_secs and facts["num_samples"]:
        check_start(path, config.start_secs, facts["num_samples"], facts["sample_rate"])
    return facts


def stem_paths(
    out_dir: str | Path,
    outputs: tuple[OutputStem, ...],
    config: StemFilesConfig,
    song: str,
    model: str = "",
) -> dict[str, Path]:
    """Returns the file of each stem of a song.

    Args:
        out_dir: directory.
        outputs: tuple of `OutputStem`.
        config: `StemFilesConfig`.
        song: string, the song's name, of one or more folders.
        model: string.

    Returns:
        dict of `stem: pathlib.Path`.

    Raises:
        ValueError: a file would lie outside of `out_dir` (by a link), or its name is too long.
    """
    out_dir = Path(out_dir)
    song = "/".join(safe_name(part) for part in song.split("/"))
    paths = {}
    for output in outputs:
        relative = config.relative_path(song, safe_name(output.name), safe_name(model))
        path = out_dir / relative
        if not path.parent.resolve().is_relative_to(out_dir.resolve()):
            raise ValueError(
                f"Stems are written below `{out_dir}` alone. Received: `{path}`, which a link leads "
                f"to `{path.parent.resolve()}`. Remove the link, or choose another directory."
            )
        longest = max(relative.split("/"), key=lambda part: len(part.encode(errors="surrogateescape")))
        if len(longest.encode(errors="surrogateescape")) > MAX_NAME_BYTES:
            raise ValueError(
                f"File names have at most {MAX_NAME_BYTES} bytes. Received: `{longest}`. Choose another "
                "`name` template, such as '{song}/{stem}'."
            )
        paths[output.name] = path
    return paths


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


def _is_long(path, facts):
    num_samples = facts["num_samples"]
    if num_samples is None:
        return path.stat().st_size > WHOLE_SONG_SECS * LEAST_BYTES_PER_SEC
    return num_samples > WHOLE_SONG_SECS * facts["sample_rate"]


def _read_whole(separator, path, config, quality, on_progress, keep_mixture):
    """The song's (rate, channels, samples), and itself as the only part."""
    audio, rate = read_audio(path)
    check_start(path, config.start_secs, len(audio), rate)
    first = round(config.start_secs * rate)
    last = None if config.duration_secs is None else first + max(1, round(config.duration_secs * rate))
    audio = audio[first:last]
    try:
        stems = separator.stems(audio, rate, on_progress, quality)
    except ValueError as error:
        raise ValueError(f"`{path}` cannot be separated: {error}") from error
    facts = (rate, audio.shape[1], len(audio))
    # Without a mixture to keep, only the separator holds the song, and frees it as early as it can.
    kept = audio if keep_mixture else None
    parts: list[Part] = [(lambda num_samples: kept[:num_samples], stems)]
    return facts, _pop_each(parts)


def _read_segments(separator, path, config, quality, on_progress, keep_mixture):
    song = read_audio_blocks(path, config.start_secs, config.duration_secs)
    parts = separate_blocks(separator, song, quality, on_progress, keep_mixture)
    return (song.sample_rate, song.channels, song.num_samples), parts


def _pop_each(parts):
    while parts:
        yield parts.pop(0)


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
