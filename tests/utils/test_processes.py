"""Jobs and workers: results, errors, and no process that is left."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keras_d3.utils import Job, run_jobs

ROOT = Path(__file__).resolve().parents[2]
MODULE = "tests.helpers.job_module"
WITH_A_WORKER = """
import concurrent.futures, multiprocessing, os, time
from keras_d3.utils import end_with_parent

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(1, context, initializer=end_with_parent)
    print(pool.submit(os.getpid).result(), flush=True)
    time.sleep(60)
"""
WITH_A_JOB = """
import sys
from keras_d3.utils import Job

Job("wait", sys.argv[1], {"do": "wait", "note": sys.argv[2]}).run()
"""


def job_of(do, **kwargs):
    return Job(do, MODULE, {"do": do, **kwargs}, num_threads=3)


def wait_until(condition, secs=20):
    end = time.monotonic() + secs
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def has_ended(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # A process that nobody has waited for yet.
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_results_and_errors():
    found = dict.fromkeys(["answer", "fail", "be killed"])
    polls = []
    for job, future in run_jobs([job_of(do) for do in found], 2, lambda: polls.append(1)):
        found[job.title] = future.exception() or future.result()
    assert found["answer"] == {"threads": "3", "said": "answer", "priority": os.nice(0)}
    assert str(found["fail"]) == "ValueError: `size` must be 1. Received: size=2."
    assert str(found["be killed"]).startswith("It was killed, perhaps for want of memory.")
    assert polls


@pytest.mark.skipif(os.name != "posix", reason="priorities are those of POSIX")
def test_priority():
    job = Job("nice", MODULE, {"do": "nice"}, niceness=2)
    assert job.run()["priority"] == min(os.nice(0) + 2, 19)


def test_who_stops_early_leaves_no_process(tmp_path):
    notes = [tmp_path / f"note_{number}" for number in range(2)]

    def stop():
        if all(note.is_file() and note.read_text() for note in notes):
            raise KeyboardInterrupt

    jobs = [*(job_of("wait", note=str(note)) for note in notes), job_of("never begun")]
    with pytest.raises(KeyboardInterrupt):
        next(run_jobs(jobs, 2, stop))
    wait_until(lambda: all(has_ended(int(note.read_text())) for note in notes))


def test_jobs_of_a_killed_process_end(tmp_path):
    note = tmp_path / "note"
    parent = subprocess.Popen([sys.executable, "-c", WITH_A_JOB, MODULE, str(note)])
    wait_until(lambda: note.is_file() and note.read_text())
    assert not has_ended(int(note.read_text()))
    parent.kill()
    parent.wait()
    wait_until(lambda: has_ended(int(note.read_text())))


def test_workers_end_with_their_parent(tmp_path):
    (tmp_path / "parent.py").write_text(WITH_A_WORKER)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(tmp_path / "parent.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
        worker = int(parent.stdout.readline())
        assert not has_ended(worker)
        parent.kill()
    wait_until(lambda: has_ended(worker), secs=30)
