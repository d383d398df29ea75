"""Songs in several processes, on one machine."""

import concurrent.futures
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from keras_d3.utils import end_with_parent, num_cores

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_in_processes(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int | None = None
) -> Iterator[tuple[Job, Result]]:
    """Yields every job with its result, in the order in which they finish.

    Args:
        function: picklable function of a job.
        jobs: sequence of picklable jobs.
        workers: int, processes. None: one per core. A single one is this process.

    Raises:
        RuntimeError: a process was killed.
    """
    workers = min(workers or num_cores(), max(1, len(jobs)))
    if workers == 1:
        for job in jobs:
            yield job, function(job)
        return
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, context, end_with_parent) as pool:
        futures = {pool.submit(function, job): job for job in jobs}
        try:
            for future in concurrent.futures.as_completed(futures):
                yield futures[future], future.result()
        except concurrent.futures.process.BrokenProcessPool as error:
            raise RuntimeError(
                "A process that makes songs was killed, probably for memory. Run the same command again: it "
                "goes on where it stopped. Fewer processes (`--workers`, where the command has it) need less."
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
