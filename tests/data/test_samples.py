"""Samples read from their places in shards; damage and other records are refused by name."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_d3.data import BrokenShardError, reraise_with_shard_name, shard_memory, training_waveforms
from keras_d3.data.audio.samples import SampleReader
from keras_d3.data.value_places import Place, value_places
from keras_d3.settings import AudioDataConfig
from tests.data.conftest import LENGTHS, SOURCES, signal
from tests.data.test_hostile_records import BAD_RECORDS, own_records, replace_records

CONFIG = AudioDataConfig(8000, 2, SOURCES, 60, 60, "same_track", shuffle_excerpts=4)


def shard_of(manifest, split="validation"):
    return Path(manifest.path_of(next(shard for shard in manifest.shards if shard.split == split)))


def read(reader, length=50, begin=10, track=0, feature="bass"):
    out = np.full((length, 2), 7, "int16")
    reader.read(feature, track, begin, out)
    return out


@pytest.mark.parametrize("begin, length", [(0, 2311), (-30, 100), (2300, 90), (99, 2), (250, 1), (-9, 3000)])
def test_samples_of_any_place(manifest, begin, length):
    """Across blocks and shards, with zeros outside the track."""
    reader = SampleReader(manifest, "train")
    for source in SOURCES:
        out = read(reader, length, begin, 0, source)
        whole = np.pad(signal("train", 0, source), ((max(0, -begin), 3000), (0, 0)))
        np.testing.assert_array_equal(out, whole[max(0, begin) :][:length])


def test_tracks_that_share_a_shard_and_the_mixture(mono_manifest):
    reader = SampleReader(mono_manifest, "train")
    for track, length in enumerate(LENGTHS["train"]):
        out = np.empty((length, 1), "int16")
        reader.read("mixture", track, 0, out)
        total = sum(signal("train", track, source)[:, :1].astype(int) for source in SOURCES)
        np.testing.assert_array_equal(out, total)


def test_places_are_those_of_the_parsed_records(own_manifest):
    path, records = shard_of(own_manifest), own_records(own_manifest)
    with open(path, "rb", buffering=0) as file:
        found = value_places(file, path.stat().st_size)
    content = path.read_bytes()
    for record, places in zip(records, found, strict=True):
        features = tf.train.Example.FromString(record).features.feature
        assert set(places) == set(features)
        for name, place in places.items():
            if isinstance(place, Place):
                (value,) = features[name].bytes_list.value
                assert content[place.offset : place.offset + place.num_bytes] == value
            else:
                assert features[name].int64_list.value == [place]


@pytest.mark.parametrize("kind", BAD_RECORDS)
def test_records_that_are_others_than_the_manifest_says(own_manifest, kind):
    records = own_records(own_manifest)
    manifest, path = replace_records(own_manifest, [BAD_RECORDS[kind](records[0]), *records[1:]])
    with pytest.raises(BrokenShardError, match=rf"{path.name}` is broken: record 0"):
        read(SampleReader(manifest, "validation"))


def test_records_in_another_order_or_number(own_manifest):
    records = own_records(own_manifest)
    manifest, path = replace_records(own_manifest, [records[1], records[0], *records[2:]])
    with pytest.raises(
        BrokenShardError, match=rf"{path.name}` is broken: record 0 is not block 0 of track 0"
    ):
        read(SampleReader(manifest, "validation"))
    manifest, path = replace_records(own_manifest, records, "validation")
    path.write_bytes(path.read_bytes()[:-3])
    with open(path, "rb", buffering=0) as file, pytest.raises(ValueError, match="ends behind the file"):
        value_places(file, path.stat().st_size)


@pytest.mark.parametrize("how", ["cut", "flipped", "missing"])
def test_damage_is_refused_while_training(own_manifest, how):
    path = shard_of(own_manifest)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(content[: len(content) // 2] if how == "cut" else content)
    with pytest.raises(BrokenShardError, match=path.name):
        with reraise_with_shard_name(own_manifest):
            list(training_waveforms(own_manifest, CONFIG, 4, 3, split="validation").take(3))


def test_a_shard_that_changes_after_it_was_checked_is_refused(own_manifest):
    reader = SampleReader(own_manifest, "validation")
    before = read(reader)
    path = shard_of(own_manifest)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)
    os.utime(path, ns=(0, 0))
    with pytest.raises(BrokenShardError, match=rf"{path.name}` has other bytes"):
        read(reader)
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)
    np.testing.assert_array_equal(read(reader), before)


def test_a_shard_is_compared_once(own_manifest, monkeypatch):
    compared = []

    def sha256(path):
        compared.append(Path(path).name)
        return sha256_of_file(path)

    sha256_of_file = shard_memory.sha256_of_file
    monkeypatch.setattr(shard_memory, "sha256_of_file", sha256)
    reader = SampleReader(own_manifest, "validation")
    for _ in range(5):
        read(reader)
    assert compared == [shard_of(own_manifest).name]
