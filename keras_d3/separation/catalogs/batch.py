"""Many songs: headers first, then one after the other; a bad one does not end the others."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_d3.audio import Song
from keras_d3.separation.files import SeparatedSong, separate_song
from keras_d3.separation.output_stems import output_stems
from keras_d3.separation.song_reader import check_song
from keras_d3.separation.stem_paths import stem_paths
from keras_d3.settings import StemFilesConfig, to_dict

if TYPE_CHECKING:
    from keras_d3.separation.graph_separator import GraphSeparator


@dataclasses.dataclass(frozen=True)
class SongOutcome:
    """What became of a song of a batch.

    Attributes:
        song: `Song`.
        separated: `SeparatedSong`; None if it failed or was skipped.
        error: string, why it failed; None if it did not.
        elapsed_secs: float, the time it took.
    """

    song: Song
    separated: SeparatedSong | None = None
    error: str | None = None
    elapsed_secs: float = 0.0

    @property
    def status(self) -> str:
        """`"separated"`, `"skipped"` or `"failed"`."""
        if self.error is not None:
            return "failed"
        return "skipped" if self.separated is None else "separated"


class SongBatch:
    """Songs that are separated by one model into one directory.

    Args:
        songs: sequence of `Song`.
        metadata: dict, the separator's, see `read_separator_metadata`.
        out_dir: directory.
        config: `StemFilesConfig`.
        model: string, what `{model}` in the files' names stands for.
        skip_existing: bool, whether songs whose files are all there are left out.

    Attributes:
        paths: dict of `song: {stem: pathlib.Path}`.

    Raises:
        ValueError: `config` does not fit the model, or two songs would write one file.
    """

    def __init__(
        self,
        songs: Sequence[Song],
        metadata: Mapping[str, Any],
        out_dir: str | Path,
        config: StemFilesConfig,
        model: str = "",
        skip_existing: bool = False,
    ):
        self.songs, self.metadata, self.out_dir = tuple(songs), metadata, Path(out_dir)
        self.config, self.model, self.skip_existing = config, model, skip_existing
        outputs = output_stems(metadata["sources"], config)
        self.paths = {song: stem_paths(out_dir, outputs, config, song.name, model) for song in songs}
        self._check_different()

    def _check_different(self):
        owners: dict[Path, Song] = {}
        for song, paths in self.paths.items():
            for path in paths.values():
                other = owners.setdefault(path, song)
                if other is not song:
                    raise ValueError(
                        f"`{other.path}` and `{song.path}` would both write `{path}`. Rename one, write them "
                        "into different directories, or give a `name` template with {song}."
                    )

    def run(
        self,
        load: Callable[[], GraphSeparator],
        quality: str = "best",
        show_progress: bool = True,
    ) -> Iterator[SongOutcome]:
        """Separates the songs.

        Every header is looked at before the model is loaded: skipped songs and those that cannot be
        read come first.

        Args:
            load: function that loads the separator; not called when no song is left.
            quality: `"best"` or `"fast"`.
            show_progress: bool, whether a progress bar is drawn per song.

        Yields:
            `SongOutcome`, one per song.
        """
        left = []
        for song in self.songs:
            if self.skip_existing and all(path.is_file() for path in self.paths[song].values()):
                yield SongOutcome(song)
                continue
            try:
                check_song(song.path, self.metadata, self.config)
            except _failures() as error:
                yield SongOutcome(song, error=_reason(error))
            else:
                left.append(song)
        separator = load() if left else None
        for song in left:
            yield self._separate(separator, song, quality, show_progress)

    def _separate(self, separator, song, quality, show_progress):
        start = time.monotonic()
        try:
            separated = separate_song(
                separator,
                song.path,
                self.out_dir,
                self.config,
                name=song.name,
                model=self.model,
                show_progress=show_progress,
                quality=quality,
            )
        except _failures() as error:
            return SongOutcome(song, error=_reason(error), elapsed_secs=time.monotonic() - start)
        return SongOutcome(song, separated, elapsed_secs=time.monotonic() - start)


def append_json_line(path: str | Path, outcome: SongOutcome, model: Mapping[str, Any], config: Any) -> None:
    """Appends what became of a song to a file of JSON lines.

    Args:
        path: file; made when needed.
        outcome: `SongOutcome`.
        model: dict, what is said of the model.
        config: `StemFilesConfig`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(line_of(outcome, model, config), allow_nan=False) + "\n")


def line_of(outcome: SongOutcome, model: Mapping[str, Any], config: Any) -> dict[str, Any]:
    """Returns what a line of JSON says of a song: see `append_json_line`."""
    line: dict[str, Any] = {"song": str(outcome.song.path), "status": outcome.status}
    song = outcome.separated
    if song is not None:
        line |= {
            "seconds": song.num_samples / song.sample_rate_hz,
            "elapsed_secs": round(outcome.elapsed_secs, 3),
            "sample_rate_hz": song.sample_rate_hz,
            "channels": song.channels,
            "gain": song.gain,
            "peak": max(stem.peak for stem in song.stems),
            "clipped_samples": sum(stem.num_clipped for stem in song.stems),
            "stems": {
                stem.name: {
                    "file": str(stem.path),
                    "peak": stem.peak,
                    "clipped_samples": stem.num_clipped,
                }
                for stem in song.stems
            },
        }
    if outcome.error is not None:
        line["error"] = outcome.error
    return line | {"model": dict(model), "settings": to_dict(config)}


def _failures():
    """What a song may raise without ending the others."""
    return (ValueError, OSError, RuntimeError, MemoryError, *_tensorflow_errors("OpError"))


def _reason(error):
    """One line: TensorFlow's errors go on with the graph's nodes."""
    if isinstance(error, (MemoryError, *_tensorflow_errors("ResourceExhaustedError"))):
        return "out of memory. Close other programs, or give a part of the song (start, duration)."
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _tensorflow_errors(name):
    """A class of TensorFlow's errors, in a tuple that is empty while nothing has needed TensorFlow."""
    tensorflow = sys.modules.get("tensorflow")
    return () if tensorflow is None else (getattr(tensorflow.errors, name),)
