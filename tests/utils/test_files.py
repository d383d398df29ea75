"""Temporary names, and paths that TensorFlow takes for patterns."""

import os

import pytest

from keras_d3.utils import atomic_path, path_without_brackets, write_json


@pytest.mark.parametrize("name", ["a" * 255, "あ" * 85, "x" + "é" * 127, "a" * 242])
def test_names_as_long_as_the_file_system_takes(tmp_path, name):
    assert len(os.fsencode(name)) <= 255
    write_json(tmp_path / name, [1])
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_block_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / ("b" * 250)) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_paths_without_patterns_are_left_alone(tmp_path):
    with path_without_brackets(tmp_path / "model v1") as path:
        assert path == tmp_path / "model v1"


@pytest.mark.parametrize("name", ["model", "[v1]", "a*b?{c}"])
def test_paths_with_patterns_are_linked(tmp_path, name):
    folder = tmp_path / "runs [lr=1e-3]"
    (folder / name).mkdir(parents=True)
    (folder / name / "file").write_text("inside")
    (folder / f"{name}.index").write_text("index")
    with path_without_brackets(folder / name) as path:
        assert not set("[]*?{}") & set(str(path))
        assert (path / "file").read_text() == "inside"
        assert path.with_name(f"{path.name}.index").read_text() == "index"
    assert not path.exists() and (folder / name / "file").exists()
