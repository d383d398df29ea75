"""Processes of one training on several machines, joined through JAX's coordination service.

Started by environment variables: Keras' own `KERAS_DISTRIBUTION_JOB_ADDRESSES` (that of process 0 will do),
`KERAS_DISTRIBUTION_NUM_PROCESSES` and `KERAS_DISTRIBUTION_PROCESS_ID`; JAX's `JAX_COORDINATOR_ADDRESS`,
`JAX_NUM_PROCESSES` and `JAX_PROCESS_ID`; or those of a Slurm step (`srun`).
"""

import atexit
import contextlib
import dataclasses
import itertools
import json
import os
import re
import socket
import sys
import time
from collections.abc import Iterator, Mapping

import keras

# Address of process 0, number of processes, number of this one: Keras' names, then JAX's.
VARIABLES = (
    (
        "KERAS_DISTRIBUTION_JOB_ADDRESSES",
        "KERAS_DISTRIBUTION_NUM_PROCESSES",
        "KERAS_DISTRIBUTION_PROCESS_ID",
    ),
    ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"),
)
# Set by srun alone: a batch script has the variables of its allocation, but is one process.
SLURM_STEP = ("SLURM_STEP_NODELIST", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID")
SLURM_JOB = "SLURM_JOB_ID"
# Ports from here on are for Slurm's jobs, one for each of so many; those that JAX takes.
FIRST_PORT = 61440
NUM_PORTS = 4096
# How long the processes wait for each other at the start, as schedulers start them apart.
ANSWER_SECS = 120
# After which a process that says nothing counts as lost.
HEARTBEAT_SECS = 50
# The first process's preparations take no longer: it may have to read all records for their statistics.
FIRST_SECS = 6 * 3600
# How long process 0 waits for the others to come to their end, and then before it ends itself: what connects
# them ends with it, and JAX would end those that still need it, as failed.
LEAVE_SECS = 60
LAST_SECS = 3
# JAX's errors about other processes: a status, and words. They come as one of several classes.
OF_OTHERS = re.compile(
    "^[A-Z_]+: .*(gloo|nccl|coordinat|heartbeat|barrier|peer|connection|socket|deadline)",
    re.IGNORECASE | re.DOTALL,
)

_rounds = itertools.count()


@dataclasses.dataclass(frozen=True)
class Process:
    """One of the processes of a training.

    Args:
        number: int, from 0 on. Process 0 writes the run directory.
        count: int.
        address: str or None, HOST:PORT of process 0; None where there is one process.
    """

    number: int = 0
    count: int = 1
    address: str | None = None


def requested_process(environment: Mapping[str, str]) -> Process:
    """Returns which process of how many the environment variables say that this is.

    Raises:
        ValueError: one is missing, or is no number or address.

    Example:

    >>> requested_process({})
    Process(number=0, count=1, address=None)
    """
    for names in (*VARIABLES, SLURM_STEP):
        if names[1] in environment:
            break
    else:
        return Process()
    addresses, count_name, number_name = names
    count, number = (_whole_number(environment, name) for name in (count_name, number_name))
    if not 0 <= number < count:
        raise ValueError(
            f"`{number_name}` must be from 0 to {count - 1} (`{count_name}`). Received: {number}."
        )
    if count == 1:
        return Process()
    if names == SLURM_STEP:
        return Process(number, count, _slurm_address(environment))
    address = environment.get(addresses, "").split(",")[0]
    if not re.fullmatch(r"\S+:\d+", address):
        raise ValueError(f"`{addresses}` must be HOST:PORT of process 0. Received: {address!r}.")
    return Process(number, count, address)


def _slurm_address(environment):
    """The first node of a list such as node[001-004,7],other, and a port that follows from the job."""
    nodes = environment.get(SLURM_STEP[0], "")
    found = re.match(r"([^,\[]+)(?:\[(\w+))?", nodes)
    if not found:
        raise ValueError(f"`{SLURM_STEP[0]}` must be a list of nodes. Received: {nodes!r}.")
    return f"{found[1]}{found[2] or ''}:{FIRST_PORT + _whole_number(environment, SLURM_JOB) % NUM_PORTS}"


def join_processes() -> Process:
    """Joins the processes that the environment variables ask for; a second call changes nothing.

    Has to come before anything is computed on JAX.

    Raises:
        ValueError: the variables are not whole, or the backend is not JAX.
        RuntimeError: not all processes answer.
    """
    process = requested_process(os.environ)
    if process.count == 1:
        return process
    if keras.backend.backend() != "jax":
        raise ValueError(
            f"Training in {process.count} processes needs the JAX backend, as TensorFlow's strategy for "
            f"several machines does not work with Keras 3. Received: {keras.backend.backend()!r}. Set "
            "KERAS_BACKEND=jax."
        )
    import jax

    if jax.distributed.is_initialized():
        return process
    if process.number and process.address:
        wait_for_answer(process.address, ANSWER_SECS)
    # A lost process is an error that is told, instead of the end of this one from within JAX.
    jax.config.update("jax_enable_recoverability", True)
    try:
        # All devices that the process sees: JAX's own way under Slurm gives one to each task.
        jax.distributed.initialize(
            process.address,
            process.count,
            process.number,
            cluster_detection_method="deactivate",
            initialization_timeout=ANSWER_SECS,
            heartbeat_timeout_seconds=HEARTBEAT_SECS,
        )
    except (RuntimeError, ValueError) as error:
        raise RuntimeError(
            f"Not all {process.count} processes of the training have answered within {ANSWER_SECS} s: "
            f"{_first_line(error)}"
        ) from error
    # Called before JAX's own, which was registered when it was imported.
    atexit.register(_leave, process)
    return process


def _leave(process):
    """Ends this process's part in the connection: process 0, which holds it for all, is the last.

    Processes that can be lost do not wait for each other when they leave; with JAX's own order the last step
    would decide which is first.
    """
    client = _client()
    if client is None:
        return
    key = "keras_d3/leaving/"
    with contextlib.suppress(RuntimeError, ValueError):
        if process.number:
            client.key_value_set(f"{key}{process.number}", "")
        else:
            end = time.monotonic() + LEAVE_SECS
            for number in range(1, process.count):
                left_ms = max(1, round(1000 * (end - time.monotonic())))
                client.blocking_key_value_get(f"{key}{number}", left_ms)
            time.sleep(LAST_SECS)
    sys.modules["jax"].distributed.shutdown()


def wait_for_answer(address: str, secs: float) -> None:
    """Waits until process 0 listens at `address`.

    Raises:
        RuntimeError: it does not within `secs` seconds.
    """
    host, _, port = address.rpartition(":")
    end = time.monotonic() + secs
    while True:
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=5):
                return
        except OSError as error:
            if time.monotonic() > end:
                raise RuntimeError(
                    f"Nothing has answered at {address} for {secs:.0f} s, where process 0 of the training "
                    f"must run: {error}."
                ) from error
            time.sleep(0.2)


