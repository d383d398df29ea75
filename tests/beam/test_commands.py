"""The commands on Beam: the same bytes as here, only what is missing, faults by name."""

import json

import pytest

from keras_d3.cli import main as keras_d3
from tests.helpers.songs import make_estimates, make_stems, write_stems
from tests.tfrecords_tools.conftest import make_song
from tests.tfrecords_tools.test_writer import contents
from tfrecords_tools.__main__ import main as tfrecords_tools

pytest.importorskip("apache_beam")
pytestmark = pytest.mark.filterwarnings("default")
RUNNER = ["--runner", "DirectRunner"]
PROCESSES = [*RUNNER, "--runner-options=--direct_num_workers=2 --direct_running_mode=multi_processing"]


@pytest.fixture
def songs(tmp_path):
    for number in range(3):
        make_song(tmp_path / "songs" / "train" / f"A{number} - T{number}", num_samples=900 + 100 * number)
    make_song(tmp_path / "songs" / "test" / "B - T")
    return tmp_path / "songs"


def write(songs, out, *arguments):
    command = ["folder", "--root", str(songs), "--out", str(out), "--no-validation", "--shard-mb", "0.006"]
    return tfrecords_tools([*command, "--workers", "1", *arguments])


@pytest.mark.parametrize("runner", [RUNNER, PROCESSES])
def test_records_have_the_bytes_of_one_machine(songs, tmp_path, runner):
    assert write(songs, tmp_path / "beam", *runner) == 0
    assert write(songs, tmp_path / "here") == 0
    assert contents(tmp_path / "beam") == contents(tmp_path / "here")


def test_only_what_is_missing_is_written_again(songs, tmp_path, capsys):
    assert write(songs, tmp_path / "beam", *RUNNER) == 0
    before = contents(tmp_path / "beam")
    (tmp_path / "beam" / "train-00001-00.tfrecord").unlink()
    assert write(songs, tmp_path / "beam", *RUNNER) == 0
    assert "1 of 4 shard groups to write, on Beam's DirectRunner." in capsys.readouterr().out
    assert contents(tmp_path / "beam") == before


def test_verify_names_the_broken_shard(songs, tmp_path, capsys):
    assert write(songs, tmp_path / "out") == 0
    assert tfrecords_tools(["verify", str(tmp_path / "out"), *RUNNER]) == 0
    path = tmp_path / "out" / "train-00001-00.tfrecord"
    data = bytearray(path.read_bytes())
    data[-10] ^= 1
    path.write_bytes(data)
    assert tfrecords_tools(["verify", str(tmp_path / "out"), *RUNNER]) == 1
    assert "train-00001-00.tfrecord` has other bytes" in capsys.readouterr().err


def test_scores_are_those_of_one_machine(tmp_path, capsys):
    for seed, track in enumerate(("A - One", "B - Two")):
        stems = make_stems(num_samples=9000, channels=1, seed=seed)
        write_stems(tmp_path / "references" / track, stems)
        write_stems(tmp_path / "estimates" / track, make_estimates(stems))
    folders = ["--references", str(tmp_path / "references"), "--estimates", str(tmp_path / "estimates")]
    command = ["evaluate", *folders, "--backend", "shared", "--workers", "1", "--out"]
    assert keras_d3([*command, str(tmp_path / "beam"), *RUNNER]) == 0
    assert keras_d3([*command, str(tmp_path / "here")]) == 0
    for track in ("A - One", "B - Two"):
        ours, theirs = (
            json.loads((tmp_path / name / f"{track}.json").read_text()) for name in ("beam", "here")
        )
        assert ours == theirs


def test_a_runner_that_is_not_there_ends_the_command(songs, tmp_path, capsys):
    assert write(songs, tmp_path / "out", "--runner", "NoRunner") == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "must be a runner of Apache Beam that is installed" in error
    assert not (tmp_path / "out").exists()
