"""Segmenters: any size, windows, test-time augmentation, SavedModels, files."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_d3.cli import main
from keras_d3.images.label_sets import VOC, LabelSet
from keras_d3.images.normalization import ImageNormalization
from keras_d3.segmentation import Segmenter, load_segmenter, segment_file
from keras_d3.separation import read_separator_metadata
from keras_d3.settings import SegmenterConfig
from tests.helpers.official_d3net_segmentation import resized

NORMALIZATION = ImageNormalization((100.0, 120.0, 140.0), (50.0, 60.0, 70.0), "bgr")
LABELS = LabelSet(("sky", "road", "car", "tree"), ((0, 0, 9), (9, 0, 0), (0, 9, 0), (200, 100, 0)))


def settings(**changes):
    return SegmenterConfig(NORMALIZATION, LABELS, **changes)


def image_of(*size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype="uint8")


def network(stride=1, as_dict=False):
    """One convolution 3x3, which sees its neighbors and so the ends of windows."""
    image = keras.Input((None, None, 3))
    conv = keras.layers.Conv2D(4, 3, stride, padding="same", name="conv")
    outputs = conv(image)
    conv.kernel.assign(0.3 * np.random.default_rng(1).standard_normal((3, 3, 3, 4)))
    return keras.Model(image, {"logits": outputs, "auxiliary_logits": outputs} if as_dict else outputs)


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def logits_of(model, image):
    return model(NORMALIZATION(image.astype("float32"))[np.newaxis]).numpy()[0].astype("float64")


@pytest.fixture(scope="module")
def whole():
    """Logits of half the size, as part of a dict."""
    model = network(stride=2, as_dict=True)
    return model, Segmenter(model, settings(), {"recipe": {"name": "tiny"}})


def test_whole_images_of_any_size(whole):
    model, segmenter = whole
    for size in ((40, 50), (33, 71), (1, 1), (90, 5)):
        image = image_of(*size)
        labels, probabilities = segmenter.segment(image)
        assert labels.dtype == np.uint8 and labels.shape == size
        assert probabilities.dtype == np.float32 and probabilities.shape == (*size, 4)
        np.testing.assert_allclose(probabilities.sum(axis=-1), 1, atol=1e-5)
        np.testing.assert_array_equal(labels, probabilities.argmax(axis=-1))
    image = image_of(33, 71)
    logits = model(NORMALIZATION(image.astype("float32"))[np.newaxis])["logits"].numpy().astype("float64")
    expected = softmax(resized(logits.transpose(0, 3, 1, 2), (33, 71)).transpose(0, 2, 3, 1)[0])
    np.testing.assert_allclose(segmenter.segment(image)[1], expected, atol=1e-5)


def test_windows_average_their_logits():
    model, (height, width) = network(), (41, 50)
    segmenter = Segmenter(model, settings(window=(24, 20), stride=(16, 15)))
    image = image_of(height, width)
    total, count = np.zeros((height, width, 4)), np.zeros((height, width, 1))
    for top in (0, 16, 17):
        for left in (0, 15, 30):
            part = (slice(top, top + 24), slice(left, left + 20))
            total[part] += logits_of(model, image[part])
            count[part] += 1
    np.testing.assert_allclose(segmenter.segment(image)[1], softmax(total / count), atol=1e-5)
    # Smaller than a window: continued by the mean color, which is what the convolution's padding is too.
    small = image_of(9, 30)
    assert segmenter.segment(small)[1].shape == (9, 30, 4)
    small = small[:, :20]
    np.testing.assert_allclose(segmenter.segment(small)[1], softmax(logits_of(model, small)), atol=1e-5)


def test_scales_and_mirror_images_average_probabilities():
    model, image = network(), image_of(40, 64)
    segmenter = Segmenter(model, settings(scales=(1, 0.75), flip=True))
    pixels = image.astype("float64").transpose(2, 0, 1)[np.newaxis]
    scaled = resized(pixels, (30, 48))[0].transpose(1, 2, 0)
    # Small ones are continued to 32 pixels.
    continued = np.full((32, 48, 3), NORMALIZATION.mean[::-1])
    continued[:30] = scaled
    total = 0
    for variant, size in ((image, None), (continued, (40, 64))):
        for step in (1, -1):
            logits = logits_of(model, np.ascontiguousarray(variant[:, ::step]))[:, ::step]
            if size:
                logits = resized(logits[:30].transpose(2, 0, 1)[np.newaxis], size)[0].transpose(1, 2, 0)
            total = total + softmax(logits) / 4
    np.testing.assert_allclose(segmenter.segment(image)[1], total, atol=1e-5)


def test_legacy_resizing():
    """TensorFlow 1 put the first pixels' corners, not their centers, on each other."""
    model, image = network(stride=2), image_of(32, 32)
    probabilities = Segmenter(model, settings(resize="legacy")).segment(image)[1]
    logits = logits_of(model, image)
    np.testing.assert_allclose(probabilities[::2, ::2], softmax(logits), atol=1e-5)
    between = (logits[:-1] + logits[1:]) / 2
    np.testing.assert_allclose(probabilities[1:-1:2, ::2], softmax(between), atol=1e-5)


