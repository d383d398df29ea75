"""The result of a measuring process, printed for the one that started it; needs no framework."""

import json
import time

import numpy as np

MATRIX_SIZE = 2048
RESULT = "RESULT "


def report(run, product, repeats, num_items=1, secs_of_audio=None):
    """Times `run` after a first call and prints the result for `measure`.

    Args:
        run: function without arguments.
        product: function that returns the rate of a matrix product in GFLOP/s.
        repeats: int, number of timed calls.
        num_items: int, items that one call computes.
        secs_of_audio: float, seconds of audio that one call separates; or None.
    """
    run()
    before = product()
    secs = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        secs.append((time.perf_counter() - start) / num_items)
    result = {
        "secs": secs,
        "times_real_time": secs_of_audio / secs[0] if secs_of_audio else None,
        "product_gflops": (before, product()),
        "peak_gb": peak_gb(),
    }
    print(RESULT + json.dumps(result))


def rate_of_product(multiply):
    """Returns the GFLOP/s of a product of two matrices of `MATRIX_SIZE`, without the first call."""
    secs = []
    for _ in range(6):
        start = time.perf_counter()
        multiply()
        secs.append(time.perf_counter() - start)
    return 2 * MATRIX_SIZE**3 / np.median(secs[1:]) / 1e9


def peak_gb():
    """Returns the peak of resident memory of this process in GB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
