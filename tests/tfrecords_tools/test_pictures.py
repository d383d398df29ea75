"""Pictures of records: what training decodes is what scores and `segment` see, whatever the files are."""

import re

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_d3.data import load_manifest
from keras_d3.data import read_image as read_record
from keras_d3.data.images.schema import decode_pixels, parse_image
from keras_d3.images import plain_label_set, read_image
from tfrecords_tools.image_writer import ImageFiles, write_images
from tfrecords_tools.pictures import read_picture


def photo(height=40, width=60):
    rows, columns = np.mgrid[:height, :width]
    noise = np.random.default_rng(0).integers(0, 60, (height, width, 3))
    return (noise + np.stack([rows * 4, columns * 3, rows + columns], -1)).clip(0, 255).astype("uint8")


def save(path, kind):
    picture = Image.fromarray(photo())
    exif = Image.Exif()
    exif[0x0112] = 6
    if kind == "turned":
        picture.save(path, exif=exif)
    elif kind == "cmyk":
        picture.convert("CMYK").save(path)
    elif kind == "gray":
        picture.convert("L").save(path)
    elif kind == "mpo":
        picture.save(path, "MPO", save_all=True, append_images=[picture.rotate(180)])
    elif kind == "deep":
        Image.fromarray(photo()[..., 0].astype("uint16") * 257).save(path, "PNG")
    elif kind == "transparent":
        picture.putalpha(100)
        picture.save(path, "PNG")
    elif kind == "tiff":
        picture.save(path, "TIFF")
    else:
        picture.save(path, "JPEG", quality=85, subsampling=int(kind[-1]), progressive="p" in kind)


KEPT = ("jpeg 0", "jpeg 1", "jpeg 2", "progressive 2", "gray")
KINDS = (*KEPT, "turned", "cmyk", "mpo", "deep", "transparent", "tiff")


@pytest.mark.parametrize("kind", KINDS)
def test_training_decodes_what_segment_reads(kind, tmp_path):
    path = tmp_path / "x.jpg"
    save(path, kind)
    expected = read_image(path)
    size, encoded = read_picture(path)
    assert size == expected.shape[:2] == ((60, 40) if kind == "turned" else (40, 60))
    np.testing.assert_array_equal(decode_pixels(tf.constant(encoded)).numpy(), expected)
    if kind in KEPT:
        assert encoded == path.read_bytes()


def test_the_fast_transform_would_not_do(tmp_path):
    save(tmp_path / "x.jpg", "jpeg 2")
    fast = tf.io.decode_jpeg((tmp_path / "x.jpg").read_bytes(), dct_method="INTEGER_FAST").numpy()
    assert (fast != read_image(tmp_path / "x.jpg")).mean() > 0.2


def write(tmp_path, labels, size=(40, 60), kind="jpeg 2"):
    images = []
    for number, value in enumerate(labels):
        save(tmp_path / f"{number}.jpg", kind)
        label = np.full(size, value[0], "uint8")
        label[:5] = value[-1]
        Image.fromarray(label).save(tmp_path / f"{number}.png")
        paths = [str(tmp_path / f"{number}.{suffix}") for suffix in ("jpg", "png")]
        images.append(ImageFiles("train", str(number), *paths, "indices", "own"))
    lines = []
    options = {"num_workers": 1, "log": lines.append}
    manifest = write_images(tmp_path / "out", "d", "v", images, plain_label_set(3), **options)
    return manifest, [line for line in lines if line.startswith("Warning")]


def test_records_decode_alike_in_training_and_in_scores(tmp_path):
    manifest, warnings = write(tmp_path, [(0, 1), (1, 2)], kind="turned", size=(60, 40))
    assert (
        warnings == []
        and [(image.height, image.width) for image in manifest.images("train")] == [(60, 40)] * 2
    )
    paths = [path for group in load_manifest(tmp_path / "out").groups("train") for path in group.paths]
    for data in tf.data.TFRecordDataset(paths):
        record = read_record(data.numpy())
        image, label = parse_image(data)
        np.testing.assert_array_equal(image, record["pixels"])
        np.testing.assert_array_equal(label, record["label"])
        np.testing.assert_array_equal(record["pixels"], read_image(tmp_path / "0.jpg"))


def test_a_label_map_that_was_not_turned_with_its_image(tmp_path):
    with pytest.raises(
        ValueError, match="Received: 60 x 40 in .*, 40 x 60 in .*EXIF orientation.*turn the label"
    ):
        write(tmp_path, [(0, 1)], kind="turned")


@pytest.mark.parametrize(
    "labels, message",
    [
        ([(0,), (0,)], r"one class alone, 0 \(0\)\. Are they masks in other values"),
        ([(0, 255), (0,)], r"one class alone, 0 \(0\), beside 255.*Masks of 0 and 255 need 0 and 1"),
        ([(255,)], "all pixels of all label maps are 255"),
        ([(0,), (1,)], None),
    ],
)
def test_a_warning_where_labels_hold_one_class(tmp_path, labels, message):
    _, warnings = write(tmp_path, labels)
    if message is None:
        assert warnings == []
    else:
        assert len(warnings) == 1
        assert re.search(message, warnings[0])


@pytest.mark.parametrize(
    "mode, kind, hint",
    [
        ("RGB", "PNG", "Received: PNG of mode RGB. Colors are no class numbers"),
        ("L", "JPEG", "Received: JPEG of mode L. Lossy formats change class numbers"),
        ("1", "PNG", "Received: PNG of mode 1. Save it with one channel of 8 bits"),
        ("I;16", "PNG", "Received: PNG of mode I;16. Save it with 8 bits"),
    ],
)
def test_other_label_maps_are_refused_with_a_way_out(tmp_path, mode, kind, hint):
    from tfrecords_tools.label_maps import read_label

    picture = Image.fromarray(np.zeros((4, 4), "uint16" if mode == "I;16" else "uint8"))
    (picture if mode == "I;16" else picture.convert(mode)).save(tmp_path / "label.png", kind)
    with pytest.raises(ValueError, match=f"label.png` must be PNG of mode P or L. {hint}"):
        read_label(tmp_path / "label.png", "indices", 3)
