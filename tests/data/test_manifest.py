"""Manifest, schema, whole tracks, broken shards, config: round trips and every error."""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_d3.data import (
    BrokenShardError,
    load_manifest,
    read_track,
    reraise_with_shard_name,
    validation_waveforms,
    verify_shards,
)
from keras_d3.data.audio.flac import flac_decoder
from keras_d3.data.audio.schema import parse_block, read_block, serialize_block
from keras_d3.settings import AudioDataConfig
from keras_d3.settings.dicts import from_dict, to_dict
from tests.data.conftest import LENGTHS, SOURCES, make_records, signal

CONFIG = AudioDataConfig(8000, 2, SOURCES, 60, 60)


def test_round_trip(manifest):
    again = load_manifest(manifest.directory)
    assert again == manifest
    assert [track.name for track in again.tracks("train")] == [f"train {number}" for number in range(5)]
    assert [track.num_samples for track in again.tracks("train")] == list(LENGTHS["train"])
    assert again.sample_rate("test") == 8000 and again.channels == 2 and again.sources == SOURCES
    assert len(again.tracks("train")[0].shards) > 1  # a long song in several shards
    groups = again.groups("train")
    assert sum(group.num_records for group in groups) == sum(t.num_blocks for t in again.tracks("train"))
    assert len({track.shards for track in again.tracks("train")}) < 5  # short songs share one


def test_read_track(manifest):
    audio, sample_rate = read_track(manifest, "train", "train 0")
    assert sample_rate == 8000 and list(audio) == ["mixture", *SOURCES]
    total = 0
    for source in SOURCES:
        np.testing.assert_array_equal(audio[source] * 32768, signal("train", 0, source))
        total = total + signal("train", 0, source).astype(int)
    np.testing.assert_array_equal(audio["mixture"] * 32768, total)
    with pytest.raises(ValueError, match="`name` must be a track of 'train': 'train 0', .*name='none'"):
        read_track(manifest, "train", "none")


def test_missing_directory_manifest_and_shard(own_manifest, tmp_path):
    with pytest.raises(FileNotFoundError, match="No directory of TFRecords at .*python -m tfrecords_tools"):
        load_manifest(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="No manifest of TFRecords at .*python -m tfrecords_tools"):
        load_manifest(tmp_path)
    shard = Path(own_manifest.path_of(own_manifest.shards[1]))
    shard.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{shard.name}` is missing.*writes only what is missing"):
        load_manifest(own_manifest.directory)


def test_other_schema_version_and_broken_json(own_manifest):
    path = Path(own_manifest.directory) / "manifest.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"schema_version": 99}))
    with pytest.raises(ValueError, match=r"manifest\.json` has schema version 99; this version reads 1"):
        load_manifest(own_manifest.directory)
    path.write_text(json.dumps(values | {"surprise": 1}))
    with pytest.raises(ValueError, match="Unknown key in .*surprise"):
        load_manifest(own_manifest.directory)
    path.write_text(json.dumps(values | {"encoding": "ogg"}))
    with pytest.raises(ValueError, match="`encoding` must be one of"):
        load_manifest(own_manifest.directory)
    path.write_text('{"kind": "audio"}')
    with pytest.raises(ValueError, match="has schema version None"):
        load_manifest(own_manifest.directory)
    del values["kind"]
    for content in ("[1]", json.dumps(values)):
        path.write_text(content)
        with pytest.raises(
            ValueError, match="`kind of .* must be one of 'audio', 'images'. Received: .*None"
        ):
            load_manifest(own_manifest.directory)
    path.write_text("{")
    with pytest.raises(ValueError, match="is not valid JSON"):
        load_manifest(own_manifest.directory)


