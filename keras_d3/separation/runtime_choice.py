"""Which runtime computes a model's networks where the user leaves it open.

CACHE/runtimes.json    the choices that were made by timing: key -> runtime, seconds, what they hold for
"""

import contextlib
import hashlib
import importlib.metadata
import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_d3.export import MAX_STREAMS, carried_runtimes, load_networks, network_file
from keras_d3.pretrained import cache_dir
from keras_d3.settings import RUNTIME_PACKAGES, SeparatorConfig, from_dict
from keras_d3.utils import num_cores, processor_name, read_json, sha256_of_file, write_json

CHOICES_FILE = "runtimes.json"
# Each runtime in turn, so that a machine that slows down slows all; the least time counts.
REPEATS = 3
# Size of axes that a network leaves open.
OPEN_SIZE = 64
KEY_LENGTH = 16

logger = logging.getLogger("keras_d3.separation")


def resolve_runtime(
    saved_model: str | Path,
    metadata: Mapping[str, Any],
    runtime: str = "auto",
    precision: str = "f32",
    num_threads: int | None = None,
) -> str:
    """Returns the runtime that `load_separator` takes: `runtime` itself, or what `"auto"` stands for here.

    Args:
        saved_model: directory of the SavedModel.
        metadata: dict, its metadata.
        runtime, precision, num_threads: see `load_separator`.

    Returns:
        `"tensorflow"`, `"onnxruntime"` or `"openvino"`.

    Raises:
        ValueError: the metadata or the networks are damaged.
    """
    if runtime != "auto":
        return runtime
    if precision != "f32":
        return "openvino"
    if not metadata.get("separation"):  # the settings that graphs around other runtimes' networks need
        return "tensorflow"
    config = from_dict(SeparatorConfig, metadata["separation"], "separation")
    return choose_runtime(saved_model, config.network_names[0], num_threads)


def choose_runtime(saved_model: str | Path, network: str, num_threads: int | None = None) -> str:
    """Returns the fastest runtime for the networks that a SavedModel carries.

    Without networks for another runtime, or without its package, that is TensorFlow; with networks for one,
    that one: it starts sooner, and was faster than TensorFlow or about as fast where it was measured
    (docs/speed.md). With networks for several, patches (or windows) of one network are timed in each, the
    first time, and the outcome is remembered in the cache for this processor, number of threads, network and
    versions.

    Args:
        saved_model: directory of the SavedModel.
        network: name of the network that is timed.
        num_threads: int, threads of one call; None, one per core.

    Returns:
        `"tensorflow"`, `"onnxruntime"` or `"openvino"`.

    Raises:
        ValueError: the networks are damaged.
    """
    candidates = carried_runtimes(saved_model)
    if len(candidates) < 2:
        return candidates[0] if candidates else "tensorflow"
    num_threads = num_cores() if num_threads is None else num_threads
    facts = {
        "processor": processor_name(),
        "num_threads": num_threads,
        "versions": {name: importlib.metadata.version(RUNTIME_PACKAGES[name]) for name in candidates},
        "network": {name: sha256_of_file(network_file(saved_model, name, network)) for name in candidates},
    }
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:KEY_LENGTH]
    choices = _remembered()
    chosen = choices.get(key)
    if isinstance(chosen, dict) and chosen.get("runtime") in candidates:
        return chosen["runtime"]
    secs = _time(saved_model, network, candidates, num_threads)
    runtime = min(secs, key=lambda name: secs[name])
    logger.info("patches take %s s; %s is taken from here on", secs, runtime)
    # A cache that cannot be written costs the timing again, and no more.
    with contextlib.suppress(OSError):
        write_json(cache_dir() / CHOICES_FILE, {**choices, key: {"runtime": runtime, "secs": secs, **facts}})
    return runtime


def _remembered():
    try:
        choices = read_json(cache_dir() / CHOICES_FILE, "list of runtimes")
    except (OSError, ValueError):
        return {}
    return choices if isinstance(choices, dict) else {}


def _time(saved_model, name, candidates, num_threads):
    """dict of runtime -> seconds of as many examples as are computed side by side, the least of several."""
    networks = {
        runtime: load_networks(saved_model, [name], runtime, num_threads=num_threads)[name]
        for runtime in candidates
    }
    (*_, network) = networks.values()
    shape = (
        min(num_threads, MAX_STREAMS),
        *(OPEN_SIZE if size is None else size for size in network.input_shape[1:]),
    )
    example = np.abs(np.random.default_rng(0).standard_normal(shape)).astype("float32")
    secs = {runtime: [] for runtime in candidates}
    for _ in range(REPEATS):
        for runtime, network in networks.items():
            start = time.perf_counter()
            network.run(example)
            secs[runtime].append(time.perf_counter() - start)
    return {runtime: round(min(times), 6) for runtime, times in secs.items()}
