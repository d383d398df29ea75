"""One audio file in, one file per source out."""

import logging
from pathlib import Path

import numpy as np

from keras_d3.audio import read_audio, to_pcm16
from keras_d3.separation.graph_separator import GraphSeparator
from keras_d3.settings import SUBTYPES
from keras_d3.utils import atomic_files, check_choice, optional_package

SAMPLES_PER_BLOCK = 1 << 18
# The limit of a RIFF header; longer files get the 64-bit variant.
MAX_WAV_BYTES = 2**32 - 2**16

logger = logging.getLogger(__name__)


def separate_file(
    separator: GraphSeparator,
    path: str | Path,
    out_dir: str | Path,
    subtype: str = "PCM_16",
    show_progress: bool = True,
    quality: str = "best",
) -> list[Path]:
    """Separates an audio file into `out_dir/<song>/<source>.wav`, at its own rate, channels and length.

    The stems appear when all of them are written, all at once: the song's folder never holds new ones
    beside former ones, and keeps the other files that lie in it. One stem at a time is converted and
    written, so that the peak memory is that of the song and its stems in float32. Samples that 16 or 24
    bits cannot hold are limited to the nearest that they can, and a warning says how many (logger
    `keras_d3.separation`).

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
    tqdm = optional_package("tqdm", "tensorflow", "The progress bar").tqdm

    check_choice("subtype", subtype, SUBTYPES)
    path, out_dir = Path(path), Path(out_dir)
    name = song_name(path)
    file_names = {source: f"{source}.wav" for source in separator.sources}
    with tqdm(total=_NUM_STEPS, desc=name, disable=not show_progress, bar_format=_BAR) as bar:

        def on_progress(share):
            # Whole numbers, whose sum never exceeds the total.
            bar.update(max(0, round(_NUM_STEPS * share) - bar.n))

        bar.set_postfix_str("read")
        audio, sample_rate = read_audio(path)
        try:
            stems = separator.stems(audio, sample_rate, on_progress if show_progress else None, quality)
        except ValueError as error:
            raise ValueError(f"`{path}` cannot be separated: {error}") from error
        # From here on only the separator holds the song, and frees it as early as it can.
        del audio
        bar.set_postfix_str("separate")
        out_dir.mkdir(parents=True, exist_ok=True)
        with atomic_files(out_dir / name) as staging:
            for source, stem in stems:
                bar.set_postfix_str(f"write {source}")
                num_clipped = _write_wav(staging / file_names[source], stem, sample_rate, subtype)
                if num_clipped:
                    logger.warning(
                        "%s: %d of %d samples of %s exceed full scale and were limited; "
                        "write FLOAT to keep them.",
                        name,
                        num_clipped,
                        stem.size,
                        source,
                    )
                del stem
        bar.set_postfix_str("done")
    return [out_dir / name / file_name for file_name in file_names.values()]


def song_name(path: str | Path) -> str:
    """Name of the stems' folder: the file's name without its suffix (both of `.stem.mp4`)."""
    stem = Path(path).stem
    return stem.removesuffix(".stem") or stem


_NUM_STEPS = 1000
_BAR = "{desc}: {percentage:3.0f}% |{bar:30}| {elapsed}<{remaining}{postfix}"


def _write_wav(path, audio, sample_rate, subtype):
    """Writes block by block, without a copy of the whole; returns the number of samples out of range."""
    soundfile = optional_package("soundfile", "audio", "Writing stems")

    audio = audio[:, np.newaxis] if audio.ndim == 1 else audio
    bytes_per_sample = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}[subtype]
    file_format = "RF64" if audio.size * bytes_per_sample > MAX_WAV_BYTES else "WAV"
    num_clipped = 0
    with soundfile.SoundFile(
        str(path), "w", int(sample_rate), audio.shape[1], subtype=subtype, format=file_format
    ) as file:
        for start in range(0, len(audio), SAMPLES_PER_BLOCK):
            block = audio[start : start + SAMPLES_PER_BLOCK]
            if subtype == "PCM_16":
                block, clipped = to_pcm16(block)
                num_clipped += clipped
            elif subtype == "PCM_24":
                num_clipped += int(np.count_nonzero(np.abs(block) > 1))
            file.write(block)
    return num_clipped
