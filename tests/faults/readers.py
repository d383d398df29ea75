"""Every reader of files that may come from strangers: a small valid file, and the function that reads it."""

import dataclasses
import json
import types
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf

from keras_d3.audio import read_audio, write_audio
from keras_d3.convert.d3net_music import arguments_from_official
from keras_d3.convert.d3net_segmentation import segmentation_arguments_from_official
from keras_d3.convert.official_settings import read_official_settings
from keras_d3.convert.wave_u_net_settings import (
    official_wave_u_net_settings,
    read_wave_u_net_settings,
    wave_u_net_arguments,
)
from keras_d3.data import load_manifest, read_block, read_image, read_label
from keras_d3.data.audio.schema import parse_block
from keras_d3.evaluation import aggregate, read_scores, score_track, silent_notes
from keras_d3.evaluation.kept_scores import write_scores
from keras_d3.evaluation.silence import lacks_scores_for_silence
from keras_d3.experiments.compared_runs import claim_comparison
from keras_d3.experiments.image_comparison import COST_FILE, saved_cost
from keras_d3.experiments.model_origin import trained_names
from keras_d3.experiments.published import entry_of_model
from keras_d3.experiments.separation_scores import _begin_log
from keras_d3.images import CITYSCAPES, write_labels
from keras_d3.images import read_image as read_image_file
from keras_d3.runs import Run, TrainingState
from keras_d3.segmentation import read_segmenter_metadata
from keras_d3.separation import read_separator_metadata
from keras_d3.utils import write_checked_json, write_json
from tests.data.conftest import make_records
from tests.faults.run_targets import MADE_BY
from tests.helpers.small_scenes import make_street_records
from tests.helpers.songs import make_estimates, make_stems
from tests.helpers.training_configs import waveform_config
from tfrecords_tools import label_maps

GOLDEN = Path(__file__).parents[1] / "golden"


@dataclasses.dataclass(frozen=True)
class Reader:
    """A file and how it is read.

    Args:
        path: Path of the file, valid as it is; None for what is read from memory.
        read: function of that path, or of the bytes.
        names_file: bool, whether errors must name the file.
        content: bytes; those of the file.
    """

    path: Path | None
    read: Callable
    names_file: bool = True
    content: bytes = b""

    @property
    def document(self):
        """The file's JSON document, or None where it is no JSON."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None

    def outcome(self, content: bytes) -> str:
        """Reads other content, then restores the file; returns the error's sentence, or "" if it was read."""
        if self.path is not None:
            self.path.write_bytes(content)
        try:
            self.read(content if self.path is None else self.path)
        except (ValueError, OSError) as error:
            # The file, or the directory that is read as one.
            assert str(error) and (not self.names_file or str(self.path.parents[1]) in str(error)), error
            return str(error)
        finally:
            # Other readers of the same directory read this file, too.
            if self.path is not None:
                self.path.write_bytes(self.content)
        return ""


def make_readers(folder: Path) -> dict[str, Reader]:
    """Writes the files below a folder; returns the readers by name."""
    audio, images = make_records(folder / "audio"), make_street_records(folder / "images")
    readers = {
        "audio manifest": Reader(Path(audio.directory) / "manifest.json", _manifest),
        "image manifest": Reader(images / "manifest.json", _manifest),
        "audio record": Reader(None, lambda data: read_block(data, "pcm16", 2), False, _record(audio)),
        "audio record in the graph": Reader(None, _parse(audio), False, _record(audio)),
        "image record": Reader(None, read_image, False, _record(load_manifest(images))),
        "label map in a record": Reader(None, read_label, False, _record(load_manifest(images))),
        **_metadata(folder),
        **_run(folder / "run"),
        **_results(folder / "results"),
        **_comparison(folder / "comparison"),
        "WAV header": Reader(_wav(folder / "wav"), _read_without_ffmpeg, False),
        **_pictures(folder / "pictures"),
        **_settings(folder / "settings"),
    }
    return {
        name: dataclasses.replace(reader, content=reader.content or reader.path.read_bytes())
        for name, reader in readers.items()
    }


def _manifest(path):
    manifest = load_manifest(path.parent)
    for split in manifest.splits:
        manifest.groups(split), manifest.split(split).describe()


def _record(manifest):
    return next(tf.data.TFRecordDataset([manifest.path_of(manifest.shards[0])]).as_numpy_iterator())


def _parse(manifest):
    names = ("mixture", *manifest.sources)

    @tf.function(input_signature=[tf.TensorSpec((), tf.string)])
    def parse(serialized):
        return parse_block(serialized, names, "pcm16", 2, manifest.block_samples)

    def read(data):
        try:
            parse(tf.constant(data))
        except tf.errors.OpError as error:  # which training turns into one that names the shard
            raise ValueError(error.message) from error

    return read