@pytest.fixture(scope="module")
def exported(whole, tmp_path_factory):
    return whole[1].export(tmp_path_factory.mktemp("export") / "segmenter")


def test_saved_model_equals_memory(whole, exported):
    loaded = load_segmenter(exported)
    assert loaded.metadata == whole[1].metadata
    assert loaded.classes == LABELS.names and loaded.palette == LABELS.palette
    for size in ((45, 38), (3, 70)):
        for ours, theirs in zip(
            loaded.segment(image_of(*size)), whole[1].segment(image_of(*size)), strict=True
        ):
            assert ours.dtype == theirs.dtype
            np.testing.assert_allclose(ours, theirs, atol=1e-5)
    signature = tf.saved_model.load(str(exported)).signatures["segment"]
    (spec,) = signature.structured_input_signature[1].values()
    assert spec.name == "image" and spec.dtype == tf.uint8 and spec.shape.as_list() == [None, None, 3]
    outputs = {
        name: (output.dtype, output.shape.as_list()) for name, output in signature.structured_outputs.items()
    }
    assert outputs["labels"] == (tf.uint8, [None, None])
    assert outputs["probabilities"] == (tf.float32, [None, None, 4])
    default = tf.saved_model.load(str(exported)).signatures["serving_default"]
    image = tf.constant(image_of(45, 38))
    for name, output in signature(image=image).items():
        np.testing.assert_array_equal(default(image=image)[name], output)


def test_metadata_travel_along(exported):
    metadata = load_segmenter(exported).metadata
    assert metadata["recipe"] == {"name": "tiny"} and metadata["task"] == "segmentation"
    assert ImageNormalization(**metadata["normalization"]) == NORMALIZATION
    assert metadata["segmentation"]["scales"] == [1.0] and metadata["segmentation"]["window"] is None


def test_the_check_before_the_name(whole, tmp_path, monkeypatch):
    def load(path):
        def segment(image):
            outputs = whole[1]._graph.segment(image)
            return {**outputs, "probabilities": outputs["probabilities"] + 1e-3}

        return types.SimpleNamespace(signatures={"segment": segment})

    monkeypatch.setattr(tf.saved_model, "load", load)
    with pytest.raises(RuntimeError, match="gives another 'probabilities' .* by up to 0.001 on noise"):
        whole[1].export(tmp_path / "segmenter")
    assert not list(tmp_path.iterdir())


def test_files_and_command(whole, exported, tmp_path, capsys):
    picture = image_of(30, 44)
    Image.fromarray(picture).save(tmp_path / "street.png")
    image = str(tmp_path / "street.png")
    assert main(["segment", image, "--model", str(exported), "--out", str(tmp_path / "out")]) == 0
    paths = [str(tmp_path / "out" / f"street_{kind}.png") for kind in ("labels", "overlay")]
    assert capsys.readouterr().out.split() == paths
    labels = whole[1].segment(picture)[0]
    with Image.open(paths[0]) as file:
        np.testing.assert_array_equal(np.asarray(file), labels)
    with Image.open(paths[1]) as file:
        mixed = np.round(picture / 2 + np.asarray(LABELS.palette)[labels] / 2)
        np.testing.assert_array_equal(np.asarray(file), mixed)
    assert len(segment_file(whole[1], image, tmp_path / "again", opacity=1)) == 2
    assert main(["segment", image, image, "--model", str(exported), "--out", str(tmp_path)]) == 1
    assert "Received twice: street" in capsys.readouterr().err
    assert main(["segment", image, "--model", str(exported), "--out", "x", "--opacity", "3"]) == 1
    assert "`--opacity` must be a number from 0 to 1" in capsys.readouterr().err


