"""The files that the corruption campaign damages: small ones of every kind that the program reads."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from keras_d3.convert.official_settings import read_official_settings
from keras_d3.convert.readers.nnabla_parameters import read_parameters
from keras_d3.convert.readers.tensor_table import absurdity
from keras_d3.convert.readers.tensorflow_checkpoint import read_checkpoint
from keras_d3.data import input_statistics, load_manifest, read_track, shard_memory, training_waveforms
from keras_d3.images import CITYSCAPES, read_image, write_labels
from keras_d3.separation import Separator, load_separator
from keras_d3.settings import AudioDataConfig
from tests.data.conftest import SOURCES, make_records
from tests.faults.audio_targets import audio_targets
from tests.faults.corruption import Target
from tests.faults.run_targets import run_targets
from tests.helpers.tiny_networks import noise, waveform_conv, waveform_settings
from tfrecords_tools import label_maps

GOLDEN = Path(__file__).parents[1] / "golden"


def make_targets(folder: Path) -> Iterator[Target]:
    """Writes the files below a folder and yields them, one group after the other."""
    yield from _records(folder / "records")
    yield from _saved_model(folder / "saved_model")
    yield from _weights(folder / "weights")
    yield from _pictures(folder / "pictures")
    yield from run_targets(folder / "run")
    yield from audio_targets(folder / "audio")


def _records(folder):
    manifest = make_records(folder)
    directory = Path(manifest.directory)
    config = AudioDataConfig(8000, 2, SOURCES, 60, 60)
    shards = [shard for shard in manifest.shards if shard.split == "validation"]
    names = [track.name for track in manifest.tracks("validation")]

    def tracks():
        found = load_manifest(directory)
        return [read_track(found, "validation", name) for name in names]

    def batch():
        found = load_manifest(directory)
        shard_memory.check_shards_once(found, "validation")
        batches = training_waveforms(found, config, 2, 1, split="validation").take(1)
        return [
            (mixture.numpy(), {key: value.numpy() for key, value in rest.items()})
            for mixture, rest in batches
        ]

    def statistics():
        return input_statistics(load_manifest(directory), config, 64, 16, show_progress=False)

    yield Target("manifest.json", directory / "manifest.json", lambda: load_manifest(directory))
    yield Target("shard, a track read", directory / shards[0].file, tracks)
    yield Target("shard, a batch trained on", directory / shards[0].file, batch)
    statistics()
    yield Target("input_statistics/", next((directory / "input_statistics").glob("*.json")), statistics)
    remembered = directory / shard_memory.MEMORY_NAME
    remembered.write_text(json.dumps({shards[0].file: [shards[0].bytes, 1, 1, shards[0].sha256]}))
    yield Target(".checked_shards.json", remembered, tracks)


def _saved_model(folder):
    path = Separator(waveform_conv(90, 64), waveform_settings()).export(folder / "separator", check=False)
    song = noise(200)

    def stems():
        separator = load_separator(path)
        return {
            name: np.array(stem) for name, stem in separator.separate(song, 8000).items()
        }, separator.metadata

    for file in (
        "saved_model.pb",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
        "fingerprint.pb",
        "assets.extra/metadata.json",
        "assets.extra/checksums.json",
    ):
        yield Target(f"SavedModel, {file.rpartition('/')[2]}", path / file, stems)


def _weights(folder):
    folder.mkdir(parents=True)
    h5 = folder / "d3net.h5"
    _write_small_h5(h5)

    def parameters():
        tensors = read_parameters(h5)
        absurd = [name for name, tensor in tensors.items() if absurdity(tensor)]
        if absurd:
            raise ValueError(f"absurd values in {absurd}, which `TensorTable` refuses")
        return tensors

    yield Target("NNabla weights", h5, parameters)
    for file in (GOLDEN / "wave_u_net_m1_small").glob("model-0.*"):
        shutil.copy(file, folder)
    for part in ("index", "data-00000-of-00001"):
        yield Target(
            f"TF checkpoint, .{part}", folder / f"model-0.{part}", lambda: read_checkpoint(folder / "model-0")
        )
    settings = folder / "settings.json"
    shutil.copy(GOLDEN / "d3net_music_small.json", settings)
    yield Target("settings of the authors", settings, lambda: read_official_settings(settings))


def _write_small_h5(path):
    """As NNabla writes: one plain dataset per parameter. Small, so that damage hits structure and values."""
    import h5py

    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for number in range(6):
            file[f"vocals/conv{number}/W"] = rng.standard_normal((4, 4, 3, 3)).astype("float32")
            file[f"vocals/conv{number}/b"] = rng.standard_normal(4).astype("float32")


def _pictures(folder):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    write_labels(folder / "labels.png", rng.integers(0, 19, (24, 32)), CITYSCAPES.palette)
    picture = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype="uint8"))
    for suffix in ("png", "jpg"):
        picture.save(folder / f"image.{suffix}")

    def labels():
        return label_maps.read_label(folder / "labels.png", "indices", 19)[0]

    yield Target("label map, PNG", folder / "labels.png", labels)
    yield Target("PNG", folder / "image.png", lambda: read_image(folder / "image.png"))
    yield Target("JPEG", folder / "image.jpg", lambda: read_image(folder / "image.jpg"))
