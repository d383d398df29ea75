"""Work on Beam's own runner: all items, faults told together, what is not installed."""

import argparse
import functools
import os
import signal
import threading
from pathlib import Path

import pytest

import keras_d3
from keras_d3.utils import BeamRunner, add_beam_runner, add_work_shard, beam_runner

pytest.importorskip("apache_beam")
# Beam warns of what its own dependencies deprecate.
pytestmark = pytest.mark.filterwarnings("default")
HERE = BeamRunner("DirectRunner")


def write_square(folder, number):
    if number < 0:
        raise ValueError(f"{number} is negative.")
    (Path(folder) / f"{number}.txt").write_text(str(number**2))


def count_made(folder):
    path = Path(folder) / "made"
    path.write_text(path.read_text() + "." if path.is_file() else ".")
    return folder


def test_every_item_is_worked_on(tmp_path):
    HERE.run(functools.partial(write_square, str(tmp_path)), range(5), tmp_path / "faults")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{number}.txt" for number in range(5)]


def test_faults_are_told_together_and_the_others_are_done(tmp_path):
    work = functools.partial(write_square, str(tmp_path))
    with pytest.raises(ValueError, match="2 of 4 units of work failed:\n  1. -1 is negative.\n  2. -2 is"):
        HERE.run(work, [1, -1, -2, 2], tmp_path / "faults")
    with pytest.raises(ValueError, match="^-3 is negative.$"):
        HERE.run(work, [-3], tmp_path / "faults")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.txt", "2.txt"]


def test_what_is_made_is_made_once_per_worker(tmp_path):
    HERE.run(write_square, range(6), tmp_path / "faults", functools.partial(count_made, str(tmp_path)))
    assert len(list(tmp_path.glob("*.txt"))) == 6
    assert (tmp_path / "made").read_text() == "."


def square_but_die_once(folder, number):
    path = Path(folder) / f"{number}.txt"
    if path.is_file():
        return
    if number == 3 and not (Path(folder) / "died").exists():
        (Path(folder) / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    path.write_text(f"{os.getpid()}")


def test_a_killed_worker_ends_the_command_and_the_next_goes_on(tmp_path, capfd):
    processes = BeamRunner(
        "DirectRunner", ("--direct_num_workers=2", "--direct_running_mode=multi_processing")
    )
    handlers = signal.getsignal(signal.SIGUSR1), threading.excepthook
    work = functools.partial(square_but_die_once, str(tmp_path))
    with pytest.raises(RuntimeError, match="A worker process was killed.* it goes on where it stopped"):
        processes.run(work, range(8), tmp_path / "faults")
    assert "Traceback" not in capfd.readouterr().err
    done = {path.name: path.read_text() for path in tmp_path.glob("*.txt")}
    assert "3.txt" not in done
    processes.run(work, range(8), tmp_path / "faults")
    after = {path.name: path.read_text() for path in tmp_path.glob("*.txt")}
    assert len(after) == 8 and {name: after[name] for name in done} == done
    assert len(set(after.values())) > 1
    assert (signal.getsignal(signal.SIGUSR1), threading.excepthook) == handlers


def changing_version(folder, number):
    """As if the worker of the other items had another version."""
    keras_d3.__version__ = "0.0.1"


def test_workers_of_another_version_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(keras_d3, "__version__", keras_d3.__version__)  # put back at the end
    with pytest.raises(ValueError, match="^Workers must have the version .* Received: 0.0.1 on a worker"):
        HERE.run(functools.partial(changing_version, str(tmp_path)), range(4), tmp_path / "faults")


def options(*arguments):
    parser = argparse.ArgumentParser()
    add_work_shard(parser, "songs")
    add_beam_runner(parser)
    return parser.parse_args(arguments)


def test_options_are_passed_through():
    given = options("--runner", "DirectRunner", "--runner-options=--direct_num_workers=2 --name 'a b'")
    assert beam_runner(given) == BeamRunner("DirectRunner", ("--direct_num_workers=2", "--name", "a b"))
    assert beam_runner(options()) is None


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--runner", "NoRunner"], "must be a runner of Apache Beam that is installed. Received: 'NoRunner'"),
        (["--runner", "no.such.Runner"], "that is installed. Received: 'no.such.Runner'"),
        (["--runner-options", "x"], "are those of a `--runner`"),
        (
            ["--runner", "DirectRunner", "--runner-options=--direct_num_workers=two"],
            "must be options of Apache Beam. Received: '--direct_num_workers=two'",
        ),
        (["--runner", "DirectRunner", "--shard", "1/2"], "divides the work itself"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        beam_runner(options(*arguments))
