"""Training in several processes on JAX: what starts it, what is refused, equal losses, a lost process."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import types
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_d3.training import processes, train
from keras_d3.training.processes import (
    Process,
    check_same,
    first_alone,
    join_processes,
    lost_process_told,
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
SLURM = {
    "SLURM_JOB_ID": "4099",
    "SLURM_STEP_NODELIST": "node[01-04],other",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_PROCID": "3",
}


def test_the_environment_says_which_process_this_is():
    assert requested_process({"PATH": "/bin"}) == Process(0, 1)
    assert requested_process(TWO) == Process(1, 2, "10.0.0.1:1234")
    assert requested_process(SLURM) == Process(3, 4, "node01:61443")
    assert requested_process({**SLURM, "SLURM_STEP_NODELIST": "a,b"}).address == "a:61443"
    jax_names = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
    assert requested_process(dict(zip(jax_names, ("a:1", "2", "1"), strict=True))) == Process(1, 2, "a:1")
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
        with pytest.raises(RuntimeError, match=f"Nothing has answered at {address} .* process 0"):
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

    def wait_at_barrier(self, key, timeout_ms):
        pass


def test_processes_that_differ_are_told_what_in(monkeypatch):
    monkeypatch.setattr(processes, "_client", lambda: Store({"config": "a", "records": "b"}))
    check_same(Process(1, 2), {"config": "a", "records": "b"})
    with pytest.raises(ValueError, match="the same records. Received: b in process 0, c in process 1"):
        check_same(Process(1, 2), {"config": "a", "records": "c"})
    check_same(Process(0, 1), {"config": "alone"})


def test_the_others_follow_the_first_or_say_why_it_ended(monkeypatch):
    store = Store({})
    monkeypatch.setattr(processes, "_client", lambda: store)
    for text, follows in (("", True), ("The disk is full.", False)):
        monkeypatch.setattr(processes, "_rounds", itertools.repeat(7))
        with contextlib.suppress(OSError), first_alone(Process(0, 2)):
            if text:
                raise OSError(text)
        told = pytest.raises(RuntimeError, match="^Process 0 of the training has ended: The disk is full.$")
        with contextlib.nullcontext() if follows else told, first_alone(Process(1, 2)):
            pass


@pytest.mark.parametrize("error", [RuntimeError, ValueError])
def test_errors_of_jax_about_other_processes_are_told(error):
    told = pytest.raises(RuntimeError, match="Another process of the training was lost .*same command")
    with told, lost_process_told(Process(0, 2)):
        raise error("UNKNOWN: Gloo AllGather failed: Connection closed by peer [127.0.0.1]:35206")
    with pytest.raises(error, match="^RESOURCE_EXHAUSTED: Out of memory$"):
        with lost_process_told(Process(0, 2)):
            raise error("RESOURCE_EXHAUSTED: Out of memory")


class StoreAtTheEnd:
    """JAX's store of keys, in memory: what was not set is waited for in vain."""

    def __init__(self, keys=()):
        self.keys, self.events = set(keys), []

    def key_value_set(self, key, value):
        self.keys.add(key)
        self.events.append("said")

    def blocking_key_value_get(self, key, timeout_ms):
        assert 0 < timeout_ms <= 1000 * processes.LEAVE_SECS
        self.events.append("waited")
        if key not in self.keys:
            raise RuntimeError("DEADLINE_EXCEEDED: GetKeyValue() timed out")


@pytest.mark.parametrize(
    ("number", "keys", "events"),
    [
        (1, (), ["said", "left"]),
        (0, ("keras_d3/leaving/1", "keras_d3/leaving/2"), ["waited", "waited", "slept", "left"]),
        (0, ("keras_d3/leaving/2",), ["waited", "left"]),
    ],
)
def test_process_0_leaves_last_and_without_those_that_are_lost(number, keys, events, monkeypatch):
    store = StoreAtTheEnd(keys)
    monkeypatch.setattr(processes, "_client", lambda: store)
    monkeypatch.setattr(processes.time, "sleep", lambda secs: store.events.append("slept"))
    shutdown = types.SimpleNamespace(shutdown=lambda: store.events.append("left"))
    monkeypatch.setitem(sys.modules, "jax", types.SimpleNamespace(distributed=shutdown))
    processes._leave(Process(number, 3, "node:1"))
    assert store.events == events


# What follows runs in processes on JAX, with TensorFlow beside it to read the records.

STAGE = {"learning_rate": 3e-3, "batch_size": 4, "epochs": 2, "decay": "poly", "final_learning_rate": 1e-3}
OPTIONS = {"train": {"stages": [STAGE], "steps_per_epoch": 2, "ema_momentum": 0.9}}
# Without the first two, most of the time is XLA's compiler's.
XLA_FLAGS = (
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false "
    "--xla_force_host_platform_device_count="
)


