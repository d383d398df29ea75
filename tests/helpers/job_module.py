"""Jobs for the tests of processes: to answer, to fail, to be killed, and to wait."""

import os
import signal
import time
from pathlib import Path

from keras_d3.utils import answer


def _do(job):
    if job["do"] == "fail":
        raise ValueError("`size` must be 1. Received: size=2.")
    if job["do"] == "be killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if job["do"] == "wait":
        Path(job["note"]).write_text(str(os.getpid()))
        time.sleep(60)
    return {"threads": os.environ.get("OMP_NUM_THREADS"), "said": job["do"], "priority": os.nice(0)}


if __name__ == "__main__":
    answer(_do)
