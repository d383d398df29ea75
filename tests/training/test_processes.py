"""Training in several processes on JAX: what starts it, what is refused, equal losses, a lost process."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_d3.training import processes, train
from keras_d3.training.processes import (
    Process,
    check_same,
    join_processes,
    requested_process,
    wait_for_answer,
)
from tests.helpers.train_process import config_of

ROOT = Path(__file__).resolve().parents[2]
TWO = {
    "KERAS_DISTRIBUTION_JOB_ADDRESSES": "10.0.0.1:1234,10.0.0.2:1234",
    "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
    "KERAS_DISTRIBUTION_PROCESS_ID": "1",
}
SLURM = {"SLURM_STEP_NODELIST": "node[1-4]", "SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3"}


def test_the_environment_says_which_process_this_is():
    assert requested_process({"PATH": "/bin"}) == Process(0, 1)
    assert requested_process(TWO) == Process(1, 2, "10.0.0.1:1234")
    assert requested_process(SLURM) == Process(3, 4)
    # A batch script inside an allocation of many tasks is one process.
    assert requested_process({"SLURM_NTASKS": "4", "SLURM_PROCID": "0"}) == Process(0, 1)
    assert requested_process({**SLURM, **TWO}) == Process(1, 2, "10.0.0.1:1234")


@pytest.mark.parametrize(
    "change, message",
    [
        (
            {"KERAS_DISTRIBUTION_NUM_PROCESSES": "two"},
            "NUM_PROCESSES` must be a whole number. Received: 'two'",
        ),
        ({"KERAS_DISTRIBUTION_PROCESS_ID": ""}, "PROCESS_ID` must be a whole number"),
        ({"KERAS_DISTRIBUTION_PROCESS_ID": "2"}, "must be from 0 to 1 .*Received: 2"),
        ({"KERAS_DISTRIBUTION_JOB_ADDRESSES": "node1"}, "must be HOST:PORT of process 0. Received: 'node1'"),
    ],
)
def test_variables_that_are_not_whole_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        requested_process({**TWO, **change})


def test_other_backends_are_refused(monkeypatch):
    for name, value in TWO.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    with pytest.raises(ValueError, match="in 2 processes needs the JAX backend.*Set KERAS_BACKEND=jax"):
        join_processes()


def test_an_address_that_does_not_answer_is_named():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(RuntimeError, match=f"Nothing answers at {address} .* process 0"):
            wait_for_answer(address, 0.1)


class Store:
    """The store of keys of JAX's service, with what process 0 has written."""

    def __init__(self, facts):
        self.facts, self.values = facts, {}

    def key_value_set(self, key, value):
        self.values[key] = value
        self.values.setdefault(f"{key.rpartition('/')[0]}/0", json.dumps(self.facts))

    def blocking_key_value_get(self, key, timeout_ms):
        return self.values[key]


def test_processes_that_differ_are_told_what_in(monkeypatch):
    monkeypatch.setattr(processes, "_client", lambda: Store({"config": "a", "records": "b"}))
    check_same(Process(1, 2), {"config": "a", "records": "b"})
    with pytest.raises(ValueError, match="the same records. Received: b in process 0, c in process 1"):
        check_same(Process(1, 2), {"config": "a", "records": "c"})
    check_same(Process(0, 1), {"config": "alone"})


# What follows runs in processes on JAX, with TensorFlow beside it to read the records.

OPTIONS = {"train": {"stages": [[0.003, 4, 2]], "steps_per_epoch": 4}}


def start(records, run, options=OPTIONS, number=None, port=None):
    environment = {**os.environ, "KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"}
    if number is not None:
        environment |= {
            "KERAS_DISTRIBUTION_JOB_ADDRESSES": f"127.0.0.1:{port}",
            "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
            "KERAS_DISTRIBUTION_PROCESS_ID": str(number),
        }
    command = ["tests.helpers.train_process", str(records), str(run), json.dumps(options)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=environment, **pipes)


