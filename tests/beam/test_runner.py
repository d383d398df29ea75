"""Work on Beam's own runner: all items, faults told together, what is not installed."""

import argparse
import functools
from pathlib import Path

import pytest

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
    assert len((tmp_path / "made").read_text()) < 6


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
        (["--runner", "DirectRunner", "--shard", "1/2"], "divides the work itself"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        beam_runner(options(*arguments))