def start(records, trainings, num_devices=1, number=None, port=None):
    """Starts a process: of a training of two, if it has a number."""
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "XLA_FLAGS": f"{XLA_FLAGS}{num_devices}",
        # What one process has compiled the next ones read.
        "JAX_COMPILATION_CACHE_DIR": str(Path(records).parent / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    if number is not None:
        environment |= {
            "KERAS_DISTRIBUTION_JOB_ADDRESSES": f"127.0.0.1:{port}",
            "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
            "KERAS_DISTRIBUTION_PROCESS_ID": str(number),
        }
    command = ["tests.helpers.train_process", str(records), json.dumps(trainings)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=environment, **pipes)


def start_two(records, *options):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return [start(records, [options[number % len(options)]], 1, number, port) for number in range(2)]


def histories_of(process):
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors[-3000:]
    # Gloo writes lines of its own.
    return [json.loads(line) for line in output.splitlines() if line.startswith("[{")]


def losses(history):
    return [[row[name] for name in ("loss", "val_loss")] for row in history]


def weights(run, name="last"):
    """Of what validation sees; loaded on TensorFlow, whatever the training's backend was."""
    return keras.saving.load_model(run / "checkpoints" / f"{name}.keras", compile=False).get_weights()


def assert_close(run, other):
    for ours, theirs in zip(weights(run), weights(other), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.fixture(scope="module")
def on_jax(records, tmp_path_factory):
    """Trainings in one process on JAX: run directories, and histories by name."""
    pytest.importorskip("jax")
    folder = tmp_path_factory.mktemp("jax")
    train(config_of(OPTIONS), records, folder / "tensorflow", verbose=0, stop_after_epoch=1)
    shutil.copytree(folder / "tensorflow", folder / "from_tensorflow")
    trainings = {
        "straight": {},
        "stopped": {"run": "resumed", "stop_after_epoch": 1},
        "resumed": {},
        "from_tensorflow": {},
        "two_devices": {"devices": "all"},
    }
    options = [
        {**OPTIONS, **changes, "run": str(folder / changes.get("run", name))}
        for name, changes in trainings.items()
    ]
    histories = histories_of(start(records, options, num_devices=2))
    return folder, dict(zip(trainings, histories, strict=True))


def test_a_stopped_training_on_jax_resumes_exactly(on_jax):
    folder, histories = on_jax
    assert len(histories["stopped"]) == 1 and len(histories["resumed"]) == 2
    assert losses(histories["resumed"]) == losses(histories["straight"])
    for ours, theirs in zip(weights(folder / "resumed"), weights(folder / "straight"), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_training_on_tensorflow_goes_on_on_jax(records, on_jax):
    """Weights, averages, the optimizer's state and the learning rate are read; the same up to rounding."""
    folder, histories = on_jax
    state = train(config_of(OPTIONS), records, folder / "tensorflow", verbose=0)
    np.testing.assert_allclose(losses(histories["from_tensorflow"]), losses(state.history), rtol=1e-3)
    assert_close(folder / "from_tensorflow", folder / "tensorflow")


def test_two_devices_have_the_losses_of_one(on_jax):
    folder, histories = on_jax
    np.testing.assert_allclose(losses(histories["two_devices"]), losses(histories["straight"]), rtol=1e-4)
    assert_close(folder / "two_devices", folder / "straight")


def test_two_processes_have_the_losses_of_one_and_the_first_writes(records, on_jax, tmp_path):
    """And which process comes to its end first does not matter."""
    folder, alone = on_jax
    options = {**OPTIONS, "run": str(tmp_path / "run")}
    two = start_two(records, options, {**options, "linger_secs": 5})
    (first,), (second,) = (histories_of(process) for process in two)
    assert losses(first) == losses(second)
    np.testing.assert_allclose(losses(first), losses(alone["straight"]), rtol=1e-4)
    assert_close(tmp_path / "run", folder / "straight")


def test_processes_of_other_configs_end_before_the_first_step(records, tmp_path):
    pytest.importorskip("jax")
    options = {**OPTIONS, "run": str(tmp_path / "run")}
    other = {**options, "train": {**OPTIONS["train"], "seed": 7}}
    for process in start_two(records, options, other):
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 1
        assert "error: All processes of a training must have the same config" in errors
    assert not (tmp_path / "run").exists()


def test_when_a_process_is_killed_the_other_says_so_and_the_same_command_resumes(records, tmp_path):
    pytest.importorskip("jax")
    stages = [{**STAGE, "epochs": 1000}]
    long = {"train": {**OPTIONS["train"], "stages": stages}, "run": str(tmp_path / "run")}
    first, second = start_two(records, long)
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
    long["stop_after_epoch"] = finished + 1
    for process in start_two(records, {**long, "linger_secs": 5}, long):
        assert [len(history) for history in histories_of(process)] == [finished + 1]