def check_same(process: Process, facts: Mapping[str, str]) -> None:
    """Compares facts, `{name: value}`, with those of all other processes.

    Raises:
        ValueError: another process has another value. All processes raise it.
    """
    if process.count == 1:
        return
    client, key = _client(), f"keras_d3/facts/{next(_rounds)}"
    client.key_value_set(f"{key}/{process.number}", json.dumps(dict(facts)))
    all_facts = [
        json.loads(client.blocking_key_value_get(f"{key}/{number}", ANSWER_SECS * 1000))
        for number in range(process.count)
    ]
    # With process 0 their store ends.
    client.wait_at_barrier(f"{key}/read", ANSWER_SECS * 1000)
    for number, others in enumerate(all_facts):
        for name, value in all_facts[0].items():
            if others.get(name) != value:
                raise ValueError(
                    f"All processes of a training must have the same {name}. Received: {value} in process 0, "
                    f"{others.get(name)} in process {number}."
                )


@contextlib.contextmanager
def first_alone(process: Process) -> Iterator[None]:
    """Has process 0 go through the block before all others do.

    Raises:
        RuntimeError: in the others, if it has ended there.
    """
    if process.count == 1:
        yield
        return
    key = f"keras_d3/first/{next(_rounds)}"
    if process.number:
        failure = json.loads(_client().blocking_key_value_get(key, FIRST_SECS * 1000))
        if failure is not None:
            raise RuntimeError(f"Process 0 of the training has ended: {failure}")
        yield
        return
    try:
        yield
    except Exception as error:
        _client().key_value_set(key, json.dumps(str(error)))
        raise
    _client().key_value_set(key, "null")


@contextlib.contextmanager
def lost_process_told(process: Process) -> Iterator[None]:
    """Turns JAX's errors about other processes into one that says what to do.

    Raises:
        RuntimeError: another process has ended.
    """
    if process.count == 1:
        yield
        return
    try:
        yield
    except (RuntimeError, ValueError) as error:
        if not OF_OTHERS.match(str(error)):
            raise
        raise RuntimeError(
            f"Another process of the training was lost ({_first_line(error)}). Finished epochs are kept: "
            "start the same command in all processes again."
        ) from error


def end_without_others(exit_code: int) -> None:
    """Ends this process at once if it has joined others: JAX would wait for those that are lost."""
    if "jax" in sys.modules and sys.modules["jax"].distributed.is_initialized():
        sys.stdout.flush()
        sys.stderr.flush()
        if requested_process(os.environ).number == 0:
            time.sleep(LAST_SECS)
        os._exit(exit_code)


def _client():
    # JAX shows its store of keys and its barriers in no public name; those on devices need equal programs.
    from jax._src.distributed import global_state

    return global_state.client


def _whole_number(environment, name):
    value = environment.get(name, "")
    if not value.isdecimal():
        raise ValueError(f"`{name}` must be a whole number. Received: {value!r}.")
    return int(value)


def _first_line(error):
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]
