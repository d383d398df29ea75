"""A catalogue of songs separated on Apache Beam: the unit of work is a song, workers load the model once."""

import functools
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_d3.separation.files import separate_file, song_name
from keras_d3.separation.graph_separator import load_separator, read_separator_metadata
from keras_d3.settings import QUALITIES, SUBTYPES
from keras_d3.utils import BeamRunner, atomic_path, check_choice, read_json, sha256_of_file, write_json

LINES_NAME = "separation.jsonl"
# Of a song, beside its stems: what they were made of, and with which settings. Written last.
DONE_NAME = "separation.json"


def separate_on_beam(
    runner: BeamRunner,
    saved_model: str | Path,
    songs: Sequence[str | Path],
    out_dir: str | Path,
    subtype: str = "PCM_16",
    quality: str = "best",
    runtime: str = "tensorflow",
    precision: str = "f32",
) -> list[dict]:
    """Separates songs into `out_dir/<song>/<source>.wav` on Beam's workers.

    A song is done when its stems are there and were made of a file of the same checksum by the same model
    with the same settings, so that a second call separates what is missing. A song that cannot be separated
    does not end the others.

    Args:
        runner: `BeamRunner`.
        saved_model: path of a separator's SavedModel, which all workers see.
        songs: sequence of paths of audio files, which all workers see.
        out_dir: directory, which all workers see.
        subtype, quality: see `separate_file`.
        runtime, precision: see `load_separator`.

    Returns:
        A dict per song that is separated, as `out_dir/separation.jsonl` has them, a line each: `song`,
        `song_sha256`, `model_sha256`, `settings`, `seconds` (the time it took) and `stems`.

    Raises:
        ValueError: two songs have one name, a setting is unknown, or what songs raised, a sentence each: the
            others are separated, and listed.
        FileNotFoundError: there is no SavedModel.

    Example:

    >>> runner = BeamRunner("DirectRunner", ("--direct_num_workers=2",))
    >>> separate_on_beam(runner, "d3net", ["a.wav", "b.wav"], "stems")
    """
    check_choice("subtype", subtype, SUBTYPES)
    check_choice("quality", quality, QUALITIES)
    read_separator_metadata(saved_model)
    names = [song_name(song) for song in songs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"`songs` must have different names. Received twice: {', '.join(twice)}.")
    files = sorted(path for path in Path(saved_model).rglob("*") if path.is_file())
    settings = {"subtype": subtype, "quality": quality, "runtime": runtime, "precision": precision}
    facts = {"model_sha256": sha256_of_file(*files), "settings": settings}
    make = functools.partial(_Worker, str(saved_model), str(out_dir), facts)
    try:
        runner.run(_separate, [str(song) for song in songs], Path(out_dir) / ".faults", make)
    finally:
        done = [path for name in names if (path := Path(out_dir) / name / DONE_NAME).is_file()]
        lines = [read_json(path) for path in done]
        with atomic_path(Path(out_dir) / LINES_NAME) as temporary:
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            temporary.write_text(text, encoding="utf-8")
    return lines


class _Worker:
    """What a worker keeps from song to song; the model is loaded with the first song that needs it."""

    def __init__(self, saved_model: str, out_dir: str, facts: dict[str, Any]):
        self._saved_model, self.out_dir, self.facts = saved_model, Path(out_dir), facts

    @functools.cached_property
    def separator(self):
        settings = self.facts["settings"]
        return load_separator(self._saved_model, settings["runtime"], settings["precision"])


def _separate(worker, song):
    wanted = {"song": song, "song_sha256": sha256_of_file(song), **worker.facts}
    done = worker.out_dir / song_name(song) / DONE_NAME
    if _is_done(done, wanted):
        return
    done.unlink(missing_ok=True)
    settings = worker.facts["settings"]
    start = time.perf_counter()
    paths = separate_file(
        worker.separator, song, worker.out_dir, settings["subtype"], False, settings["quality"]
    )
    seconds = round(time.perf_counter() - start, 3)
    write_json(done, {**wanted, "seconds": seconds, "stems": [path.name for path in paths]})


def _is_done(done, wanted):
    if not done.is_file():
        return False
    found = read_json(done, "list of stems")
    same = all(found.get(name) == value for name, value in wanted.items())
    return same and all((done.parent / stem).is_file() for stem in found["stems"])
