"""The writer: shards, resuming, refusing, processes; and `verify`."""

import dataclasses
import json
import resource

import pytest
import tensorflow as tf

from keras_d3.audio import write_audio
from keras_d3.data import load_manifest
from keras_d3.utils import lock_directory
from tests.tfrecords_tools.conftest import noise
from tfrecords_tools import record_directory
from tfrecords_tools.__main__ import main
from tfrecords_tools.audio_writer import RecordsConfig, write_records
from tfrecords_tools.folder import list_folder
from tfrecords_tools.record_jobs import write_group

# One song of these is about 11 kB: shards of one song, in two files.
CONFIG = RecordsConfig(block_samples=200, shard_mb=0.006)


def write(songs, out, config=CONFIG, **kwargs):
    tracks, sources = list_folder(songs)
    return write_records(out, "songs", "folder", tracks, sources, config, **kwargs)


def contents(out):
    return {path.name: path.read_bytes() for path in out.iterdir()}


def test_shards_and_their_sizes(songs, tmp_path):
    manifest = write(songs, tmp_path / "out")
    assert [shard.file for shard in manifest.shards if shard.group == 0] == [
        "train-00000-00.tfrecord",
        "train-00000-01.tfrecord",
        "test-00000-00.tfrecord",
        "test-00000-01.tfrecord",
    ]
    assert len(manifest.groups("train")) == 3
    whole = write(songs, tmp_path / "whole", RecordsConfig(block_samples=200))
    assert [shard.file for shard in whole.shards] == ["train-00000-00.tfrecord", "test-00000-00.tfrecord"]
    assert whole == load_manifest(tmp_path / "whole")


def test_run_again_skips(songs, tmp_path, monkeypatch):
    write(songs, tmp_path / "out")
    before = contents(tmp_path / "out")
    monkeypatch.setattr(record_directory, "write_group", lambda job: pytest.fail("nothing is to write"))
    lines = []
    write(songs, tmp_path / "out", log=lines.append)
    assert lines == ["All records are there already."]
    assert contents(tmp_path / "out") == before


def test_missing_or_cut_shard_is_written_again(songs, tmp_path, monkeypatch):
    out = tmp_path / "out"
    write(songs, out)
    before = contents(out)
    (out / "train-00001-00.tfrecord").unlink()
    (out / "test-00000-01.tfrecord").write_bytes(b"cut")
    written = []
    monkeypatch.setattr(
        record_directory, "write_group", lambda job: written.append(job.group) or write_group(job)
    )
    write(songs, out)
    assert written == [1, 0] and contents(out) == before


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_interrupted_run_goes_on(songs, tmp_path, monkeypatch, stop):
    out = tmp_path / "out"
    done = []

    def stopping(job):
        if len(done) == 2:
            raise stop
        done.append(job.group)
        return write_group(job)

    monkeypatch.setattr(record_directory, "write_group", stopping)
    with pytest.raises(stop):
        write(songs, out)
    assert not (out / "manifest.json").exists()
    (out / ".train-00002-00.tfrecord.xyz.tmp").mkdir()  # as a killed process leaves it
    with pytest.raises(FileNotFoundError, match="No manifest of TFRecords"):
        load_manifest(out)
    with pytest.raises(ValueError, match="holds records of another request"):
        write(songs, out, RecordsConfig(block_samples=100))
    written = []
    monkeypatch.setattr(
        record_directory, "write_group", lambda job: written.append(job.group) or write_group(job)
    )
    write(songs, out)
    assert written == [2, 0]
    write(songs, tmp_path / "straight")
    straight = contents(tmp_path / "straight")
    assert contents(out) == straight


def test_a_finished_directory_is_swept(songs, tmp_path):
    """As after a kill between the manifest and the removal of what led to it."""
    out = tmp_path / "out"
    write(songs, out)
    before = contents(out)
    for name in (".unfinished", ".keras_d3.abcdefgh.tmp", ".manifest.json.abcdefgh.tmp"):
        (out / name).mkdir()
    (out / ".unfinished/train-00000.json").write_text("{}")
    write(songs, out)
    assert contents(out) == before


