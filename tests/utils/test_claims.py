"""What the first of several processes says, all go by."""

import os

from keras_d3.utils import claim_json


def test_the_first_one_counts(tmp_path):
    path = tmp_path / "folder" / "settings.json"
    assert claim_json(path, {"a": 1}) == {"a": 1}
    assert claim_json(path, {"a": 2}) == {"a": 1}
    assert [file.name for file in path.parent.iterdir()] == ["settings.json"]


def test_another_process_is_faster(tmp_path, monkeypatch):
    """Between the look for the file and the making of it."""
    path, link = tmp_path / "settings.json", os.link

    def beaten(source, target):
        path.write_text('{"a": 1}', encoding="utf-8")
        link(source, target)

    monkeypatch.setattr(os, "link", beaten)
    assert claim_json(path, {"a": 2}) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["settings.json"]
