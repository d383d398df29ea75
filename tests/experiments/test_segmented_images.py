"""Images of records that others made: their names become names of files, so each must be the manifest's."""

import json

import pytest
import tensorflow as tf

from keras_d3.data import BrokenShardError, load_manifest, read_image, serialize_image
from keras_d3.experiments.segmented_images import has_labels, images_of
from keras_d3.utils import sha256_of_file, with_checksum
from tests.helpers.small_scenes import make_street_records


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return make_street_records(tmp_path_factory.mktemp("street"))


def replaced(manifest, **changes):
    """Changes features of a split's first record as a stranger would, with right checksums everywhere."""
    shard = next(shard for shard in manifest.shards if shard.split == "validation")
    path = manifest.path_of(shard)
    records = list(tf.data.TFRecordDataset([path]).as_numpy_iterator())
    feature = tf.train.Example.FromString(records[0]).features.feature
    values = {name: feature[name].bytes_list.value[0] for name in ("image_encoded", "label_encoded")}
    image = read_image(records[0])
    given = {"image": 0, "name": image["image_name"], "height": 48, "width": 96, **values, **changes}
    with tf.io.TFRecordWriter(path) as writer:
        for record in (serialize_image(**given), *records[1:]):
            writer.write(record)
    values = manifest.to_dict()
    values["shards"][manifest.shards.index(shard)]["bytes"] = tf.io.gfile.stat(path).length
    values["shards"][manifest.shards.index(shard)]["sha256"] = sha256_of_file(path)
    with open(f"{manifest.directory}/manifest.json", "w") as file:
        json.dump(with_checksum(values), file)
    return load_manifest(manifest.directory)


def test_whole_records(records):
    manifest = load_manifest(records)
    names = [image["image_name"] for image in images_of(manifest, "validation")]
    assert names == [image.name for image in manifest.images("validation")]
    assert has_labels(manifest, "validation")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "../../precious"}, "`image_name` must be a text that can be the name of a file"),
        ({"name": "another"}, "it is of image 0, 'another', which the manifest does not know"),
        ({"image": 77}, "it is of image 77, .* which the manifest does not know"),
        ({"image": -1}, "it is of image -1, "),
        ({"image_encoded": b"no picture"}, "`image_encoded` cannot be decoded"),
    ],
)
def test_records_of_others(tmp_path, changes, message):
    manifest = replaced(load_manifest(make_street_records(tmp_path)), **changes)
    with pytest.raises(BrokenShardError, match=f"A record of `.*tfrecord` is broken: {message}"):
        list(images_of(manifest, "validation"))


def test_a_label_map_that_is_none(tmp_path):
    manifest = replaced(load_manifest(make_street_records(tmp_path)), label_encoded=b"\x89PNG cut")
    with pytest.raises(BrokenShardError, match="A record of `.*tfrecord` is broken: `label_encoded` cannot"):
        has_labels(manifest, "validation")
