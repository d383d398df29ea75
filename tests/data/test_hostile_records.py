"""Manifests and records of strangers: names that lead elsewhere, impossible numbers, other features."""

import json
from pathlib import Path

import pytest
import tensorflow as tf

from keras_d3.data import (
    BrokenShardError,
    load_manifest,
    read_track,
    reraise_with_shard_name,
    validation_waveforms,
    verify_records,
)
from keras_d3.data.audio.schema import read_block, serialize_block
from keras_d3.data.images.schema import read_image
from keras_d3.settings import AudioDataConfig
from keras_d3.utils import sha256_of_file, with_checksum
from tests.data.conftest import SOURCES

CONFIG = AudioDataConfig(8000, 2, SOURCES, 60, 60)


def change(directory, *keys, value):
    """Changes one value of a manifest as a stranger would, with the checksum of what is there then."""
    path = Path(directory) / "manifest.json"
    values = json.loads(path.read_text())
    del values["checksum"]
    place = values
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(json.dumps(with_checksum(values)))


FIRST = ("splits", "train", "tracks", 0)


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        ((*FIRST, "name"), "../../../../precious_folder", "`name` must be a text that can be the name of a"),
        ((*FIRST, "name"), "/absolute", "`name` must be a text"),
        ((*FIRST, "name"), "..", "`name` must be a text"),
        ((*FIRST, "name"), "train 1", "must hold different names. Received: 'train 1'"),
        ((*FIRST, "shards"), ["../other.tfrecord"], "`splits.train` must name shards of the split"),
        ((*FIRST, "shards"), [], "must name shards of the split. Received: 'train 0' in none"),
        ((*FIRST, "num_samples"), 0, "`num_samples` must be an integer of at least 1"),
        ((*FIRST, "num_samples"), 10**30, "`num_samples` must be an integer of at least 1, and at most"),
        ((*FIRST, "num_samples"), "many", "`splits.train.tracks.0.num_samples` must be an integer"),
        ((*FIRST, "num_blocks"), 7, "must have a record for every 100 samples. Received: 7 records for 2311"),
        (("shards", 0, "file"), "../../shard.tfrecord", "`file` must be a text that can be the name"),
        (("shards", 1, "file"), "train-00000-00.tfrecord", "`shards` must have different files"),
        (("shards", 0, "num_records"), 10**9, "must be so many that they fit into the shard"),
        (("shards", 0, "num_records"), 1, "must hold the records of `splits.train`"),
        (("shards", 0, "split"), "other", "`split` must be one of 'train'"),
        (("shards", 0, "bytes"), -1, "`bytes` must be an integer of at least 0"),
        (("sources", 0), "../../evil", "`sources` must be a text that can be the name of a file"),
        (("sources", 0), "mixture", "`sources` must be distinct names other than 'mixture'"),
        (("sources",), [], "`sources` must be distinct names"),
        (("splits", "train"), None, "`splits.train` must be a mapping"),
        (("splits", "train", "sample_rate"), 10**9, "`sample_rate` must be an integer of at least 1, and at"),
        (("splits", "train", "tracks"), [], "`splits.train` must hold different names. Received: none"),
        (("splits",), [], "`splits` must be a mapping"),
        (("block_samples",), 0, "`block_samples` must be an integer of at least 1"),
        (("clipped_samples",), -1, "`clipped_samples` must be an integer of at least 0"),
        (("dataset",), 3, "`dataset` must be a string"),
    ],
)
def test_manifests_that_are_refused(own_manifest, keys, value, message):
    change(own_manifest.directory, *keys, value=value)
    with pytest.raises(ValueError, match=message) as error:
        load_manifest(own_manifest.directory)
    assert f"{own_manifest.directory}/manifest.json" in str(error.value)


@pytest.mark.parametrize("key", ["dataset", "request", "encoding", "clipped_samples", "generator"])
def test_a_changed_value_that_is_possible_shows_by_the_checksum(own_manifest, key):
    path = Path(own_manifest.directory) / "manifest.json"
    values = json.loads(path.read_text())
    values[key] = {"request": {"seed": 1}, "encoding": "flac", "clipped_samples": 17}.get(key, "another")
    path.write_text(json.dumps(values))
    with pytest.raises(ValueError, match="The manifest .*manifest.json` is damaged, or was changed"):
        load_manifest(own_manifest.directory)


def test_a_manifest_of_an_earlier_version_has_no_checksum(own_manifest):
    path = Path(own_manifest.directory) / "manifest.json"
    values = json.loads(path.read_text())
    del values["checksum"]
    path.write_text(json.dumps(values))
    assert load_manifest(own_manifest.directory) == own_manifest


def test_a_kind_without_a_hash(own_manifest):
    change(own_manifest.directory, "kind", value=["audio"])
    with pytest.raises(ValueError, match="`kind of .* must be one of"):
        load_manifest(own_manifest.directory)


def example(**features):
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def replace_records(manifest, records, split="validation"):
    """Writes other records into the first shard of a split, with right checksums everywhere."""
    number = next(i for i, shard in enumerate(manifest.shards) if shard.split == split)
    path = Path(manifest.path_of(manifest.shards[number]))
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    change(manifest.directory, "shards", number, "bytes", value=path.stat().st_size)
    change(manifest.directory, "shards", number, "sha256", value=sha256_of_file(path))
    return load_manifest(manifest.directory), path


def own_records(manifest, split="validation"):
    shard = next(shard for shard in manifest.shards if shard.split == split)
    return list(tf.data.TFRecordDataset([manifest.path_of(shard)]).as_numpy_iterator())


def shortened(record):
    block = read_block(record, "pcm16", 2)
    audio = {name: samples[:3] for name, samples in block.pop("audio").items()}
    return serialize_block(**block, audio=audio, sample_rate=8000, encoding="pcm16")


BAD_RECORDS = {
    "nothing": lambda record: b"",
    "no example": lambda record: b"\xff\xff\xff",
    "another example": lambda record: example(a=tf.train.Feature()),
    "text for a number": lambda record: example(
        track=tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"0"]))
    ),
    "fewer samples": shortened,
}


@pytest.mark.parametrize("kind", BAD_RECORDS)
def test_records_that_are_others_than_the_manifest_says(own_manifest, kind):
    records = own_records(own_manifest)
    manifest, path = replace_records(own_manifest, [BAD_RECORDS[kind](records[0]), *records[1:]])
    with pytest.raises(BrokenShardError, match=rf"A record of .*{path.name}.* is broken: "):
        read_track(manifest, "validation", "validation 0")
    with pytest.raises(BrokenShardError, match=f"The shard .*{path.name}` is broken at record 0"):
        verify_records(manifest, "validation")
    if kind != "fewer samples":  # which training pads with zeros, as it does at a song's end
        with pytest.raises(BrokenShardError, match=rf"{path.name}` is broken at record 0"):
            with reraise_with_shard_name(manifest):
                list(validation_waveforms(manifest, CONFIG, 4))


@pytest.mark.parametrize("record", [b"", b"\xff\xff", example(image=tf.train.Feature())])
def test_records_that_are_no_images(record):
    with pytest.raises(ValueError, match="`image` must be one value of int64_list|it is no tf.train.Example"):
        read_image(record)