@pytest.mark.parametrize(
    "place,value,message",
    [
        (("splits",), [], "manifest.json` is damaged: `splits` must be a mapping"),
        (("splits", "train"), [], "manifest.json` is damaged: `splits.train` must be a mapping"),
        (
            ("splits", "train", "tracks"),
            {},
            "is damaged: `splits.train.tracks` must be a list",
        ),
        (("splits", "train", "sample_rate"), 0, "`sample_rate` must be an integer of at least 1"),
        (("splits", "train", "tracks", 0, "num_samples"), -5, "`num_samples` must be an integer"),
        (("splits", "train", "tracks", 0, "num_blocks"), "two", "num_blocks` must be an integer"),
        (("shards",), None, "shards` must be a list"),
        (("shards", 0, "group"), None, "group` must be an integer"),
        (("shards", 0, "bytes"), -1, "`bytes` must be an integer of at least 0"),
        (("sources",), ["bass", "bass"], "`sources` must be distinct names"),
        (("channels",), "2", "channels` must be an integer"),
        (("block_samples",), 0, "`block_samples` must be an integer of at least 1"),
        (("request",), 5, "request` must be a mapping"),
        (("dataset",), None, "dataset` must be a string"),
    ],
)
def test_values_of_other_types_and_ranges_are_refused(own_manifest, place, value, message):
    path = Path(own_manifest.directory) / "manifest.json"
    values = json.loads(path.read_text())
    parent = values
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = value
    path.write_text(json.dumps(values))
    with pytest.raises(ValueError, match=message):
        load_manifest(own_manifest.directory)