def start_two(records, run, *options):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return [start(records, run, options[number] if options else OPTIONS, number, port) for number in range(2)]


def history_of(process):
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors[-3000:]
    return json.loads(output.splitlines()[-1])


@pytest.fixture(scope="module")
def one_process(records, tmp_path_factory):
    pytest.importorskip("jax")
    run = tmp_path_factory.mktemp("jax") / "one"
    return run, history_of(start(records, run))


def losses(history):
    return [[row[name] for name in ("loss", "val_loss")] for row in history]


def weights(run):
    return keras.saving.load_model(run / "checkpoints" / "last.keras").get_weights()


@pytest.fixture(scope="module")
def stopped(records, one_process, tmp_path_factory):
    """The run directory of a training on JAX that was stopped after the first of two epochs."""
    run = tmp_path_factory.mktemp("jax") / "stopped"
    history_of(start(records, run, {**OPTIONS, "stop_after_epoch": 1}))
    return run


@pytest.mark.slow
def test_a_stopped_training_on_jax_resumes_exactly(records, one_process, stopped, tmp_path):
    run, straight = one_process
    resumed = shutil.copytree(stopped, tmp_path / "run")
    assert losses(history_of(start(records, resumed))) == losses(straight)
    for ours, theirs in zip(weights(resumed), weights(run), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_a_training_on_jax_goes_on_on_tensorflow(records, one_process, stopped, tmp_path):
    """Weights and the optimizer's state are read, so the second epoch is the same up to rounding."""
    state = train(config_of(OPTIONS), records, shutil.copytree(stopped, tmp_path / "run"), verbose=0)
    np.testing.assert_allclose(losses(state.history), losses(one_process[1]), rtol=1e-3)
    for ours, theirs in zip(weights(tmp_path / "run"), weights(one_process[0]), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.slow
def test_a_training_on_tensorflow_goes_on_on_jax(records, tmp_path):
    pytest.importorskip("jax")
    train(config_of(OPTIONS), records, tmp_path / "run", verbose=0, stop_after_epoch=1)
    goes_on = shutil.copytree(tmp_path / "run", tmp_path / "jax")
    straight = train(config_of(OPTIONS), records, tmp_path / "run", verbose=0).history
    np.testing.assert_allclose(losses(history_of(start(records, goes_on))), losses(straight), rtol=1e-3)


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one_and_the_first_writes(records, one_process, tmp_path):
    histories = [history_of(process) for process in start_two(records, tmp_path / "run")]
    assert losses(histories[0]) == losses(histories[1])
    np.testing.assert_allclose(losses(histories[0]), losses(one_process[1]), rtol=1e-4)
    for ours, theirs in zip(weights(tmp_path / "run"), weights(one_process[0]), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.slow
def test_processes_of_other_configs_end_before_the_first_step(records, one_process, tmp_path):
    other = {"train": {**OPTIONS["train"], "seed": 7}}
    for process in start_two(records, tmp_path / "run", OPTIONS, other):
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 1
        assert "error: All processes of a training must have the same config" in errors
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_when_a_process_is_killed_the_other_says_so_and_the_same_command_resumes(
    records, one_process, tmp_path
):
    long = {"train": {"stages": [[0.003, 4, 200]], "steps_per_epoch": 4}}
    first, second = start_two(records, tmp_path / "run", long, long)
    state = tmp_path / "run" / "state.json"
    while not state.is_file():
        assert first.poll() is None, first.communicate()[1][-3000:]
        time.sleep(0.1)
    second.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    _, errors = first.communicate(timeout=600)
    second.communicate()
    assert time.monotonic() - killed < 60
    assert first.returncode == 1 and "error: Another process of the training was lost" in errors
    finished = json.loads(state.read_text())["epoch"]
    again = [{**long, "stop_after_epoch": finished + 1}] * 2
    histories = [history_of(process) for process in start_two(records, tmp_path / "run", *again)]
    assert len(histories[0]) == finished + 1