def test_files_for_a_server(tmp_path):
    """One file per image, in the data set's ids; two images of one name are refused."""
    image = keras.Input((None, None, 3))
    network = keras.Model(image, keras.layers.Conv2D(21, 1)(image))
    segmenter = Segmenter(network, SegmenterConfig(NORMALIZATION, VOC))
    Image.fromarray(image_of(20, 30)).save(tmp_path / "2008_000006.jpg")
    (path,) = segment_file(segmenter, tmp_path / "2008_000006.jpg", tmp_path / "out", label_ids="dataset")
    assert path == tmp_path / "out/2008_000006.png"
    with Image.open(path) as file, Image.open(tmp_path / "2008_000006.jpg") as picture:
        assert file.mode == "P"
        np.testing.assert_array_equal(np.asarray(file), segmenter.segment(np.asarray(picture))[0])
    with pytest.raises(ValueError, match="`label_ids` must be one of 'classes', 'dataset'"):
        segment_file(segmenter, tmp_path / "2008_000006.jpg", tmp_path / "out", label_ids="ids")


def test_errors(whole, exported, tmp_path):
    with pytest.raises(ValueError, match=r"`image` must be a uint8 array .*dtype=float32"):
        whole[1].segment(np.zeros((3, 3, 3), "float32"))
    with pytest.raises(ValueError, match=r"`image` must be a uint8 array .*shape=\(0, 3, 3\)"):
        whole[1].segment(np.zeros((0, 3, 3), "uint8"))
    few = SegmenterConfig(NORMALIZATION, LabelSet(LABELS.names[:2], LABELS.palette[:2]))
    with pytest.raises(ValueError, match="`network` must give one logit per class .* Received: 2 classes"):
        Segmenter(whole[0], few)
    fixed = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 1)])
    with pytest.raises(
        ValueError, match=r"`network` must take images .* Received: input_shape=\(None, 8, 8, 3\)"
    ):
        Segmenter(fixed, settings())
    with pytest.raises(FileExistsError, match="exists already"):
        whole[1].export(exported)
    with pytest.raises(FileNotFoundError, match="No SavedModel at"):
        load_segmenter(tmp_path)
    with pytest.raises(ValueError, match="must have the entries schema_version, sample_rate_hz"):
        read_separator_metadata(exported)
    (tmp_path / "saved_model.pb").write_bytes(b"damaged")
    (tmp_path / "assets.extra").mkdir()
    metadata = (exported / "assets.extra" / "metadata.json").read_text()
    (tmp_path / "assets.extra" / "metadata.json").write_text(metadata)
    with pytest.raises(ValueError, match="cannot be loaded as a segmenter"):
        load_segmenter(tmp_path)


def test_errors_of_settings():
    for changes, message in (
        ({"resize": "nearest"}, "`resize` must be one of 'half_pixel', 'legacy'"),
        ({"flip": 1}, "`flip` must be True or False. Received: flip=1"),
        ({"scales": ()}, r"`scales` must be at least one factor above 0, at most 16. Received: scales=\(\)"),
        ({"scales": (1, -1)}, "`scales` must be at least one factor above 0"),
        ({"stride": (8, 8)}, "`stride` must be None without a `window`"),
        ({"window": (8, 8), "stride": (8, 9)}, r"`stride` must be at most the window.*stride=\(8, 9\)"),
        ({"window": (8,)}, "`window` must be an integer or 2 integers"),
    ):
        with pytest.raises(ValueError, match=message):
            settings(**changes)
    with pytest.raises(ValueError, match="`label_set` must be an `LabelSet`"):
        SegmenterConfig(NORMALIZATION, ("road",))


def test_settings_of_a_saved_model_are_changed(whole, exported):
    """By the network that the SavedModel carries: equal to a segmenter made with these settings."""
    image = image_of(50, 70)
    for changes in (
        {"scales": [0.5, 1.0, 1.25], "flip": True},
        {"window": (40, 32), "stride": (24, 32)},
        {"window": (33, 48), "flip": True},
    ):
        loaded = load_segmenter(exported, changes)
        expected = Segmenter(whole[0], settings().changed(changes))
        assert loaded.metadata["segmentation"] == expected.metadata["segmentation"]
        np.testing.assert_allclose(loaded.segment(image)[1], expected.segment(image)[1], atol=1e-5)
    windows = settings(window=(24, 20), stride=(16, 15))
    assert windows.changed({"window": [30, 60]}).stride == (20, 40)
    assert windows.changed({"window": None}).stride is None and windows.changed(None) == windows
    with pytest.raises(ValueError, match="`stride` must be None without a `window`"):
        load_segmenter(exported, {"stride": (8, 8)})
    with pytest.raises(ValueError, match="scale"):
        load_segmenter(exported, {"scale": 2})


def test_a_saved_model_without_its_network_says_so(exported, monkeypatch):
    from keras_d3.segmentation import graph_segmenter

    monkeypatch.setattr(graph_segmenter, "load_saved_model", lambda *arguments: types.SimpleNamespace())
    with pytest.raises(ValueError, match="cannot be changed: its SavedModel has no function `network`"):
        load_segmenter(exported, {"flip": True})
