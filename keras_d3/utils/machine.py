"""Facts of the machine that a process runs on, and what follows from them for TensorFlow."""

import os
import platform
import sys
from pathlib import Path

ONEDNN_VARIABLE = "TF_ENABLE_ONEDNN_OPTS"


def num_cores() -> int:
    """Returns the number of cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def processor_name() -> str:
    """Returns the name of the processor where the system tells it, else the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):  # not Linux, or a processor that has no name there
        return platform.processor() or platform.machine()


def processor_flags() -> frozenset[str]:
    """Returns the features of an x86 processor as Linux names them, such as "avx2"; none elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return frozenset()
    flags = next((line.split(":", 1)[1] for line in lines if line.startswith("flags")), "")
    return frozenset(flags.split())


def prefer_onednn() -> None:
    """Has TensorFlow compute with oneDNN on every x86 processor, where the user has not decided otherwise.

    TensorFlow leaves it off on processors without AVX-512 VNNI. For work that is faster so: training (up to
    2.5 times with AVX2 alone, with half the memory) and the separation by waveform networks (1.5 times); not
    for that by spectrogram networks, which takes longer (docs/speed.md). Does nothing if TensorFlow is
    imported already.
    """
    if "tensorflow" not in sys.modules and platform.machine().lower() in ("x86_64", "amd64"):
        os.environ.setdefault(ONEDNN_VARIABLE, "1")
