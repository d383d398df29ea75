"""A catalog of songs separated on Apache Beam: the unit of work is a song, a worker loads the model once."""

import dataclasses
import functools
import hashlib
import json
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import tensorflow as tf

from keras_d3.audio import Song
from keras_d3.separation.catalogs.batch import SongBatch, line_of
from keras_d3.separation.catalogs.settings import NOTES_FOLDER, CatalogSettings, claim_directory, is_claimed
from keras_d3.separation.loading import load_separator
from keras_d3.separation.separator_metadata import read_separator_metadata
from keras_d3.utils import BeamRunner, atomic_path, read_json, sha256_of_file

LINES_NAME = "separation.jsonl"


def separate_on_beam(
    runner: BeamRunner,
    settings: CatalogSettings,
    songs: Sequence[Song],
    out_dir: str | Path,
    overwrite: bool = False,
    log: Callable[[str], None] = lambda line: None,
) -> list[dict]:
    """Separates songs into a directory on Beam's workers, as `SongBatch` does here.

    A song is done when there are the stems that were made of the same file by the same model with the same
    settings, by SHA-256 of all of them. So a second call separates what is missing. A song that cannot be
    separated does not end the others.

    Args:
        runner: `BeamRunner`.
        settings: `CatalogSettings`.
        songs: sequence of `Song`, whose files all workers see.
        out_dir: directory, which all workers see.
        overwrite: bool, whether stems of other settings are replaced.
        log: callable that receives lines of text for the user.

    Returns:
        A dict per song that was worked on, as `out_dir/separation.jsonl` has them, a line each: what
        `append_json_line` writes, with paths of stems below `out_dir` and their checksums, and
        `fingerprint`, a checksum of song, model and settings.

    Raises:
        ValueError: two songs would write one file, a setting is unknown, or `out_dir` has stems of other
            settings.
        FileExistsError: there are stems that no such call has made.
        FileNotFoundError: there is no SavedModel.
        RuntimeError: a worker process was killed; what is done is listed.

    Example:

    >>> runner = BeamRunner("DirectRunner", ("--direct_num_workers=2",))
    >>> separate_on_beam(runner, CatalogSettings("d3net"), find_songs(["songs"]), "stems")
    """
    # Workers have a current directory of their own.
    out_dir = Path(os.path.abspath(out_dir))
    settings = dataclasses.replace(settings, saved_model=os.path.abspath(settings.saved_model))
    songs = [dataclasses.replace(song, path=Path(os.path.abspath(song.path))) for song in songs]
    metadata = read_separator_metadata(settings.saved_model)
    batch = SongBatch(songs, metadata, out_dir, settings.config, _model_name(settings))
    runner.check()
    paths = [path for paths in batch.paths.values() for path in paths.values() if path.exists()]
    if paths and not (overwrite or is_claimed(out_dir)):
        raise FileExistsError(
            f"`{paths[0]}` exists already, and not by `--runner`. Choose another `--out`, or give "
            "--overwrite."
        )
    claim_directory(out_dir, settings, overwrite)
    notes = [_note_of(out_dir, song) for song in songs]
    before = _read_lines(notes)
    make = functools.partial(_Worker, settings, settings.facts, metadata, str(out_dir))
    log(f"{len(songs)} songs on Beam's {runner.name}.")
    try:
        runner.run(_separate, songs, out_dir / NOTES_FOLDER / "faults", make)
    finally:
        lines = _read_lines(notes)
        with atomic_path(out_dir / LINES_NAME) as temporary:
            temporary.write_text("".join(map(_as_text, lines.values())), encoding="utf-8")
        done = [path for path, line in lines.items() if line["status"] == "separated"]
        kept = sum(lines[path] == before.get(path) for path in done)
        log(f"{len(done)} of {len(songs)} songs are separated, {kept} of them before.")
    return list(lines.values())


class _Worker:
    """What a worker process keeps from song to song; the model is loaded with the first that needs it."""

    def __init__(self, settings: CatalogSettings, facts: dict, metadata: dict, out_dir: str):
        self.settings, self.facts, self.metadata, self.out_dir = settings, facts, metadata, Path(out_dir)
        # Runners have many threads per process; a song takes all cores, and gigabytes.
        self.lock = threading.Lock()

    @functools.cached_property
    def separator(self):
        settings = self.settings
        if settings.num_threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(settings.num_threads)
            tf.config.threading.set_inter_op_parallelism_threads(settings.num_threads)
        num_threads = None if settings.runtime == "tensorflow" else settings.num_threads
        return load_separator(settings.saved_model, settings.runtime, settings.precision, num_threads)

    def model_facts(self):
        names = ("quality", "runtime", "precision")
        return {"path": self.settings.saved_model, "sha256": self.facts["model_sha256"]} | {
            name: self.facts[name] for name in names
        }


def _separate(worker, song):
    """Separates a song unless it is done, and writes its note."""
    with worker.lock:
        note, fingerprint = _note_of(worker.out_dir, song), None
        if song.path.is_file():
            fingerprint = _fingerprint(song, worker.facts)
            if _is_done(worker.out_dir, note, fingerprint):
                return
        note.unlink(missing_ok=True)
        config, settings = worker.settings.config, worker.settings
        batch = SongBatch([song], worker.metadata, worker.out_dir, config, _model_name(settings))
        (outcome,) = batch.run(lambda: worker.separator, settings.quality, show_progress=False)
        line = line_of(outcome, worker.model_facts(), config)
        for stem in line.get("stems", {}).values():
            path = Path(stem["file"])
            stem |= {"file": str(path.relative_to(worker.out_dir)), "sha256": sha256_of_file(path)}
        with atomic_path(note) as temporary:
            temporary.write_text(_as_text({**line, "fingerprint": fingerprint}), encoding="utf-8")


def _is_done(out_dir, note, fingerprint):
    line = _read_line(note)
    if line is None or line.get("fingerprint") != fingerprint or line["status"] != "separated":
        return False
    files = [(out_dir / stem["file"], stem["sha256"]) for stem in line["stems"].values()]
    return all(path.is_file() and sha256_of_file(path) == checksum for path, checksum in files)


def _fingerprint(song, facts):
    text = json.dumps([sha256_of_file(song.path), facts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _as_text(line):
    # ASCII, as names of files need not be text.
    return json.dumps(line, allow_nan=False) + "\n"


def _model_name(settings):
    return Path(settings.saved_model).resolve().name


def _note_of(out_dir, song):
    # A checksum, as a name may have folders in it.
    name = hashlib.sha256(song.name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return Path(out_dir) / NOTES_FOLDER / "songs" / f"{name}.json"


def _read_lines(notes):
    lines = {note: _read_line(note) for note in notes}
    return {note: line for note, line in lines.items() if line is not None}


def _read_line(note):
    """Returns a note; None where there is none, or one that is damaged: its song is separated again."""
    try:
        line = read_json(note)
    except (FileNotFoundError, ValueError):
        return None
    return line if isinstance(line, dict) and "status" in line else None