def break_shard(manifest, how):
    path = Path(manifest.path_of(next(s for s in manifest.shards if s.split == "validation")))
    data = bytearray(path.read_bytes())
    if how == "cut":
        data = data[: len(data) // 2]
    else:
        data[len(data) // 2] ^= 0x10
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_broken_shard_is_named_while_reading(own_manifest, how):
    path = break_shard(own_manifest, how)
    with pytest.raises(tf.errors.DataLossError):
        list(validation_waveforms(own_manifest, CONFIG, 4))
    message = rf"{path.name}` .*Delete the shard and run the `python -m tfrecords_tools` command"
    with pytest.raises(BrokenShardError, match=message):
        with reraise_with_shard_name(own_manifest):
            list(validation_waveforms(own_manifest, CONFIG, 4))
    with pytest.raises(BrokenShardError, match=path.name):
        verify_shards(own_manifest)
    with pytest.raises(BrokenShardError, match=path.name):
        read_track(own_manifest, "validation", "validation 0")


def test_missing_shard_is_named_while_reading(own_manifest):
    assert own_manifest.shards[-1].split == "test"
    Path(own_manifest.path_of(own_manifest.shards[-1])).unlink()
    with pytest.raises(BrokenShardError, match="is missing"):
        with reraise_with_shard_name(own_manifest):
            list(validation_waveforms(own_manifest, CONFIG, 4, split="test"))


def test_other_errors_pass(manifest):
    with pytest.raises(tf.errors.InvalidArgumentError, match="another thing"):
        with reraise_with_shard_name(manifest):
            raise tf.errors.InvalidArgumentError(None, None, "another thing")
    verify_shards(manifest)


def test_records_in_graph_and_in_python_agree():
    audio = {"mixture": signal("test", 0, "bass")[:70], "bass": signal("test", 0, "drums")[:70]}
    record = serialize_block(3, "Ünïcode", 2, 270, audio, 8000, "pcm16")
    assert record == serialize_block(3, "Ünïcode", 2, 270, audio, 8000, "pcm16")
    read = read_block(record, "pcm16", 2)
    assert (read["track"], read["track_name"], read["block"], read["num_samples"]) == (3, "Ünïcode", 2, 270)
    parsed = parse_block(tf.constant(record), ("bass", "mixture"), "pcm16", 2, 100)
    assert parsed["audio"].shape == (2, 100, 2) and int(parsed["track"]) == 3
    np.testing.assert_array_equal(parsed["audio"][0, :70], read["audio"]["bass"])
    assert not parsed["audio"][:, 70:].numpy().any()
    one = parse_block(
        tf.constant(record), ("bass", "mixture"), "pcm16", 2, 100, index=tf.constant(1, tf.int64)
    )
    np.testing.assert_array_equal(one["audio"][0], parsed["audio"][1])
    with pytest.raises(ValueError, match="must hold whole samples of 2 channels: 3 bytes do not"):
        broken = tf.train.Example.FromString(record)
        broken.features.feature["audio/bass"].bytes_list.value[0] = b"123"
        read_block(broken.SerializeToString(), "pcm16", 2)


def test_flac_records_hold_the_same_samples(tmp_path):
    manifest = make_records(tmp_path, encoding="flac")
    audio, _ = read_track(manifest, "train", "train 0")
    np.testing.assert_array_equal(audio["bass"] * 32768, signal("train", 0, "bass"))
    record = serialize_block(0, "a", 0, 10, {"bass": signal("test", 0, "bass")[:40]}, 8000, "flac")
    with pytest.raises(ValueError, match="must have 1 channels. Received: 2"):
        read_block(record, "flac", 1)
    broken = tf.train.Example.FromString(record)
    broken.features.feature["audio/bass"].bytes_list.value[0] = b"no flac"
    with pytest.raises(ValueError, match="`audio/bass` cannot be decoded as FLAC"):
        read_block(broken.SerializeToString(), "flac", 2)


@pytest.mark.flac
def test_flac_records_in_the_graph(tmp_path, manifest):
    try:
        flac_decoder()
    except RuntimeError:
        pytest.skip("tensorflow-io's binary needs TensorFlow 2.16 or 2.17")
    flac = make_records(tmp_path, encoding="flac")
    pairs = zip(validation_waveforms(manifest, CONFIG, 4), validation_waveforms(flac, CONFIG, 4), strict=True)
    for (mixture, _), (same, _) in pairs:
        np.testing.assert_array_equal(mixture, same)


def test_flac_without_tensorflow_io(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_io", None)
    with pytest.raises(
        RuntimeError, match=r"tensorflow-io 0\.37\.1 with TensorFlow 2\.16 or 2\.17.*--encoding pcm16"
    ):
        flac_decoder()


def test_config_is_json_able():
    config = AudioDataConfig(8000, 2, ("a", "b"), 100, 60, gain_range=(0.7, 1.0), validation_hop=30)
    assert from_dict(AudioDataConfig, json.loads(json.dumps(to_dict(config)))) == config
    assert config.context_before == 20


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"sample_rate_hz": 0}, "`sample_rate_hz` must be an integer of at least 1"),
        ({"channels": 3}, "`channels` must be one of 1, 2"),
        ({"sources": ()}, "`sources` must name at least one"),
        ({"sources": "vocals"}, "`sources` must be distinct names"),
        ({"sources": ("a", "a")}, "`sources` must be distinct names"),
        ({"input_samples": 10}, "`input_samples` must be at least `output_samples`"),
        ({"sources_from": "both"}, "`sources_from` must be one of"),
        ({"mixture": "max"}, "`mixture` must be one of"),
        ({"mixture": "stored"}, "`mixture` 'stored' must go with sources as stored"),
        ({"gain_range": (1.0, 0.5)}, r"`gain_range` must be \(low, high\)"),
        ({"gain_range": (1.0,)}, r"`gain_range` must be \(low, high\)"),
        ({"channel_swap_probability": 1.5}, r"`channel_swap_probability` must be in \[0, 1\]"),
        ({"polarity_inversion_probability": -0.1}, r"`polarity_inversion_probability` must be in \[0, 1\]"),
        (
            {"mixture": "stored", "sources_from": "same_track", "polarity_inversion_probability": 0.5},
            "gain_range=None, channel_swap_probability=0, polarity_inversion_probability=0. Use .* Received: "
            ".*polarity_inversion_probability=0.5",
        ),
        ({"validation_hop": 0}, "`validation_hop` must be an integer of at least 1"),
        ({"seed": -1}, "`seed` must be an integer of at least 0"),
        ({"shuffle_excerpts": 0}, "`shuffle_excerpts` must be an integer of at least 1"),
    ],
)
def test_config_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(CONFIG, **changes)
