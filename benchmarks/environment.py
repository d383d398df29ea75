"""Where and with what a benchmark ran."""

import datetime
import importlib.metadata
import os
import platform
from pathlib import Path

from keras_d3.utils import current_commit

_PACKAGES = ("keras", "tensorflow", "jax", "jaxlib", "torch", "numpy")


def describe_environment():
    """Returns a dict: machine, versions, backend, commit and date."""
    import keras

    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": current_commit(),
        "backend": keras.backend.backend(),
        "processor": processor_name(),
        "cores": number_of_cores(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version for name in _PACKAGES if (version := _version(name)) is not None},
        "variables": {
            name: os.environ[name]
            for name in ("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "XLA_FLAGS")
            if name in os.environ
        },
    }


def processor_name():
    """Returns the processor's name where the system tells it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def number_of_cores():
    """Returns the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
