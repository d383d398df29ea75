"""The process that measures: `python -m benchmarks.worker JOB.json RESULT.json`.

The number of threads is fixed when a framework starts, so every number gets a process of its own;
so does every measurement of memory.
"""

import os
import sys
import traceback

from tqdm import tqdm

from keras_d3.utils import read_json, write_json

# A line on standard output: the result file has one case more.
CASE_ENDED = "CASE ENDED "


def thread_variables(num_threads):
    """Returns the environment variables that must be set before the process starts."""
    return {
        "OMP_NUM_THREADS": str(num_threads),
        "MKL_NUM_THREADS": str(num_threads),
        "OPENBLAS_NUM_THREADS": str(num_threads),
    }


def set_threads(num_threads):
    """Limits the backend to `num_threads` threads; call it before anything is computed."""
    # JAX takes as many threads as the process has cores, and has no other setting that holds.
    if os.environ.get("KERAS_BACKEND") == "jax" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:num_threads])
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(num_threads)
        tf.config.threading.set_inter_op_parallelism_threads(num_threads)
    elif keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(num_threads)


def do_job(job, after_case=lambda result: None):
    """Does a job of `benchmarks.run` and returns its result, both ready for JSON.

    Args:
        job: dict, see `benchmarks.run`.
        after_case: function of the result so far, called as each timed case ends.
    """
    set_threads(job["threads"])
    from benchmarks.cases import find_cases

    cases = find_cases(job["cases"])
    if job["kind"] == "memory":
        from benchmarks.memory import peak_megabytes_of_training

        return {"peak_mb": peak_megabytes_of_training(cases[0], job["form"], job["dtype"], job["small"])}
    return time_cases(cases, job, after_case)


def time_cases(cases, job, after_case=lambda result: None):
    """Times the cases one after the other; a case that fails is reported and does not end the others."""
    from benchmarks.steps import STEPS
    from benchmarks.timing import compare_and_time

    results, failures = [], []
    with tqdm(total=len(cases) * len(STEPS), unit="step", desc=f"threads={job['threads']}") as bar:
        for number, case in enumerate(cases, start=1):
            bar.set_postfix_str(case.name)
            try:
                results += compare_and_time(
                    case, job["dtype"], job["repeats"], job["warm_up"], job["small"], after_step=bar.update
                )
            except Exception as error:
                failures.append(
                    {
                        "case": case.name,
                        "error": f"{type(error).__name__}: {error}",
                        "traceback": traceback.format_exc(),
                    }
                )
            bar.update(number * len(STEPS) - bar.n)
            after_case({"results": results, "failures": failures})
    return {"results": results, "failures": failures}


def main(arguments):
    job_path, result_path = arguments

    def save(result):
        write_json(result_path, result)
        print(CASE_ENDED, flush=True)

    try:
        write_json(result_path, do_job(read_json(job_path, what="job"), save))
    except KeyboardInterrupt:
        return 130  # the command that started this process says so
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
