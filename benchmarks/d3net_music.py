"""`python -m benchmarks.d3net_music`: D3Net for music, timed beside a matrix product of the same run.

Every measurement has a process of its own: the number of threads is fixed when a framework starts,
and the peak memory is that process's. Steps:

    forward   one patch through one network in TensorFlow, batch normalisation folded, as separators run it
    openvino  the same network in OpenVINO, patches side by side on several threads
    training  forward and backward by all weights, batch 1, without the optimiser
    separate  four networks, STFT to waveforms, `quality="fast"`, in seconds of work and times real time
    separate_openvino  the same with the networks in OpenVINO
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.environment import describe_environment
from benchmarks.worker import set_threads, thread_variables
from keras_d3.utils.command_line import run_reporting_errors

STEPS = ("forward", "openvino", "training", "separate", "separate_openvino")
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
SOURCES = ("bass", "drums", "other", "vocals")
PATCH_FRAMES = 256
MATRIX_SIZE = 2048
_RESULT = "RESULT "


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.d3net_music", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS[:3])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--dtypes", nargs="+", choices=tuple(POLICIES), default=tuple(POLICIES))
    parser.add_argument("--target", choices=SOURCES, default="vocals", help="the network of one patch")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--secs", type=float, default=180.0, help="length of the separated song")
    parser.add_argument("--tiny", action="store_true", help="tiny networks, to try the command")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    return run_reporting_errors(_work if options.job else _measure_all, options)


def _measure_all(options):
    environment = describe_environment()
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items())
    machine = f"{environment['processor']}, {environment['cores']} cores"
    print(f"{machine}; {versions}; commit {environment['commit']}")
    print("| step | dtype | threads | s, median | s, least | times real time | product GF/s | peak GB |")
    print("|---|---|---:|---:|---:|---:|---:|---:|", flush=True)
    for step in options.steps:
        for dtype in options.dtypes:
            for threads in options.threads:
                row = _measure({**vars(options), "step": step, "dtype": dtype, "threads": threads})
                speed = f"{row['times_real_time']:.2f}" if row["times_real_time"] else ""
                before, after = row["product_gflops"]
                median, least = np.median(row["secs"]), min(row["secs"])
                print(
                    f"| {step} | {dtype} | {threads} | {median:.2f} | {least:.2f} | "
                    f"{speed} | {before:.0f}, {after:.0f} | "
                    f"{row['peak_gb']:.1f} |",
                    flush=True,
                )


def _measure(job):
    command = [sys.executable, "-m", "benchmarks.d3net_music", "--job", json.dumps(job)]
    environment = {**os.environ, **thread_variables(job["threads"])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith(_RESULT)]
    if done.returncode or not lines:
        raise RuntimeError(f"Measuring {job['step']} failed:\n{(done.stderr or done.stdout)[-2000:]}")
    return json.loads(lines[-1].removeprefix(_RESULT))


def _work(options):
    """What the measuring process does."""
    job = json.loads(options.job)
    # On Linux the threads of OpenVINO follow from the cores that the process may use.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job["threads"]])
    set_threads(job["threads"])
    with tempfile.TemporaryDirectory() as folder:
        run, num_items, secs_of_audio = _MAKERS[job["step"]](job, Path(folder))
        run()
        before = _product_gflops()
        secs = []
        for _ in range(1 if secs_of_audio else job["repeats"]):
            start = time.perf_counter()
            run()
            secs.append((time.perf_counter() - start) / num_items)
    result = {
        "secs": secs,
        "times_real_time": secs_of_audio / secs[0] if secs_of_audio else None,
        "product_gflops": (before, _product_gflops()),
        "peak_gb": _peak_gb(),
    }
    print(_RESULT + json.dumps(result))


def _network(job, target):
    import keras

    from keras_d3 import models

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[job["dtype"]])
    model = models.build(f"d3net_{target}", tiny=job["tiny"])
    keras.config.set_dtype_policy(before)
    return model


def _patch(model, batch_size=1):
    shape = (batch_size, PATCH_FRAMES, *model.input_shape[2:])
    return np.abs(np.random.default_rng(0).standard_normal(shape)).astype("float32")


def _forward(job, folder):
    import tensorflow as tf

    from keras_d3.models import fold_batch_norm

    model = fold_batch_norm(_network(job, job["target"]))
    patch = tf.constant(_patch(model))
    function = tf.function(lambda patch: model(patch, training=False), jit_compile=False)
    return lambda: function(patch).numpy(), 1, None


def _training(job, folder):
    import tensorflow as tf

    model = _network(job, job["target"])
    patch = tf.constant(_patch(model))
    variables = [variable.value for variable in model.trainable_variables]

    @tf.function(jit_compile=False)
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(patch, training=True) - patch / 4))
        # The optimiser's share, not measured, would be a pass over three million numbers.
        return [loss, *(tf.reduce_sum(gradient) for gradient in tape.gradient(loss, variables))]

    return lambda: step()[0].numpy(), 1, None


def _openvino(job, folder):
    from keras_d3.inference import OpenVINONetwork, export_openvino

    model = _network({**job, "dtype": "float32"}, job["target"])
    path = export_openvino(model, folder / "network.xml")
    network = OpenVINONetwork(path, precision=_PRECISIONS[job["dtype"]], num_threads=job["threads"])
    patches = _patch(model, batch_size=1 if job["threads"] == 1 else 4)
    return lambda: network.run(patches), len(patches), None


def _separator(job):
    from keras_d3.inference import Separator, SpectrogramSeparation

    sizes = (1024, 256, 32, 16) if job["tiny"] else (4096, 1024, PATCH_FRAMES, PATCH_FRAMES // 2)
    patches = None if job["tiny"] else {"bass": (384, 192)}
    config = SpectrogramSeparation(44100, 2, SOURCES, *sizes, flip_channels=True, source_patches=patches)
    return Separator({source: _network(job, source) for source in SOURCES}, config)


def _song(job):
    return np.random.default_rng(0).uniform(-0.5, 0.5, (int(job["secs"] * 44100), 2)).astype("float32")


def _separate(job, folder):
    separator, song = _separator(job), _song(job)
    return _separation(separator, song, job)


def _separate_openvino(job, folder):
    from keras_d3.inference import load_separator

    _separator({**job, "dtype": "float32"}).export(folder / "separator", openvino=True, check=False)
    separator = load_separator(folder / "separator", runtime="openvino", precision=_PRECISIONS[job["dtype"]])
    return _separation(separator, _song(job), job)


def _separation(separator, song, job):
    state = {"first": True}

    def run():
        # The first call, on a few seconds, is for tracing.
        excerpt, state["first"] = (song[: 10 * 44100] if state["first"] else song), False
        separator.separate(excerpt, 44100, quality="fast")

    return run, 1, len(song) / 44100


_PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}
_MAKERS = {
    "forward": _forward,
    "openvino": _openvino,
    "training": _training,
    "separate": _separate,
    "separate_openvino": _separate_openvino,
}


def _product_gflops():
    """Rate of a product of two float32 matrices, by which machines and moments compare."""
    import tensorflow as tf

    matrix = tf.random.stateless_normal((MATRIX_SIZE, MATRIX_SIZE), (0, 0))
    secs = []
    for _ in range(6):
        start = time.perf_counter()
        tf.matmul(matrix, matrix).numpy()
        secs.append(time.perf_counter() - start)
    return 2 * MATRIX_SIZE**3 / np.median(secs[1:]) / 1e9


def _peak_gb():
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    sys.exit(main())