def _metadata(folder):
    common = {"schema_version": 1, "commit": "0", "keras_d3_version": "1"}
    recipe = {"recipe": "wave_u_net", "tracks": {"train": ["a"]}, "run": {"recipe": "wave_u_net"}}
    separator = {"sample_rate_hz": 8000, "channels": 2, "sources": ["drums", "bass"]}
    separation = {"kind": "waveform", **separator, "downmix": False}
    segmenter = {"classes": CITYSCAPES.names, "palette": CITYSCAPES.palette, "normalization": {}}
    contents = {
        "separator": {**common, **separator, "recipe": recipe, "separation": separation, "stft": None},
        "segmenter": {**common, **segmenter, "recipe": {**recipe, "config": {"training": {"seed": 0}}}},
    }
    readers = {}
    for kind, read in (("separator", read_separator_metadata), ("segmenter", read_segmenter_metadata)):
        path = folder / kind / "assets.extra" / "metadata.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(contents[kind]))
        (folder / kind / "saved_model.pb").touch()

        def read_metadata(path, read=read):
            metadata = read(path.parents[1])
            trained_names(metadata, "train"), entry_of_model(metadata)

        readers[f"metadata of a {kind}"] = Reader(path, read_metadata)
    return readers


def _run(folder):
    run = Run(folder)
    run.claim(waveform_config())
    run.record_tracks({"train": ["one", "two"], "validation": ["three"]})
    run.claim_initial_weights({"source": "last.keras", "sha256": 64 * "a"}, TrainingState())
    run.save_state(TrainingState(epoch=2, history=[{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]))
    return {
        "run config": Reader(folder / "config.json", lambda path: Run(path.parent).config, False),
        "training state": Reader(folder / "state.json", lambda path: Run(path.parent).read_state(), False),
        "list of tracks": Reader(folder / "tracks.json", lambda path: Run(path.parent).tracks(), False),
        "initial weights": Reader(
            folder / "initial_weights.json", lambda path: Run(path.parent).initial_weights, False
        ),
    }


def _results(folder):
    folder.mkdir()
    scores, log = folder / "scores.json", folder / "separation.json"
    stems = make_stems()
    write_scores(scores, score_track(stems, make_estimates(stems), 8000, "one", backend="shared"))
    write_checked_json(log, {**MADE_BY, "tracks": {"one": {"audio_secs": 9.5, "separate_secs": 1.25}}})

    def kept(path):
        found = read_scores(path)
        return lacks_scores_for_silence(found), silent_notes({"one": found}), aggregate([found])

    return {
        "scores of a track": Reader(scores, kept, False),
        "log of separations": Reader(log, lambda path: _begin_log(path, MADE_BY), False),
    }


def _comparison(folder):
    names = types.SimpleNamespace(name="tiny")
    runs = [types.SimpleNamespace(recipe=names, config=names, title="Tiny", directory=folder)]
    claim_comparison(folder, runs)
    write_json(folder / COST_FILE, {"secs_per_image": 0.25, "peak_bytes": 2.0e8, "machine": "a", "run": {}})

    def cost(path):
        if saved_cost(path) is None:
            raise ValueError("it is measured again")

    return {
        "list of compared runs": Reader(
            folder / "comparison.json", lambda path: claim_comparison(path.parent, runs), False
        ),
        "measured cost": Reader(folder / COST_FILE, cost, False),
    }


def _wav(folder):
    folder.mkdir()
    write_audio(folder / "a.wav", np.linspace(-0.5, 0.5, 60).reshape(30, 2), 8000)
    return folder / "a.wav"


def _read_without_ffmpeg(path):
    """What libsndfile refuses goes to ffmpeg, a process that would take most of the time."""
    with mock.patch("keras_d3.audio.reader.probe_audio_streams", side_effect=ValueError("refused")):
        read_audio(path)


def _pictures(folder):
    labels = np.arange(96, dtype="uint8").reshape(8, 12) % 19
    write_labels(folder / "labels.png", labels, CITYSCAPES.palette)
    return {
        "label map": Reader(folder / "labels.png", lambda path: label_maps.read_label(path, "indices", 19)),
        "image": Reader(folder / "labels.png", read_image_file),
    }


def _settings(folder):
    folder.mkdir()
    music = json.loads((GOLDEN / "d3net_music_small.json").read_text())["config"]
    images = json.loads((GOLDEN / "d3net_segmentation_small.json").read_text())["config"]
    wave = {**official_wave_u_net_settings("full_multi_instrument"), "num_layers": 3}
    (folder / "music.json").write_text(json.dumps(music))
    (folder / "images.json").write_text(json.dumps(images))
    (folder / "wave.json").write_text(json.dumps(wave))
    (folder / "music.yaml").write_text(json.dumps(music, indent=1))  # which is YAML, too
    return {
        "settings of D3Net": Reader(folder / "music.json", _then(arguments_from_official), False),
        "settings in YAML": Reader(folder / "music.yaml", _then(arguments_from_official), False),
        "settings of D3Net for images": Reader(
            folder / "images.json", _then(segmentation_arguments_from_official), False
        ),
        "settings of Wave-U-Net": Reader(
            folder / "wave.json", lambda path: wave_u_net_arguments(read_wave_u_net_settings(path)), False
        ),
    }


def _then(arguments):
    return lambda path: arguments(read_official_settings(path))
