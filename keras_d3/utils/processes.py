"""Processes that do work for this one, and end with it.

A job is a JSON document, and so is its result. A module that does jobs ends with `answer(function)`; it is
started as `python -m MODULE JOB.json RESULT.json`.
"""

import concurrent.futures
import contextlib
import dataclasses
import multiprocessing
import multiprocessing.connection
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_d3.utils.files import read_json, write_json

_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "OPENBLAS_NUM_THREADS")
POLL_SECS = 2.0


@dataclasses.dataclass(frozen=True)
class Job:
    """What a process is to do.

    Args:
        title: str, its name in messages.
        module: str, the module that does it.
        arguments: JSON-ready dict.
        num_threads: int, threads of the process; None for as many as it likes.
        niceness: int, from 0 to 19, the lowest priority.
    """

    title: str
    module: str
    arguments: Mapping[str, Any]
    num_threads: int | None = None
    niceness: int = 0

    def run(self) -> Any:
        """Does the job in a process of its own and returns its result.

        Raises:
            RuntimeError: the process ended with an error, the last line that it said, or was killed.
        """
        ((_, future),) = run_jobs([self])
        return future.result()


def run_jobs(
    jobs: Sequence[Job], num_at_a_time: int = 1, on_poll: Callable[[], Any] = lambda: None
) -> Iterator[tuple[Job, concurrent.futures.Future]]:
    """Runs jobs, each in a process of its own; yields each with its future when it is done.

    When the caller stops early, or is stopped, the processes that are left are ended. Where it is killed
    they end by themselves.

    Args:
        jobs: sequence of `Job`.
        num_at_a_time: int.
        on_poll: function without arguments, called every two seconds, for progress bars.
    """
    processes = _Processes()
    pool = concurrent.futures.ThreadPoolExecutor(num_at_a_time)
    try:
        futures = {pool.submit(processes.run, job): job for job in jobs}
        waiting = set(futures)
        while waiting:
            done, waiting = concurrent.futures.wait(
                waiting, POLL_SECS, return_when=concurrent.futures.FIRST_COMPLETED
            )
            on_poll()
            for future in done:
                yield futures[future], future
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        processes.end()
        pool.shutdown()


class _Processes:
    """The processes that are running, to be ended together."""

    def __init__(self):
        self._running, self._lock, self._has_ended = set(), threading.Lock(), False

    def run(self, job):
        with tempfile.TemporaryDirectory() as folder:
            job_file, result_file = Path(folder) / "job.json", Path(folder) / "result.json"
            write_json(job_file, dict(job.arguments))
            with open(Path(folder) / "errors.txt", "w+") as errors:
                with self._started(job, [str(job_file), str(result_file)], errors) as process:
                    code = process.wait()
                errors.seek(0)
                last_line = (errors.read().strip().splitlines() or ["no message"])[-1]
            if code:
                killed = "It was killed, perhaps for want of memory. " if code < 0 else ""
                raise RuntimeError(f"{killed}{last_line}")
            return read_json(result_file, "result of a job")

    @contextlib.contextmanager
    def _started(self, job, files, errors):
        command = [sys.executable, "-m", job.module, *files]
        if job.niceness and os.name == "posix":
            command = ["nice", "-n", str(job.niceness), *command]
        environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
        if job.num_threads is not None:
            environment.update(dict.fromkeys(_THREADS, str(job.num_threads)))
        with self._lock:
            if self._has_ended:
                raise RuntimeError(f"{job.title} was not begun.")
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors, env=environment
            )
            self._running.add(process)
        try:
            with process:
                yield process
        finally:
            self._running.discard(process)

    def end(self):
        with self._lock:
            self._has_ended = True
            for process in tuple(self._running):
                process.terminate()


def answer(function: Callable[[dict], Any]) -> None:
    """Does the job that this process was started for, and ends with the process that started it."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    write_json(sys.argv[2], function(read_json(sys.argv[1], "job")))


def _end_with_parent():
    """Its end of the pipe is closed when it is gone, however that ended."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def end_with_parent() -> None:
    """Ends this process when its parent is gone, however that ended.

    The initializer of a `ProcessPoolExecutor`: its workers would wait for work forever where the parent was
    killed. What a worker was writing is left under a temporary name, and the next start removes it.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_wait_and_exit, args=(parent.sentinel,), daemon=True).start()


def _wait_and_exit(sentinel):
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
