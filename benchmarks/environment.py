"""Machine, versions and command of a benchmark."""

import datetime
import importlib.metadata
import os
import platform

from keras_d3.utils import current_commit, num_cores, processor_name

_PACKAGES = ("keras", "tensorflow", "jax", "jaxlib", "torch", "numpy")


def describe_environment():
    """Returns a dict: machine, versions, backend, commit and date."""
    import keras

    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": current_commit(),
        "backend": keras.backend.backend(),
        "processor": processor_name(),
        "cores": num_cores(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version for name in _PACKAGES if (version := _version(name)) is not None},
        "variables": {
            name: os.environ[name]
            for name in ("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "XLA_FLAGS")
            if name in os.environ
        },
    }


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
