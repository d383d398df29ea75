"""Records written and verified by several calls, a part each."""

import json
import shutil

import pytest

import keras_d3
from keras_d3.data import load_manifest
from keras_d3.utils import DirectoryInUseError, WorkShard, lock_directory
from tests.tfrecords_tools.test_writer import CONFIG, contents, write
from tfrecords_tools import record_directory
from tfrecords_tools.__main__ import main
from tfrecords_tools.audio_writer import RecordsConfig
from tfrecords_tools.finished_groups import finished_groups
from tfrecords_tools.record_jobs import write_group


def write_part(songs, out, part, **kwargs):
    return write(songs, out, work_shard=WorkShard(*part), num_workers=1, **kwargs)


def test_parts_in_any_order_make_the_same_directory(songs, tmp_path):
    lines = []
    for part in ((2, 3), (3, 3)):
        assert write_part(songs, tmp_path / "parts", part, log=lines.append) is None
    assert "left to other calls" in lines[-1] and not (tmp_path / "parts/manifest.json").exists()
    manifest = write_part(songs, tmp_path / "parts", (1, 3))
    write(songs, tmp_path / "whole")
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    assert manifest.shards == load_manifest(tmp_path / "whole").shards


def test_a_part_leaves_the_files_alone_that_others_write(songs, tmp_path):
    """Their writers hold locks; what killed ones have left goes."""
    write_part(songs, tmp_path / "out", (1, 2))
    living, dead = (tmp_path / "out" / f".keras_d3.{name}.tmp" for name in ("living", "dead"))
    dead.mkdir()
    (tmp_path / "out" / "train-00000-00.tfrecord").unlink()
    with lock_directory(living):
        write_part(songs, tmp_path / "out", (1, 2))
        assert living.is_dir() and not dead.exists()


def test_parts_work_side_by_side_but_not_beside_a_writer_of_all(songs, tmp_path):
    out = tmp_path / "out"
    with lock_directory(out, is_shared=True):
        assert write_part(songs, out, (1, 2)) is None
        with pytest.raises(DirectoryInUseError, match="out` is being written by another process"):
            write(songs, out)
    with lock_directory(out):
        with pytest.raises(DirectoryInUseError, match="out` is being written by another process"):
            write_part(songs, out, (2, 2))
    assert write_part(songs, out, (2, 2)) is not None


def test_parts_of_other_versions_are_refused(songs, tmp_path, monkeypatch):
    write_part(songs, tmp_path / "out", (1, 2))
    here = keras_d3.__version__
    monkeypatch.setattr(keras_d3, "__version__", "9.9")
    with pytest.raises(ValueError, match=f"another request .keras_d3: '{here}' there, '9.9' asked for"):
        write_part(songs, tmp_path / "out", (2, 2))


def test_notes_of_a_process_that_was_killed_at_the_end_do_not_count(songs, tmp_path):
    """Killed after the manifest, before it removed what led to it; then shards of both parts are damaged."""
    out = tmp_path / "out"
    write_part(songs, out, (1, 2))
    shutil.copytree(out / ".unfinished", tmp_path / "notes")
    write_part(songs, out, (2, 2))
    before = contents(out)
    shutil.copytree(tmp_path / "notes", out / ".unfinished")
    for name in ("train-00000-00.tfrecord", "train-00001-00.tfrecord"):
        (out / name).write_bytes(b"x" * len(before[name]))
    assert write_part(songs, out, (2, 2)) is None
    assert write_part(songs, out, (1, 2)) is not None
    assert contents(out) == before


def test_a_part_with_nothing_to_do_says_so(songs, tmp_path):
    lines = []
    assert write_part(songs, tmp_path / "out", (9, 9), log=lines.append) is None
    assert lines == ["4 of 4 shard groups are left to other calls; the last one writes the manifest."]


def test_parts_of_other_settings_are_refused_before_a_shard_is_written(songs, tmp_path, monkeypatch):
    def stopping(job):
        raise KeyboardInterrupt

    monkeypatch.setattr(record_directory, "write_group", stopping)
    with pytest.raises(KeyboardInterrupt):
        write_part(songs, tmp_path / "out", (1, 2))
    with pytest.raises(ValueError, match="another request .block_samples: 200 there, 100 asked for"):
        write_part(songs, tmp_path / "out", (2, 2), config=RecordsConfig(block_samples=100, shard_mb=0.006))
    assert not list((tmp_path / "out").glob("*.tfrecord"))


def test_a_directory_that_another_call_has_just_finished(songs, tmp_path, monkeypatch):
    """Between the list of finished groups and the look into them, the other call removes them."""
    manifest = write_part(songs, tmp_path / "out", (1, 2)) or write_part(songs, tmp_path / "out", (2, 2))
    folder, saved = tmp_path / "out" / ".unfinished", (tmp_path / "out" / "manifest.json").read_bytes()
    (tmp_path / "out" / "manifest.json").unlink()
    folder.mkdir()
    (folder / "request.json").write_text(json.dumps(manifest.request))
    (folder / "train-00000.json").touch()

    def finished_by_another(path, *arguments):
        (tmp_path / "out" / "manifest.json").write_bytes(saved)
        raise FileNotFoundError(path)

    monkeypatch.setattr("tfrecords_tools.finished_groups._load_result", finished_by_another)
    found = finished_groups(tmp_path / "out", manifest.request, type(manifest), is_shared=True)
    assert len(found) == 4


def test_a_lost_shard_is_written_by_the_part_it_belongs_to(songs, tmp_path, monkeypatch):
    write(songs, tmp_path / "out")
    before = contents(tmp_path / "out")
    (tmp_path / "out" / "train-00001-00.tfrecord").unlink()
    written = []
    monkeypatch.setattr(
        record_directory, "write_group", lambda job: written.append(job.group) or write_group(job)
    )
    assert write_part(songs, tmp_path / "out", (1, 2)) is None and not written
    write_part(songs, tmp_path / "out", (2, 2))
    assert written == [1] and contents(tmp_path / "out") == before


def test_the_commands(songs, tmp_path, capsys):
    command = ["folder", "--root", str(songs), "--out", str(tmp_path / "out"), "--no-validation"]
    command += ["--shard-mb", "0.006"]
    assert main([*command, "--shard", "1/2"]) == 0
    assert "2 of 4 shard groups are left to other calls" in capsys.readouterr().out
    assert main([*command, "--shard", "2/2"]) == 0
    assert "shards, " in capsys.readouterr().out
    assert main(["verify", str(tmp_path / "out"), "--shard", "2/2"]) == 0
    assert "every record of part 2/2 of the shards is whole" in capsys.readouterr().out


def test_verify_of_a_part_finds_what_is_broken_in_it(songs, tmp_path, capsys):
    write(songs, tmp_path / "out", CONFIG)
    path = tmp_path / "out" / "train-00000-01.tfrecord"
    data = bytearray(path.read_bytes())
    data[-10] ^= 1
    path.write_bytes(data)
    assert main(["verify", str(tmp_path / "out"), "--shard", "1/2"]) == 0
    assert main(["verify", str(tmp_path / "out"), "--shard", "2/2"]) == 1
    assert "train-00000-01.tfrecord` has other bytes" in capsys.readouterr().err
