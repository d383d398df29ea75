"""The work of the campaign: real records, training, separation, scores and exports, as small as they get.

Networks compute in forked processes alone: TensorFlow does not survive a fork after it computed.
"""

import csv
import functools
import hashlib
import io
import json
import shutil
import zipfile
from pathlib import Path

from keras_d3.evaluation import directory_scores, score_directory, score_process
from keras_d3.experiments.separation_scores import separate_tracks
from keras_d3.runs import Run
from keras_d3.separation import Separator
from keras_d3.settings import Stage
from keras_d3.training import train
from tests.faults.kill_points import files_below
from tests.helpers.small_records import write_songs
from tests.helpers.songs import make_estimates, make_stems, write_stems
from tests.helpers.tiny_networks import waveform_identity, waveform_settings
from tests.helpers.training_configs import waveform_config
from tfrecords_tools.audio_writer import RecordsConfig, write_records
from tfrecords_tools.folder import list_folder

TIMES = ("train_secs", "separate_secs", "checksum", "commit")
SOURCES = ("bass", "drums", "other", "vocals")


def write_audio_folder(folder):
    """Songs of all splits."""
    for split, count in (("train", 2), ("validation", 1), ("test", 1)):
        write_songs(folder / "audio", count, secs=0.5, split=split)


def records(folder):
    tracks, sources = list_folder(folder / "audio")
    config = RecordsConfig(block_samples=1024, shard_mb=0.02)
    write_records(folder / "records", "small", "folder", tracks, sources, config, num_workers=1)


def training(folder):
    config = waveform_config(stages=(Stage(3e-3, 2, 2),), steps_per_epoch=2)
    train(config, folder / "records", folder / "run", verbose=0)


def finds_the_weights_of_the_state(folder):
    """Whether `last` is the file of the epoch that the state names."""
    run = Run(folder / "run")
    epoch = run.read_state().epoch
    if not epoch or not run.checkpoints.named("last").is_file():
        return epoch < 2
    return run.checkpoint("last").read_bytes() == run.resume_checkpoint(epoch).read_bytes()


def export(folder, gain=1.0):
    separator = Separator(waveform_identity(gains=(gain, 0.5)), waveform_settings())
    separator.export(folder / "model", overwrite=True)


def export_other(folder):
    export(folder, 2.0)


def model_and_records(folder):
    """A SavedModel of the records' sources, and the records."""
    write_audio_folder(folder)
    records(folder)
    network = _identity_of_all()
    Separator(network, waveform_settings(sources=SOURCES)).export(folder / "model")


def _identity_of_all():
    import keras

    window = keras.Input((64, 2))
    return keras.Model(window, {source: keras.layers.Rescaling(0.25)(window) for source in SOURCES})


def separation_of_records(folder):
    separate_tracks(folder / "model", folder / "records", folder / "estimates", folder / "references")


def estimates(folder):
    """Two tracks with estimates."""
    for track, seed in (("A", 0), ("B", 1)):
        stems = make_stems(seed=seed)
        write_stems(folder / "references" / track, stems)
        write_stems(folder / "estimates" / track, make_estimates(stems))


def scores(folder):
    # In this process, whose steps are counted; otherwise each track has one of its own.
    directory_scores._run_process = lambda task, running: score_process.run(task)
    score_directory(
        folder / "references",
        folder / "estimates",
        folder / "scores",
        num_workers=1,
        backend="shared",
        progress=False,
    )


def content_of(path: Path) -> str | None:
    """What two runs must agree in: all bytes, but for times, logs, notes and the order in a graph."""
    name = path.name
    # Shards are checked in the background, whose work a short run does not wait for.
    if "tensorboard" in path.parts or name == ".checked_shards.json":
        return None
    if name.endswith(".keras"):
        with zipfile.ZipFile(path) as archive:
            parts = {part.filename: part.CRC for part in archive.infolist()}
        return json.dumps({name: parts[name] for name in ("config.json", "model.weights.h5")})
    if name.endswith(".json"):
        return json.dumps(_without_times(json.loads(path.read_text(encoding="utf-8"))), sort_keys=True)
    if name == "history.csv":
        rows = csv.DictReader(io.StringIO(path.read_text()))
        return json.dumps(_without_times(list(rows)))
    if name in ("saved_model.pb", "fingerprint.pb"):
        return "graph"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _without_times(values):
    if isinstance(values, dict):
        return {key: _without_times(value) for key, value in values.items() if key not in TIMES}
    return [_without_times(value) for value in values] if isinstance(values, list) else values


def copied(template: Path, *names: str):
    """Returns a function that makes a directory with copies of some of a template's folders."""

    def begin(folder):
        folder.mkdir()
        for name in names:
            shutil.copytree(template / name, folder / name)

    return begin


def is_whole_model(template: Path, folder: Path) -> bool:
    """Whether the SavedModel is the former or the new one, graph, weights and metadata together."""
    found, former, new = (
        files_below(model / "model", content_of) for model in (folder, template, folder.parent / "straight")
    )
    return found in (former, new)


def whole_model(template):
    return functools.partial(is_whole_model, template)
