"""The table of published weights, and users' changes of it."""

import json

import pytest

from keras_d3.convert.wave_u_net_settings import NAMED_CONFIGS
from keras_d3.pretrained import DEFAULTS, find_published_model, published_models


def write(path, table):
    path.write_text(table if isinstance(table, str) else json.dumps(table))
    return path


def test_the_table_is_complete():
    models = published_models()
    assert {"d3net-music", "d3net-segmentation-s", "d3net-segmentation-l", "wave-u-net", "deeplab-v2"} <= set(
        models
    )
    for name, model in models.items():
        assert model.name == name and model.page and model.paper and model.data and model.license, name
        assert bool(model.address) != bool(model.by_hand), name
        assert bool(model.scores) == bool(model.metric) == bool(model.scores_source), name
        assert model.address.startswith("https://") or not model.address, name
        assert bool(model.members) == model.file.endswith(".zip"), name
        assert model.converter != "wave-u-net" or model.config in NAMED_CONFIGS, name
    for kind, name in DEFAULTS.items():
        assert models[name].kind == kind


def test_users_change_values_and_add_models(tmp_path, monkeypatch):
    new = {"kind": "separator", "title": "Mine", "converter": "wave-u-net", "file": "a.zip"}
    changes = {
        "d3net-music": {"address": "https://mirror.example/d3net-mss.zip"},
        "mine": {**new, "address": "http://here/a.zip"},
    }
    path = write(tmp_path / "table.json", changes)
    models = published_models(path)
    assert models["d3net-music"].address == "https://mirror.example/d3net-mss.zip"
    assert models["d3net-music"].file == "d3net-mss.zip" and models["mine"].title == "Mine"
    assert "mine" not in published_models()
    monkeypatch.setenv("KERAS_D3_MODELS", str(path))
    assert find_published_model("mine") == models["mine"]


@pytest.mark.parametrize(
    "table, message",
    [
        ("{", "is not valid JSON"),
        ([], "must be JSON of the form"),
        ({"d3net-music": "https://"}, "must be JSON of the form"),
        ({"d3net-music": {"adress": "https://a"}}, "Unknown key in d3net-music: adress"),
        (
            {"d3net-music": {"address": "/a.zip"}},
            "must begin with https:// or http://. Received: '/a.zip'.*--fi",
        ),
        ({"d3net-music": {"kind": "model"}}, "`d3net-music.kind` must be one of 'separator', 'segmenter'"),
        ({"d3net-music": {"converter": "c"}}, "`d3net-music.converter` must be one of"),
        ({"d3net-music": {"file": "../a.zip"}}, "`d3net-music.file` must be a file's name"),
        ({"d3net-music": {"address": ""}}, "must have an `address`, or say in `by_hand`"),
        ({"mine": {}}, "Missing keys in mine: kind, title, converter, file"),
    ],
)
def test_faults_of_tables(table, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        published_models(write(tmp_path / "table.json", table))


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="No table of models at"):
        published_models(tmp_path / "none.json")


def test_unknown_names():
    with pytest.raises(ValueError, match="Did you mean 'd3net-music'"):
        find_published_model("d3net_music")
