"""Facts of the machine that a process runs on, and what follows from them for TensorFlow."""

import contextlib
import ctypes
import os
import platform
import sys
from pathlib import Path

ONEDNN_VARIABLE = "TF_ENABLE_ONEDNN_OPTS"
# glibc's, for new processes, and its number of the same setting for `mallopt`.
ARENAS_VARIABLE, M_ARENA_MAX = "MALLOC_ARENA_MAX", -8


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


def machine_name() -> str:
    """Returns the processor's name and the number of cores that this process may use."""
    cores = num_cores()
    return f"{processor_name()}, {cores} core{'s' * (cores > 1)}"


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


def share_one_arena() -> None:
    """Has all threads of this process, and of those it starts, allocate from one arena of glibc.

    Else threads get arenas of their own, and what TensorFlow frees in one of them, after it has optimized a
    graph, is not there for the maps of another: 0.2 of the 2.6 GB of a training step of D3Net. Where the user
    has decided otherwise, or the C library is another, it does nothing.
    """
    if ARENAS_VARIABLE in os.environ or "arena_max" in os.environ.get("GLIBC_TUNABLES", ""):
        return
    # Another C library has no `mallopt`; Windows has no library of this name.
    with contextlib.suppress(AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
        os.environ[ARENAS_VARIABLE] = "1"
