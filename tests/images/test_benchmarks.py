"""Label maps as servers of benchmarks take them: ids, names, objections."""

import numpy as np
import pytest
from PIL import Image

from keras_d3.images import CITYSCAPES, VOC, benchmark_labels, write_labels
from tfrecords_tools.label_maps import read_label


def test_cityscapes_ids_are_those_that_are_read(tmp_path):
    """Written ids, read as the data set's own label maps are, give the class numbers again."""
    benchmark = benchmark_labels(CITYSCAPES.names)
    labels = np.arange(19, dtype="uint8").reshape(1, 19)
    write_labels(tmp_path / "x.png", benchmark.encode(labels), None)
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.mode == "L" and picture.size == (19, 1)
        assert np.asarray(picture)[0, :3].tolist() == [7, 8, 11]
    np.testing.assert_array_equal(read_label(tmp_path / "x.png", "cityscapes_ids", 19)[0], labels)


def test_names():
    cityscapes, voc = benchmark_labels(CITYSCAPES.names), benchmark_labels(VOC.names)
    for name in ("berlin_000000_000019", "berlin_000000_000019_leftImg8bit"):
        assert cityscapes.file_name(name) == "berlin_000000_000019_pred_labelIds.png"
        assert cityscapes.objections(name, (1024, 2048)) == ""
    assert voc.file_name("2008_000006") == "2008_000006.png" and voc.colors
    assert voc.encode(np.array([[20, 0]])).tolist() == [[20, 0]]
    assert voc.objections("2008_000006", (3, 5)) == ""


def test_objections():
    found = benchmark_labels(CITYSCAPES.names).objections("street", (48, 96))
    assert "its name is not like" in found and "it has 48 x 96 pixels, not 1024 x 2048" in found


def test_other_classes_have_no_server():
    with pytest.raises(
        ValueError, match="known for the classes of Cityscapes and PASCAL VOC alone. Received: 2"
    ):
        benchmark_labels(("a", "b"))
