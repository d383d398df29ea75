import os

import pytest

from keras_d3.utils import atomic_files, atomic_path, sweep_leftovers
from keras_d3.utils.temporary import _sweep_once, temporary_directory


def leftover(folder, name="file.txt"):
    """A temporary directory as a killed process leaves it."""
    path = folder / ".keras_d3.abcdefgh.tmp/new" / name
    path.parent.mkdir(parents=True)
    path.write_text("half")


def test_leftovers_are_swept_and_nothing_else(tmp_path):
    leftover(tmp_path)
    (tmp_path / ".cache.tmp").mkdir()
    (tmp_path / ".keras_d3.notes").write_text("mine")
    with temporary_directory(tmp_path) as alive:
        sweep_leftovers(tmp_path, tmp_path / "none")
        assert {path.name for path in tmp_path.iterdir()} == {".cache.tmp", ".keras_d3.notes", alive.name}


def test_the_first_write_of_a_process_sweeps(tmp_path):
    _sweep_once.cache_clear()
    leftover(tmp_path)
    with atomic_path(tmp_path / "a") as temporary:
        temporary.write_text("a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_leftovers_of_earlier_versions(tmp_path):
    (tmp_path / ".state.json.abcdefgh.tmp").mkdir()
    (tmp_path / ".other.tmp").mkdir()
    sweep_leftovers(tmp_path, patterns=(".*.json.*.tmp",))
    assert [path.name for path in tmp_path.iterdir()] == [".other.tmp"]


@pytest.mark.parametrize("new_is_whole", [True, False])
def test_a_replacement_that_stopped_half_way_is_ended(tmp_path, new_is_whole):
    holder = tmp_path / ".keras_d3.abcdefgh.tmp"
    for place, content in (("old", "old"), ("new", "new")):
        if place == "old" or new_is_whole:
            (holder / place / "model").mkdir(parents=True)
            (holder / place / "model/weights").write_text(content)
    sweep_leftovers(tmp_path)
    assert (tmp_path / "model/weights").read_text() == ("new" if new_is_whole else "old")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_failed_replacement_keeps_the_old(tmp_path, monkeypatch):
    monkeypatch.setattr("keras_d3.utils.temporary.exchange", lambda first, second: False)
    folder = tmp_path / "new"  # a name that the temporary directory uses, too
    folder.mkdir()
    (folder / "file").write_text("old")
    rename, calls = os.rename, []

    def failing_once(source, target):
        calls.append(source)
        if len(calls) == 2:
            raise OSError("failed")
        rename(source, target)

    monkeypatch.setattr("os.rename", failing_once)
    with pytest.raises(OSError, match="failed"):
        with atomic_path(folder) as temporary:
            temporary.mkdir()
    assert (folder / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_two_writers_of_one_name(tmp_path):
    """The second to end does not replace what it was not allowed to."""
    with pytest.raises(FileExistsError, match="exists already"):
        with atomic_path(tmp_path / "a", overwrite=False) as temporary:
            temporary.write_text("second")
            (tmp_path / "a").write_text("first")
    assert (tmp_path / "a").read_text() == "first"


def test_files_of_a_folder_are_replaced_together(tmp_path):
    folder = tmp_path / "song"
    for name in ("a.wav", "notes/mine.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("old")
    (folder / "link").symlink_to("a.wav")
    with atomic_files(folder) as temporary:
        (temporary / "a.wav").write_text("new")
        (temporary / "b.wav").write_text("new")
        assert (folder / "a.wav").read_text() == "old" and not (folder / "b.wav").exists()
    assert (folder / "a.wav").read_text() == (folder / "b.wav").read_text() == "new"
    assert (folder / "notes/mine.txt").read_text() == "old" and (folder / "link").is_symlink()
    assert [path.name for path in tmp_path.iterdir()] == ["song"]
