"""What a run directory says after a crash, a second process, or damage."""

import json
import random

import pytest

from keras_d3.runs import Run, TrainingState
from keras_d3.utils import DirectoryInUseError
from tests.faults.small_work import CONFIG, LOSSES, Model, train


@pytest.fixture
def run(tmp_path):
    train(tmp_path)
    return Run(tmp_path / "run")


def names(run):
    return {path.name for path in (run.path / "checkpoints").iterdir()}


def test_the_next_start_derives_the_names(run):
    """As after a kill between the state of the last epoch and its second names."""
    state = run.read_state()
    last, best = (run.path / f"checkpoints/{name}.keras" for name in ("last", "best"))
    wanted = run.resume_checkpoint(state.epoch).read_bytes()
    for path in (last, best):
        path.unlink()
        path.write_bytes(b"of the epoch before")
    (run.path / "checkpoints/epoch_3.keras").write_bytes(b"of the epoch before")
    history = (run.path / "history.csv").read_bytes()
    (run.path / "history.csv").write_bytes(history.rsplit(b"\n", 2)[0])
    for name in ("last", "best"):
        assert run.checkpoint(name).read_bytes() == wanted, "a reader, before the next start"
    train(run.path.parent)
    assert last.read_bytes() == best.read_bytes() == wanted
    assert names(run) == {"last.keras", "best.keras", "epoch_4.keras"}
    assert (run.path / "history.csv").read_bytes() == history


def test_best_of_an_earlier_epoch_stays(tmp_path):
    run, state = Run(tmp_path), TrainingState()
    for epoch in (1, 2):
        state.epoch, state.best_value, state.best_epoch = epoch, 1.0, 1
        run.save_epoch(Model(epoch), state)
    with run.writing():
        assert run.checkpoint("best").read_bytes() == bytes([1]) * 100
        assert run.checkpoint("last").read_bytes() == bytes([2]) * 100


def test_an_epoch_that_was_not_committed_is_removed(run):
    (run.path / "checkpoints/epoch_5.keras").write_bytes(b"not committed")
    train(run.path.parent)
    assert names(run) == {"last.keras", "best.keras", "epoch_4.keras"}


def test_without_its_file_a_state_removes_nothing(run):
    (run.path / "checkpoints/epoch_4.keras").rename(run.path / "checkpoints/epoch_3.keras")
    before = names(run)
    with run.writing():
        pass
    assert names(run) == before


def test_leftovers_are_swept_at_the_start(run):
    for place in (
        ".keras_d3.abcdefgh.tmp/new",
        ".state.json.abcdefgh.tmp",
        ".history.csv.abcdefgh.tmp",
        "checkpoints/.keras_d3.abcdefgh.tmp",
        "checkpoints/.epoch_3.keras.abcdefgh.tmp",
    ):
        (run.path / place).mkdir(parents=True)
    with run.writing():
        assert not list(run.path.rglob(".*"))


def test_a_start_that_was_killed_before_its_config_is_no_foreign_directory(tmp_path):
    (tmp_path / "run/.keras_d3.abcdefgh.tmp").mkdir(parents=True)
    Run(tmp_path / "run").claim(CONFIG)


def test_a_second_training_is_refused(run):
    with run.writing():
        with pytest.raises(DirectoryInUseError, match="run` is being written by another process"):
            with Run(run.path).writing():
                pass
        assert Run(run.path).finished_states(), "readers need no lock"


@pytest.mark.parametrize(
    "change,message",
    [
        ({"epoch": None}, "`epoch` must be an integer"),
        ({"stage": "one"}, "`stage` must be an integer"),
        ({"stage": -1}, "`stage` must be an integer of at least 0"),
        ({"epoch": True}, "`epoch` must be an integer"),
        ({"best_epoch": 9}, "`best_epoch` must be a finished epoch, 1 to 4"),
        ({"best_value": float("nan")}, "`best_value` must be finite"),
        ({"train_secs": -1}, "`train_secs` must be 0 or more"),
        ({"parameters": 1.5}, "`parameters` must be an integer"),
        ({"history": {}}, "`history` must be list"),
        ({"history": [1]}, "`history` must be a list of mappings"),
        ({"history": [{"loss": "low"}]}, "`history` must be a list of mappings"),
        ({"finished": 1}, "`finished` must be true or false"),
        ({"surprise": 1}, "Unknown key"),
    ],
)
def test_states_of_other_types_are_refused(run, change, message):
    """Also without a checksum, as earlier versions wrote them."""
    path = run.path / "state.json"
    values = json.loads(path.read_text())
    del values["checksum"]
    path.write_text(json.dumps(values))
    assert run.read_state().epoch == len(LOSSES)
    path.write_text(json.dumps({**values, **change}))
    with pytest.raises(ValueError, match=f"The training state `.*state.json` is damaged: {message}"):
        run.read_state()
    path.write_text("[1]")
    with pytest.raises(ValueError, match="must be a mapping"):
        run.read_state()


@pytest.mark.parametrize("name", ["state.json", "config.json"])
def test_no_damage_changes_a_value(run, name):
    """A byte changed anywhere, or the rest cut off: the same values, or an error that names the file."""
    path, draw = run.path / name, random.Random(0)
    content = path.read_bytes()

    def read():
        found = Run(run.path)
        return found.read_state() if name == "state.json" else found.config

    wanted, refused = read(), 0
    for _ in range(200):
        damaged = bytearray(content)
        place = draw.randrange(len(content))
        damaged[place] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged if draw.random() < 0.9 else content[:place])
        try:
            assert read() == wanted
        except ValueError as error:
            assert name in str(error)
            refused += 1
    assert refused > 100


def test_a_changed_config_is_refused_by_readers_and_by_the_next_start(run):
    path = run.path / "config.json"
    values = json.loads(path.read_text())
    values["separation"]["overlap"] = 0.5
    path.write_text(json.dumps(values))
    with pytest.raises(ValueError, match="run config `.*config.json` is damaged, or was changed"):
        _ = Run(run.path).config
    with pytest.raises(ValueError, match="another config: separation.overlap: saved 0.5, now 0.25"):
        run.claim(CONFIG)
    del values["checksum"]
    path.write_text(json.dumps(values))
    assert Run(run.path).config.separation.overlap == 0.5, "changed on purpose"


@pytest.mark.parametrize("content", ["[]", '{"train": "a"}', '{"train": [1]}', "null"])
def test_lists_of_tracks_of_other_types_are_refused(run, content):
    (run.path / "tracks.json").write_text(content)
    with pytest.raises(ValueError, match="tracks.json` must be a mapping from splits to lists of names"):
        run.tracks()


@pytest.mark.parametrize("content", ["[]", '{"source": 1}', '{"source": "a", "sha256": 5}', '"a"'])
def test_initial_weights_of_other_types_are_refused(run, content):
    (run.path / "initial_weights.json").write_text(content)
    with pytest.raises(ValueError, match="initial_weights.json` must hold the `source` and the `sha256`"):
        _ = run.initial_weights
