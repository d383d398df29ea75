import numpy as np
import pytest
from PIL import Image

from keras_d3.images.files import colorize, overlay, read_image, write_image, write_labels
from keras_d3.images.label_sets import CITYSCAPES, VOC, LabelSet, plain_label_set, voc_palette
from keras_d3.images.normalization import IMAGENET_CAFFE_BGR, IMAGENET_RGB, ImageNormalization

LABELS = np.array([[0, 1, 255], [2, 0, 3]], "uint8")
PALETTE = ((10, 20, 30), (0, 0, 0), (255, 255, 255))


def test_normalization_and_its_inverse():
    image = np.random.default_rng(0).uniform(0, 255, (4, 5, 3)).astype("float32")
    for normalization in (IMAGENET_RGB, IMAGENET_CAFFE_BGR):
        inputs = normalization(image)
        assert inputs.dtype == np.float32
        np.testing.assert_allclose(normalization.inverse(inputs), image, atol=1e-4)
    np.testing.assert_allclose(IMAGENET_RGB(np.full((1, 3), 100.0))[0, 0], -0.405428547, rtol=1e-6)
    # Blue comes first.
    assert IMAGENET_CAFFE_BGR(np.array([[200.0, 0.0, 100.0]]))[0, 2] == pytest.approx(200 - 122.67891434)


def test_label_sets():
    assert (len(CITYSCAPES), len(VOC)) == (19, 21)
    assert VOC.names[15] == "person" and VOC.palette[15] == (192, 128, 128)
    assert CITYSCAPES.palette[0] == (128, 64, 128) and CITYSCAPES.names[18] == "bicycle"
    assert voc_palette(256)[255] == (224, 224, 192)
    assert plain_label_set(2).names == ("0", "1")


def test_colors_and_overlay():
    colors = colorize(LABELS, PALETTE)
    assert colors[0].tolist() == [[10, 20, 30], [0, 0, 0], [0, 0, 0]]
    assert colors[1, 2].tolist() == [0, 0, 0]
    image = np.full((2, 3, 3), 100, "uint8")
    mixed = overlay(image, LABELS, PALETTE, opacity=0.25)
    assert mixed[0, 0].tolist() == [78, 80, 82] and mixed[0, 1].tolist() == [75] * 3
    # No class: the image itself.
    assert mixed[0, 2].tolist() == mixed[1, 2].tolist() == [100] * 3


def test_files(tmp_path):
    write_labels(tmp_path / "labels.png", LABELS, PALETTE)
    with Image.open(tmp_path / "labels.png") as file:
        assert file.mode == "P"
        np.testing.assert_array_equal(np.asarray(file), LABELS)
        assert file.convert("RGB").getpixel((0, 0)) == (10, 20, 30)
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype="uint8")
    write_image(tmp_path / "image.png", image)
    np.testing.assert_array_equal(read_image(tmp_path / "image.png"), image)
    turned = Image.fromarray(image)
    exif = turned.getexif()
    exif[0x0112] = 6  # A quarter turn clockwise shows it upright.
    turned.save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "turned.png"), np.rot90(image, -1))


def test_errors(tmp_path):
    with pytest.raises(ValueError, match=r"`mean` must be three numbers.*mean=\(1, 2\)"):
        ImageNormalization(mean=(1, 2))
    with pytest.raises(ValueError, match="`std` must be positive"):
        ImageNormalization(std=(1, 0, 1))
    with pytest.raises(ValueError, match="`channel_order` must be one of 'rgb', 'bgr'"):
        ImageNormalization(channel_order="gbr")
    with pytest.raises(ValueError, match=r"`palette` must have one \(red, green, blue\).*2 names"):
        LabelSet(("a", "b"), ((0, 0, 0),))
    with pytest.raises(ValueError, match="`names` must be different"):
        LabelSet(("a", "a"), PALETTE[:2])
    with pytest.raises(ValueError, match=r"`labels` must be an integer array \(height, width\)"):
        colorize(LABELS.astype("float32"), PALETTE)
    with pytest.raises(ValueError, match="`image` must have the height and width of `labels`"):
        overlay(np.zeros((3, 2, 3), "uint8"), LABELS, PALETTE)
    with pytest.raises(ValueError, match="`opacity` must be a number from 0 to 1. Received: opacity=2"):
        overlay(np.zeros((2, 3, 3), "uint8"), LABELS, PALETTE, opacity=2)
    with pytest.raises(ValueError, match=r"`labels` must be an array .* from 0 to 255"):
        write_labels(tmp_path / "labels.png", LABELS.astype("int32") + 1, PALETTE)
    with pytest.raises(FileNotFoundError, match="No image at `.*none.png`"):
        read_image(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(ValueError, match="text.png` must be an image file that Pillow reads"):
        read_image(tmp_path / "text.png")