def test_a_second_writer_is_refused(songs, tmp_path):
    out = tmp_path / "out"
    with lock_directory(out):
        with pytest.raises(RuntimeError, match="out` is being written by another process"):
            write(songs, out)
    assert not list(out.iterdir())
    write(songs, out)


def test_a_full_disk_is_one_sentence(songs, tmp_path):
    """A limit of a file's size stands for it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    try:
        with pytest.raises(OSError, match="train-00000-00.tfrecord` could not be written: .*too large"):
            write(songs, tmp_path / "out", RecordsConfig(block_samples=200))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list((tmp_path / "out").glob("*.tfrecord")) and not list((tmp_path / "out").glob(".k*"))


def test_other_request_is_refused(songs, tmp_path):
    write(songs, tmp_path / "out")
    with pytest.raises(
        ValueError, match="another request .sample_rate_hz: None there, 4000 asked for.*--out"
    ):
        write(songs, tmp_path / "out", RecordsConfig(sample_rate_hz=4000, block_samples=200, shard_mb=0.006))
    (songs / "train" / "A0 - T0" / "drums.wav").write_bytes(
        (songs / "train" / "A1 - T1" / "drums.wav").read_bytes()
    )
    with pytest.raises(ValueError, match="another request .input_files_sha256"):
        write(songs, tmp_path / "out")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "a.tfrecord").touch()
    with pytest.raises(ValueError, match="TFRecords without a manifest"):
        write(songs, tmp_path / "foreign")
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="must be a directory"):
        write(songs, tmp_path / "file")


def test_processes_give_the_same_bytes(songs, tmp_path):
    write(songs, tmp_path / "one", num_workers=1)
    write(songs, tmp_path / "two", num_workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_mended_song_is_taken_and_the_rest_kept(songs, tmp_path, monkeypatch):
    (songs / "train" / "A2 - T2" / "vocals.wav").unlink()
    path = songs / "train" / "A2 - T2" / "vocals.flac"
    write_audio(path, noise(0, 1100), 8000)
    whole = path.read_bytes()
    path.write_bytes(whole[:-500])  # the header is whole: found only when decoding
    with pytest.raises(ValueError, match="vocals.flac` is cut short"):
        write(songs, tmp_path / "out", num_workers=1)
    assert not (tmp_path / "out" / "manifest.json").exists()
    (tmp_path / "out" / "train-00009-00.tfrecord").touch()  # of another plan
    path.write_bytes(whole)
    written = []
    monkeypatch.setattr(
        record_directory, "write_group", lambda job: written.append(job.group) or write_group(job)
    )
    write(songs, tmp_path / "out")
    assert written == [2, 0]
    write(songs, tmp_path / "straight")
    assert contents(tmp_path / "out") == contents(tmp_path / "straight")


@pytest.fixture
def records(songs, tmp_path):
    write(songs, tmp_path / "out")
    return tmp_path / "out"


def test_verify(records, capsys):
    assert main(["verify", str(records)]) == 0
    out = capsys.readouterr().out
    assert "every record is whole" in out and "train: 3 songs" in out


@pytest.mark.parametrize("how", ["cut", "flipped", "missing"])
def test_verify_names_the_broken_shard(records, capsys, how):
    path = records / "train-00001-01.tfrecord"
    data = bytearray(path.read_bytes())
    data[-10] ^= 1
    path.write_bytes(data[:-100] if how == "cut" else data)
    if how == "missing":
        path.unlink()
    assert main(["verify", str(records)]) == 1
    assert "train-00001-01.tfrecord" in capsys.readouterr().err


@pytest.mark.parametrize(
    "shard, change, message",
    [
        (0, {"num_records": 99}, "must have 99 records"),
        (0, {"sha256": "0"}, "has other bytes than were written"),
    ],
)
def test_verify_compares_with_the_manifest(records, capsys, shard, change, message):
    values = json.loads((records / "manifest.json").read_text())
    del values["checksum"]  # as one who changes the manifest on purpose
    values["shards"][shard].update(change)
    (records / "manifest.json").write_text(json.dumps(values))
    assert main(["verify", str(records)]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "change, message",
    [
        ({"num_blocks": 9}, "out of order"),
        ({"num_samples": 950}, "belongs to"),
        ({"name": "other"}, "belongs to"),
    ],
)
def test_verify_compares_tracks(records, capsys, change, message):
    values = json.loads((records / "manifest.json").read_text())
    del values["checksum"]  # as one who changes the manifest on purpose
    values["splits"]["train"]["tracks"][0].update(change)
    (records / "manifest.json").write_text(json.dumps(values))
    assert main(["verify", str(records)]) == 1
    error = capsys.readouterr().err
    assert message in error and "train-0000" in error


def test_verify_of_nothing(tmp_path, capsys):
    assert main(["verify", str(tmp_path / "none")]) == 1
    assert "No directory of TFRecords" in capsys.readouterr().err


def test_interrupt_on_the_command_line(songs, tmp_path, capsys, monkeypatch):
    def interrupt(job):
        raise KeyboardInterrupt

    monkeypatch.setattr(record_directory, "write_group", interrupt)
    command = ["folder", "--root", str(songs), "--out", str(tmp_path / "out"), "--no-validation"]
    assert main(command) == 130
    assert "goes on where it stopped" in capsys.readouterr().err


def test_usage_errors_have_their_own_code(capsys):
    for arguments in (
        [],
        ["unknown"],
        ["folder"],
        ["musdb18", "--root", "a", "--out", "b", "--is-wav", "maybe"],
    ):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2


def test_a_first_try_that_wrote_nothing_binds_nobody(songs, tmp_path, monkeypatch):
    def failing(job):
        raise ValueError("NaN")

    monkeypatch.setattr(record_directory, "write_group", failing)
    with pytest.raises(ValueError, match="NaN"):
        write(songs, tmp_path / "out", RecordsConfig(sample_rate_hz=4000))
    monkeypatch.undo()
    assert not list((tmp_path / "out").glob("*.tfrecord"))
    write(songs, tmp_path / "out", RecordsConfig(sample_rate_hz=2000))
    assert load_manifest(tmp_path / "out").sample_rate("train") == 2000


@pytest.mark.parametrize("name", ["../../evil", "..", "a/b"])
def test_names_that_lead_elsewhere_are_refused_before_any_work(songs, tmp_path, name):
    tracks, sources = list_folder(songs)
    message = "must be a text that can be the name of a file"
    with pytest.raises(ValueError, match=f"`sources` {message}.*Received: sources='{name}'"):
        write_records(tmp_path / "out", "songs", "folder", tracks, (*sources, name), CONFIG)
    renamed = (dataclasses.replace(tracks[0], name=name), *tracks[1:])
    with pytest.raises(ValueError, match=f"`name of a song` {message}"):
        write_records(tmp_path / "out", "songs", "folder", renamed, sources, CONFIG)
    assert not (tmp_path / "out").exists()


def test_shards_with_other_bytes_are_written_again(songs, tmp_path, monkeypatch):
    out = tmp_path / "out"
    write(songs, out)
    before = contents(out)
    path = out / "train-00001-00.tfrecord"
    records = list(tf.data.TFRecordDataset([str(path)]).as_numpy_iterator())
    with tf.io.TFRecordWriter(str(path)) as writer:  # of the same length, with TFRecord's checksums right
        for record in records:
            writer.write(record[:-4] + bytes(4))
    assert path.stat().st_size == len(before[path.name]) and path.read_bytes() != before[path.name]
    written = []
    monkeypatch.setattr(
        record_directory, "write_group", lambda job: written.append(job.group) or write_group(job)
    )
    write(songs, out)
    assert written == [1] and contents(out) == before


@pytest.mark.parametrize("damage", [lambda text: text.replace("train", "test", 1), lambda text: "[]"])
def test_damaged_notes_of_unfinished_records(songs, tmp_path, monkeypatch, damage):
    out = tmp_path / "out"

    def stop_at_the_second(job):
        if job.group == 1:
            raise KeyboardInterrupt
        return write_group(job)

    monkeypatch.setattr(record_directory, "write_group", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        write(songs, out)
    note = out / ".unfinished" / "train-00000.json"
    note.write_text(damage(note.read_text()))
    with pytest.raises(ValueError, match="note of finished records .*train-00000.json` (is damaged|must be)"):
        write(songs, out)
