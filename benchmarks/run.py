"""Measures cases in child processes and gathers one document of results."""

import dataclasses
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
from tqdm import tqdm

from benchmarks.cases import find_cases
from benchmarks.environment import describe_environment
from benchmarks.memory import can_measure
from benchmarks.timing import FORMS, TOLERANCES
from benchmarks.worker import CASE_ENDED, thread_variables
from keras_d3.utils import check_choice, check_positive_int, read_json, write_json

ROOT = Path(__file__).resolve().parents[1]


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of a measurement.

    Args:
        cases: tuple of names or patterns; empty for all.
        threads: tuple of ints, numbers of threads, each measured in a process of its own.
        repeats: int, timed runs of each form.
        warm_up: int, runs of each form before them.
        dtype: name of the dtype policy.
        memory: bool, whether to measure memory in every case; else where a case has a target for it.
        small: bool, whether to use small inputs, which shows that everything works and measures nothing.
    """

    cases: tuple = ()
    threads: tuple = (1, 2)
    repeats: int = 9
    warm_up: int = 2
    dtype: str = "float32"
    memory: bool = False
    small: bool = False

    def __post_init__(self):
        for number in self.threads:
            check_positive_int("threads", number)
        check_positive_int("repeats", self.repeats)
        check_positive_int("warm_up", self.warm_up, minimum=0)
        check_choice("dtype", self.dtype, tuple(TOLERANCES))


def run_benchmarks(settings, path):
    """Measures, writes the document to `path` as each case ends, and returns it.

    Args:
        settings: `Settings`.
        path: of the JSON file.

    Raises:
        ValueError: a name fits no case.
        RuntimeError: a measuring process ended early.
    """
    backend = keras.backend.backend()
    cases = find_cases(settings.cases)
    reasons = {case.name: case.unavailable_because(backend) for case in cases}
    available = [case for case in cases if reasons[case.name] is None]
    document = {
        "environment": describe_environment(),
        "settings": dataclasses.asdict(settings),
        "cases": {case.name: describe(case) for case in cases},
        "unavailable": {name: reason for name, reason in reasons.items() if reason is not None},
        "results": [],
        "memory": [],
        "failures": [],
    }
    for threads in settings.threads:
        if available:
            _time(available, threads, settings, document, path)
            _measure_memory(available, threads, settings, document, path)
        write_json(path, document)
    return document


def describe(case):
    """Returns what the document says about a case."""
    return {
        "description": case.description,
        "input_shape": list(case.input_shape),
        "same_function": case.same_function,
        "forward_target": case.forward_target,
        "training_target": case.training_target,
        "memory_target": case.memory_target,
    }


def _job(kind, cases, threads, settings, **others):
    return {
        "kind": kind,
        "cases": [case.name for case in cases],
        "threads": threads,
        "repeats": settings.repeats,
        "warm_up": settings.warm_up,
        "dtype": settings.dtype,
        "small": settings.small,
        **others,
    }


def _time(cases, threads, settings, document, path):
    before = {name: document[name] for name in ("results", "failures")}

    def keep(found):
        """Takes over the cases that have ended so far."""
        for name, items in before.items():
            document[name] = items + [{"threads": threads, **item} for item in found[name]]
        write_json(path, document)

    run_in_child(_job("time", cases, threads, settings), keep)


def _measure_memory(cases, threads, settings, document, path):
    wanted = [case for case in cases if settings.memory or case.memory_target is not None]
    if not can_measure():
        wanted = []
    for case in tqdm(wanted, desc=f"threads={threads}, memory", unit="case", disable=not wanted):
        jobs = {form: _job("memory", [case], threads, settings, form=form) for form in FORMS}
        try:
            peaks = {form: run_in_child(job)["peak_mb"] for form, job in jobs.items()}
        except RuntimeError as error:
            document["failures"].append({"threads": threads, "case": case.name, "error": str(error)})
            continue
        target = None if settings.small else case.memory_target
        document["memory"].append(
            {
                "threads": threads,
                "case": case.name,
                **memory_summary(peaks["ours"], peaks["reference"], target),
            }
        )
        write_json(path, document)


def memory_summary(ours_mb, reference_mb, target):
    """Returns both peaks, the ratio ours / reference (None if nothing was taken) and whether it is met."""
    ratio = ours_mb / reference_mb if reference_mb > 0 else None
    return {
        "ours_mb": ours_mb,
        "reference_mb": reference_mb,
        "ratio": ratio,
        "target": target,
        "met": None if target is None or ratio is None else ratio <= target,
    }


def run_in_child(job, on_result=lambda result: None):
    """Does `job` in a process of its own; its progress and messages go to this one's standard error.

    Args:
        job: dict, see `benchmarks.worker.do_job`.
        on_result: function of the result so far, called as each case ends and with the whole.

    Returns:
        dict, the whole result.

    Raises:
        RuntimeError: the process ended early. What had ended before was given to `on_result`.
    """
    with tempfile.TemporaryDirectory() as folder:
        job_path, result_path = Path(folder) / "job.json", Path(folder) / "result.json"
        write_json(job_path, job)
        with subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", str(job_path), str(result_path)],
            cwd=ROOT,
            env={**os.environ, **thread_variables(job["threads"]), "KERAS_BACKEND": keras.backend.backend()},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            for line in process.stdout:
                if line.startswith(CASE_ENDED):
                    on_result(read_json(result_path, what="result"))
        if process.returncode != 0:
            raise RuntimeError(
                f"The process that measured {', '.join(job['cases'])} with threads={job['threads']} ended "
                f"with exit code {process.returncode}. Its messages stand above; choose cases with `--cases`."
            )
        result = read_json(result_path, what="result")
        on_result(result)
        return result
