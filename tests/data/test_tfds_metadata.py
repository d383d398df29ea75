"""The files by which TensorFlow Datasets reads records, and what it reads by them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_d3.data import load_manifest, read_image, read_track, write_tfds_metadata
from tests.data.conftest import make_records
from tests.helpers.small_scenes import make_street_records


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return load_manifest(make_street_records(tmp_path_factory.mktemp("street")))


def read_files(manifest):
    names = ("dataset_info.json", "features.json")
    return [json.loads((Path(manifest.directory) / name).read_text(encoding="utf-8")) for name in names]


def record_of(manifest, split):
    path = manifest.groups(split)[0].paths[0]
    return next(iter(tf.data.TFRecordDataset([path]).as_numpy_iterator()))


@pytest.mark.parametrize("kind", ["manifest", "images"])
def test_every_feature_of_a_record_is_described_and_no_other(kind, request):
    manifest = request.getfixturevalue(kind)
    _, features = read_files(manifest)
    described = set()
    for name, feature in features["featuresDict"]["features"].items():
        inner = feature.get("featuresDict", {}).get("features", {})
        described |= {f"{name}/{key}" for key in inner} or {name}
    assert described == set(tf.train.Example.FromString(record_of(manifest, "train")).features.feature)


def test_splits_have_their_shards(manifest):
    info, _ = read_files(manifest)
    for split in info["splits"]:
        shards = [shard for shard in manifest.shards if shard.split == split["name"]]
        assert split["shardLengths"] == [str(shard.num_records) for shard in shards]
        assert split["numBytes"] == str(sum(shard.bytes for shard in shards))
    assert [split["name"] for split in info["splits"]] == list(manifest.splits)
    assert info["name"] == "ramps"


def test_shards_of_long_songs_are_linked_in_a_row(own_manifest, tmp_path):
    links = sorted((tmp_path / "records").glob("train.tfrecord-*"))
    files = [shard.file for shard in own_manifest.shards if shard.split == "train"]
    assert [link.readlink().name for link in links] == files and len(files) == 5
    assert links[-1].name == f"train.tfrecord-{len(files) - 1:05d}-of-{len(files):05d}"
    stale = tmp_path / "records" / "train.tfrecord-00000-of-00001"
    stale.symlink_to(files[0])
    write_tfds_metadata(own_manifest)
    assert not stale.is_symlink() and all(link.is_symlink() for link in links)


def test_records_without_long_songs_have_no_links(tmp_path):
    manifest = make_records(tmp_path, shard_mb=1)
    assert not list((tmp_path / "records").glob("*.tfrecord-*"))
    assert read_files(manifest)[0]["splits"][0]["filepathTemplate"] == "{SPLIT}-{SHARD_INDEX}-00.{FILEFORMAT}"


def test_records_of_an_earlier_version_get_the_files(tmp_path):
    make_records(tmp_path)
    for name in ("dataset_info.json", "features.json"):
        (tmp_path / "records" / name).unlink()
    shutil.rmtree(tmp_path / "songs")
    read_files(make_records(tmp_path))


@pytest.mark.parametrize("shard_mb", [0.016, 1])
def test_tensorflow_datasets_reads_the_songs(tmp_path, shard_mb):
    tfds = pytest.importorskip("tensorflow_datasets")
    manifest = make_records(tmp_path, shard_mb=shard_mb)
    builder = tfds.builder_from_directory(manifest.directory)
    for split in manifest.splits:
        blocks = {}
        for record in builder.as_dataset(split=split).as_numpy_iterator():
            blocks.setdefault(record["track_name"].decode(), []).append(record["audio"]["drums"])
        assert list(blocks) == [track.name for track in manifest.tracks(split)]
        for name, pieces in blocks.items():
            expected = read_track(manifest, split, name)[0]["drums"]
            np.testing.assert_array_equal(np.concatenate(pieces) / np.float32(32768), expected)


def test_tensorflow_datasets_reads_the_images(images):
    tfds = pytest.importorskip("tensorflow_datasets")
    dataset = tfds.builder_from_directory(images.directory).as_dataset(split="train")
    found = next(iter(dataset.as_numpy_iterator()))
    expected = read_image(record_of(images, "train"))
    np.testing.assert_array_equal(found["image_encoded"], expected["pixels"])
    np.testing.assert_array_equal(found["label_encoded"][:, :, 0], expected["label"])
    assert found["image_name"].decode() == expected["image_name"]
