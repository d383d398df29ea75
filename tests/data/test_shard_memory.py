"""Checksums of shards: compared once, remembered, and compared again when a file was touched."""

import json
import os
from pathlib import Path

import pytest

from keras_d3.data import BrokenShardError, changed_shards, check_shards_once, read_track, shard_memory
from keras_d3.data.shard_memory import MEMORY_NAME
from tests.data.test_hostile_records import own_records


def replace_bytes(manifest, split="validation"):
    """Writes other audio of the same length, with TFRecord's checksums right; returns the shard's path."""
    import tensorflow as tf

    records = own_records(manifest, split)
    path = Path(manifest.path_of(next(shard for shard in manifest.shards if shard.split == split)))
    before = path.read_bytes()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record[:-8] + bytes(8))
    assert len(path.read_bytes()) == len(before) and path.read_bytes() != before
    return path


@pytest.fixture
def counted(monkeypatch):
    """Counts the shards that are read; files that were written just now count as settled."""
    monkeypatch.setattr(shard_memory, "RECENT_SECS", -3600.0)
    monkeypatch.setattr(shard_memory, "_found", {})
    read = []
    original = shard_memory.sha256_of_file
    monkeypatch.setattr(shard_memory, "sha256_of_file", lambda path: read.append(path) or original(path))
    return read


def test_each_shard_is_read_once(own_manifest, counted, monkeypatch):
    check_shards_once(own_manifest, "train")
    num_train = len([shard for shard in own_manifest.shards if shard.split == "train"])
    assert len(counted) == num_train
    check_shards_once(own_manifest, "train")
    monkeypatch.setattr(shard_memory, "_found", {})  # as in another process
    check_shards_once(own_manifest)
    assert sorted(counted) == sorted(map(own_manifest.path_of, own_manifest.shards))
    memory = json.loads((Path(own_manifest.directory) / MEMORY_NAME).read_text())
    assert sorted(memory) == sorted(shard.file for shard in own_manifest.shards)


def test_replaced_bytes_are_found(own_manifest, counted):
    check_shards_once(own_manifest)
    path = Path(own_manifest.path_of(own_manifest.shards[0]))
    stat = path.stat()
    path = replace_bytes(own_manifest)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # the time of content can be set, the other not
    with pytest.raises(BrokenShardError, match=f"The shard .*{path.name}` has other bytes than were written"):
        check_shards_once(own_manifest, "train", "validation")
    with pytest.raises(BrokenShardError, match="has other bytes than were written"):
        read_track(own_manifest, "validation", "validation 0")
    check_shards_once(own_manifest, "train", "test")
    changed = changed_shards(own_manifest, own_manifest.shards, remember=False)
    assert [shard.file for shard in changed] == [path.name]


def test_a_file_that_was_just_written_is_not_remembered(own_manifest, monkeypatch):
    monkeypatch.setattr(shard_memory, "RECENT_SECS", 3600.0)
    check_shards_once(own_manifest)
    assert not (Path(own_manifest.directory) / MEMORY_NAME).exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"train-00000-00.tfrecord": 3}', '{"../x": [1, 2, 3, "4"]}'])
def test_a_damaged_memory_is_no_memory(own_manifest, counted, content):
    (Path(own_manifest.directory) / MEMORY_NAME).write_text(content)
    check_shards_once(own_manifest)
    assert len(counted) == len(own_manifest.shards)
    assert "../x" not in (Path(own_manifest.directory) / MEMORY_NAME).read_text()


def test_a_directory_that_cannot_be_written_to(own_manifest, counted, monkeypatch):
    def refuse(path, value):
        raise PermissionError("read-only")

    monkeypatch.setattr(shard_memory, "write_json", refuse)
    with pytest.warns(UserWarning, match="could not be kept at .*read-only.*; every run compares it again"):
        check_shards_once(own_manifest)
    check_shards_once(own_manifest)  # remembered in this process
    assert len(counted) == len(own_manifest.shards)


def test_missing_and_cut_shards(own_manifest):
    path = Path(own_manifest.path_of(own_manifest.shards[0]))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BrokenShardError, match=r"has \d+ bytes, \d+ were written"):
        check_shards_once(own_manifest)
    path.unlink()
    with pytest.raises(BrokenShardError, match="is missing"):
        check_shards_once(own_manifest)
