"""Work that writes as the package does and computes next to nothing."""

import dataclasses
import shutil
from pathlib import Path
from typing import ClassVar

import numpy as np

from keras_d3.audio import write_audio
from keras_d3.runs import Run
from keras_d3.separation import separate_file
from keras_d3.settings import Stage
from keras_d3.utils import atomic_path
from tests.helpers.training_configs import waveform_config

SOURCES = ("drums", "vocals")
CONFIG = waveform_config(stages=(Stage(1e-3, 4, 4),))
# By epoch, counted from 1: the third is worse than the second.
LOSSES = (3.0, 2.0, 2.5, 1.0)


class Model:
    """Has "weights" that are a function of the epoch."""

    def __init__(self, epoch):
        self._epoch = epoch

    def save(self, path):
        Path(path).write_bytes(bytes([self._epoch]) * 100)


def train(folder):
    """Goes on with a run of four epochs."""
    run = Run(folder / "run")
    with run.writing():
        run.claim(CONFIG)
        state = run.read_state()
        run.claim_initial_weights(None, state)
        run.record_tracks({"train": ["a"]})
        while state.epoch < len(LOSSES):
            loss = LOSSES[state.epoch]
            state.epoch += 1
            if state.best_value is None or loss < state.best_value:
                state.best_value, state.best_epoch = loss, state.epoch
            state.history.append({"epoch": state.epoch, "loss": loss})
            run.save_epoch(Model(state.epoch), state)
        if not state.finished:
            state.finished = True
            run.save_state(state)


def finds_the_weights_of_the_state(folder):
    """Whether `best` and `last` are of the epochs that the state says, if it says any."""
    run = Run(folder / "run")
    state = run.read_state()
    if not state.epoch:
        return True
    names = {"last": state.epoch, "best": state.best_epoch}
    return all(
        run.checkpoint(name).read_bytes() == bytes([epoch]) * 100
        for name, epoch in names.items()
        # The second name may be missing after the first epoch alone, before training is finished.
        if state.epoch > 1 or run.checkpoints.named(name).is_file()
    )


@dataclasses.dataclass
class Separator:
    """Gives every source a multiple of the mixture."""

    gain: float
    sources: tuple = SOURCES
    channels: int = 2
    metadata: ClassVar[dict] = {"channels": 2, "sample_rate_hz": 8000, "sources": SOURCES}

    def stems(self, audio, sample_rate, on_progress=None, quality="best"):
        return [(source, self.gain * audio) for source in self.sources]


def songs(folder):
    """A song with the stems of an earlier separation, and a file of the user's beside them."""
    folder.mkdir(parents=True)
    write_audio(folder / "song.wav", np.full((200, 2), 0.25, "float32"), 8000)
    separate_file(Separator(0.5), folder / "song.wav", folder / "out", show_progress=False)
    (folder / "out/song/notes").mkdir()
    (folder / "out/song/notes/mine.txt").write_text("precious")


def separate(folder):
    """Separates the song anew, with other stems."""
    separate_file(Separator(1.0), folder / "song.wav", folder / "out", show_progress=False)


def has_stems_of_one_separation(folder):
    stems = [(folder / f"out/song/{source}.wav").read_bytes() for source in SOURCES]
    return stems[0] == stems[1] and (folder / "out/song/notes/mine.txt").read_text() == "precious"


def model_directory(folder):
    """A directory that is there already, with more files than the new one."""
    for name in ("a", "b", "assets/c"):
        path = folder / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("old")


def replace_directory(folder):
    with atomic_path(folder / "model") as temporary:
        temporary.mkdir()
        (temporary / "a").write_text("new")
        (temporary / "b").write_text("new")


def has_one_whole_directory(folder):
    """Whether the directory is there under its name, old or new as a whole."""
    found = {path.name: path.read_text() for path in (folder / "model").rglob("*") if path.is_file()}
    return found in ({"a": "new", "b": "new"}, {"a": "old", "b": "old", "c": "old"})


def copy_of(template):
    """Returns a function that makes a directory like `template`."""
    return lambda folder: shutil.copytree(template, folder)
