"""What users name a model by: paths, names, addresses of the Hub."""

import sys
import types
from pathlib import Path

import pytest

from keras_d3.pretrained import ModelCache, cache_dir, find_model


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_D3_CACHE", str(tmp_path / "cache"))
    return ModelCache()


def put(cache, name, kind="separator"):
    """A model in the cache, as far as its graph is not read."""
    path = cache.saved_model(name)
    path.mkdir(parents=True)
    (path / "saved_model.pb").write_text("graph")
    cache.keep_record(name, {"kind": kind})
    return path


def test_paths_come_first(cache, tmp_path, monkeypatch):
    assert find_model("somewhere/model", "separator") == Path("somewhere/model")
    assert find_model(tmp_path, "segmenter") == tmp_path
    assert find_model("model", "separator") == Path("model")
    put(cache, "d3net-music")
    monkeypatch.chdir(tmp_path)
    Path("d3net-music").mkdir()
    assert find_model("d3net-music", "separator") == Path("d3net-music")


def test_names(cache):
    with pytest.raises(
        FileNotFoundError, match="The model 'wave-u-net' is not in the cache .* pull wave-u-net$"
    ):
        find_model("wave-u-net", "separator")
    with pytest.raises(FileNotFoundError, match="No model is named, and the default 'd3net-music' is not"):
        find_model(None, "separator")
    with pytest.raises(FileNotFoundError, match="No SavedModel at `d3net_music`.*Did you mean 'd3net-music'"):
        find_model("d3net_music", "separator")
    path = put(cache, "d3net-music")
    assert find_model("d3net-music", "separator") == find_model(None, "separator") == path
    assert find_model("d3net-music") == path
    # One of a table that is not at hand any more.
    assert find_model("mine") == Path("mine")
    assert put(cache, "mine") == find_model("mine", "separator")


def test_kinds(cache):
    put(cache, "d3net-music")
    for name in ("d3net-music", "wave-u-net"):
        with pytest.raises(ValueError, match=f"must be a segmenter. Received: '{name}', a separator"):
            find_model(name, "segmenter")
    for arguments in ((None,), ("d3net-music", "model")):
        with pytest.raises(ValueError, match="`kind` must be one of 'separator', 'segmenter'"):
            find_model(*arguments)


@pytest.mark.parametrize("change", ["changed", "added", "removed"])
def test_changed_files_are_not_used(cache, change):
    path = put(cache, "d3net-music")
    (path / "variables").write_text("weights")
    cache.keep_record("d3net-music", {"kind": "separator"})
    if change == "removed":
        (path / "variables").unlink()
    else:
        (path / ("variables" if change == "changed" else "more")).write_text("weighty")
    file = "more" if change == "added" else "variables"
    with pytest.raises(ValueError, match=f"not as it was pulled: {file} changed, .*pull d3net-music --again"):
        find_model("d3net-music", "separator")


def test_damaged_records(cache):
    put(cache, "d3net-music")
    cache.saved_model("d3net-music").with_name("d3net-music.json").write_text("{}")
    with pytest.raises(ValueError, match="is damaged. Make it again: keras-d3 pull d3net-music --again"):
        find_model("d3net-music", "separator")


@pytest.mark.parametrize(
    "platform, variables, expected",
    [
        ("linux", {"KERAS_D3_CACHE": "/mine"}, "/mine"),
        ("linux", {"XDG_CACHE_HOME": "/caches"}, "/caches/keras-d3"),
        ("linux", {}, "/home/me/.cache/keras-d3"),
        ("darwin", {}, "/home/me/Library/Caches/keras-d3"),
        ("win32", {}, "/home/me/AppData/Local/keras-d3/Cache"),
    ],
)
def test_where_the_cache_is(platform, variables, expected, monkeypatch):
    for name in ("KERAS_D3_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    assert cache_dir().as_posix() == expected


def fake_hub(monkeypatch, function):
    module = types.ModuleType("huggingface_hub")
    module.snapshot_download = function
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)


def test_the_hub(monkeypatch):
    asked = []

    def download(**arguments):
        asked.append(arguments)
        return "/snapshots/abc"

    fake_hub(monkeypatch, download)
    assert find_model("hf://user/model", "separator") == Path("/snapshots/abc")
    find_model("hf://user/model@v1.0", "separator")
    assert [(call["repo_id"], call["revision"]) for call in asked] == [
        ("user/model", None),
        ("user/model", "v1.0"),
    ]
    assert asked[0]["library_name"] == "keras-d3"
    with pytest.raises(ValueError, match="must have the form hf://user/name .*Received: 'hf://model'"):
        find_model("hf://model", "separator")


def test_the_hub_refuses(monkeypatch):
    def download(**arguments):
        raise RuntimeError("404 Client Error\nmore")

    fake_hub(monkeypatch, download)
    with pytest.raises(ConnectionError, match="`hf://user/model` could not be fetched .*: 404 Client Error$"):
        find_model("hf://user/model", "separator")


def test_the_hub_needs_a_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"hf:// needs the package `huggingface_hub`.*keras-d3\[hub\]"
    ):
        find_model("hf://user/model", "separator")
