"""SavedModels of strangers, and damaged ones: what their metadata may say, and bytes that are others."""

import json
import shutil

import pytest

from keras_d3.experiments.model_origin import model_origin, trained_names
from keras_d3.images import CITYSCAPES, IMAGENET_RGB
from keras_d3.segmentation import load_segmenter, read_segmenter_metadata
from keras_d3.separation import Separator, load_separator, read_separator_metadata
from tests.export.test_saved_model import damage_metadata
from tests.helpers.tiny_networks import waveform_conv, waveform_settings


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    separator = Separator(waveform_conv(90, 64), waveform_settings(), {"recipe": {"recipe": "r", "run": {}}})
    return separator.export(tmp_path_factory.mktemp("export") / "separator", check=False)


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "separator")


def set_metadata(path, **changes):
    damage_metadata(path)
    file = path / "assets.extra" / "metadata.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sources": None}, "`sources` must be a list of names. Received: sources=None"),
        ({"sources": []}, "`sources` must be a list of names"),
        ({"sources": "drums"}, "`sources` must be a list of names"),
        ({"sources": ["../../evil", "vocals"]}, "`sources` must be a text that can be the name of a file"),
        ({"sources": ["..", "vocals"]}, "`sources` must be a text"),
        ({"sources": [["drums"]]}, "`sources` must be a text"),
        (
            {"sample_rate_hz": "44100"},
            "`sample_rate_hz` must be an integer of at least 1, and at most 768000",
        ),
        ({"sample_rate_hz": 10**9}, "`sample_rate_hz` must be an integer"),
        ({"sample_rate_hz": 8000.5}, "`sample_rate_hz` must be an integer"),
        ({"channels": True}, "`channels` must be an integer"),
        ({"channels": 10**9}, "`channels` must be an integer of at least 1, and at most 1024"),
        ({"separation": []}, "`separation` must be a mapping"),
        (
            {"separation": {"sample_rate_hz": 16000}},
            "`separation.sample_rate_hz` must be `sample_rate_hz`, 8000",
        ),
        ({"recipe": "r"}, "`recipe` must be a mapping"),
        ({"recipe": {"run": 1}}, "`recipe.run` must be a mapping"),
        ({"recipe": {"config": []}}, "`recipe.config` must be a mapping"),
        ({"recipe": {"config": {"training": 3}}}, "`recipe.config.training` must be a mapping"),
        ({"recipe": {"tracks": ["a"]}}, "`recipe.tracks` must be a mapping"),
        ({"recipe": {"tracks": {"train": [1]}}}, "`recipe.tracks.train` must be a list of names"),
    ],
)
def test_metadata_that_are_refused(copy, changes, message):
    set_metadata(copy, **changes)
    with pytest.raises(ValueError, match=f"The metadata `.*metadata.json` are damaged: {message}"):
        read_separator_metadata(copy)


def test_metadata_that_say_little(copy):
    set_metadata(copy, recipe=None, separation=None)
    metadata = read_separator_metadata(copy)
    assert trained_names(metadata, "train") is None and model_origin(copy, metadata)["recipe"] is None
    load_separator(copy)


def test_other_channels_than_the_graph(copy):
    set_metadata(copy, channels=1, separation=None)
    with pytest.raises(
        ValueError, match=r"must take what its metadata say, a mixture \(time, 1\). Received: Tens"
    ):
        load_separator(copy)


@pytest.mark.parametrize(
    "file", ["saved_model.pb", "variables/variables.index", "fingerprint.pb", "assets.extra/metadata.json"]
)
def test_any_other_byte_is_found(copy, file):
    content = bytearray((copy / file).read_bytes())
    place = content.index(b"8000") if file.endswith(".json") else len(content) // 2
    content[place] ^= 1
    (copy / file).write_bytes(content)
    message = (
        "cannot be loaded as a separator: its file .* is not as it was written. Make it again by|damaged"
    )
    with pytest.raises(ValueError, match=message):
        load_separator(copy)


def test_damaged_checksums(copy):
    path = copy / "assets.extra" / "checksums.json"
    path.write_text("[]")
    with pytest.raises(ValueError, match="The list of checksums `.*` must be a mapping"):
        load_separator(copy)
    path.write_text('{"../../secret": "0"}')
    with pytest.raises(ValueError, match="its file 'assets.extra/metadata.json' is not as it was written"):
        load_separator(copy)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.9, 0.99])
def test_graphs_without_checksums_end_in_a_sentence_when_cut(copy, share):
    (copy / "assets.extra" / "checksums.json").unlink()
    content = (copy / "saved_model.pb").read_bytes()
    (copy / "saved_model.pb").write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="cannot be loaded as a separator: .*Make it again by"):
        load_separator(copy)


@pytest.mark.parametrize(
    "changes", [{"classes": None}, {"classes": [1, 2]}, {"palette": [[0, 0, 300]]}, {"palette": "x"}]
)
def test_metadata_of_segmenters(copy, changes):
    entries = {
        "classes": list(CITYSCAPES.names),
        "palette": [list(color) for color in CITYSCAPES.palette],
        "normalization": {"mean": list(IMAGENET_RGB.mean)},
    }
    set_metadata(copy, **entries)
    assert read_segmenter_metadata(copy)["classes"] == list(CITYSCAPES.names)
    set_metadata(copy, **{**entries, **changes})
    with pytest.raises(ValueError, match="The metadata `.*metadata.json` are damaged: `"):
        load_segmenter(copy)
