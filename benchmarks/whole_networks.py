"""Whole networks on spectrograms, each measured in a process of its own.

The number of threads is fixed when a framework starts, and the peak memory is that process's,
imports included. Beside every time stands the rate of a matrix product of the same process, before
and after, by which machines and moments compare. Steps:

    forward   one patch through one network in TensorFlow, batch normalization folded, as separators run it
    openvino  the same network in OpenVINO, patches side by side on several threads
    onnxruntime  likewise in ONNX Runtime, float32 alone
    training  forward and backward by all weights, batch 1, without the optimizer; with oneDNN, as in training
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.environment import describe_environment
from benchmarks.timing_report import MATRIX_SIZE, RESULT, rate_of_product, report
from benchmarks.worker import set_threads, thread_variables
from keras_d3.utils import prefer_onednn, share_one_arena

STEPS = ("forward", "openvino", "onnxruntime", "training")
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
OPENVINO_PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}
# Steps of this runtime are measured in float32 alone.
FLOAT32_RUNTIME = "onnxruntime"
PATCH_FRAMES = 256


def add_options(parser, steps, default_steps):
    """Adds the options of every suite of whole networks."""
    parser.add_argument("--steps", nargs="+", choices=steps, default=default_steps)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--dtypes", nargs="+", choices=tuple(POLICIES), default=tuple(POLICIES))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tiny", action="store_true", help="tiny networks, to try the command")


def dtypes_of(step, dtypes):
    """Returns those of the dtypes that the step is measured in."""
    return [dtype for dtype in dtypes if dtype == "float32" or not step.endswith(FLOAT32_RUNTIME)]


def print_machine():
    """Prints machine, versions and commit."""
    environment = describe_environment()
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items())
    machine = f"{environment['processor']}, {environment['cores']} cores"
    print(f"{machine}; {versions}; commit {environment['commit']}")


def print_head():
    """Prints machine, versions and commit, and the head of the table."""
    print_machine()
    print("| step | dtype | threads | s, median | s, least | times real time | product GF/s | peak GB |")
    print("|---|---|---:|---:|---:|---:|---:|---:|", flush=True)


def print_row(step, dtype, threads, result):
    """Prints what a measuring process returned."""
    speed = f"{result['times_real_time']:.2f}" if result["times_real_time"] else ""
    before, after = result["product_gflops"]
    median, least = np.median(result["secs"]), min(result["secs"])
    print(
        f"| {step} | {dtype} | {threads} | {median:.2f} | {least:.2f} | "
        f"{speed} | {before:.0f}, {after:.0f} | {result['peak_gb']:.2f} |",
        flush=True,
    )


def measure(module, job, python=sys.executable):
    """Runs `python -m MODULE JOB`, JOB as JSON, in a process of its own and returns its result.

    Args:
        module: string, whose main calls `report` at the end.
        job: dict with "step" and "threads" among its entries.
        python: the interpreter.

    Raises:
        RuntimeError: the process failed; the message has the end of what it wrote.
    """
    environment = {**os.environ, **thread_variables(job["threads"])}
    command = [python, "-m", module, json.dumps(job)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith(RESULT)]
    if done.returncode or not lines:
        raise RuntimeError(f"Measuring {job['step']} failed:\n{(done.stderr or done.stdout)[-2000:]}")
    return json.loads(lines[-1].removeprefix(RESULT))


def work(job, makers):
    """Measures one step and prints the result: what the process of `measure` runs.

    Args:
        job: dict with "step", "threads", "repeats" and what the makers need.
        makers: dict of step to a function of (job, folder for files) that returns (function to time,
            items that one call computes, seconds of audio or None).
    """
    # On Linux the threads of OpenVINO follow from the cores that the process may use.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: job["threads"]])
    if job["step"] == "training":
        prefer_onednn()
        share_one_arena()
    set_threads(job["threads"])
    with tempfile.TemporaryDirectory() as folder:
        run, num_items, secs_of_audio = makers[job["step"]](job, Path(folder))
        report(run, product_gflops, 1 if secs_of_audio else job["repeats"], num_items, secs_of_audio)


def product_gflops():
    """Rate of a product of two float32 matrices in TensorFlow."""
    import tensorflow as tf

    matrix = tf.random.stateless_normal((MATRIX_SIZE, MATRIX_SIZE), (0, 0))
    return rate_of_product(lambda: tf.matmul(matrix, matrix).numpy())


def network(job, preset):
    """Builds the network of a preset under the job's dtype policy."""
    import keras

    from keras_d3 import models

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[job["dtype"]])
    model = models.build(preset, tiny=job["tiny"])
    keras.config.set_dtype_policy(before)
    return model


def patch(model, batch_size=1):
    """Random magnitudes, `PATCH_FRAMES` frames."""
    shape = (batch_size, PATCH_FRAMES, *model.input_shape[2:])
    return np.abs(np.random.default_rng(0).standard_normal(shape)).astype("float32")


def forward(job, folder):
    """Inference of `job["preset"]`, one patch."""
    import tensorflow as tf

    from keras_d3.models import fold_batch_norm

    model = fold_batch_norm(network(job, job["preset"]))
    inputs = tf.constant(patch(model))
    function = tf.function(lambda inputs: model(inputs, training=False), jit_compile=False)
    return lambda: function(inputs).numpy(), 1, None


def training(job, folder):
    """Forward and backward of `job["preset"]`, one patch."""
    import tensorflow as tf

    model = network(job, job["preset"])
    inputs = tf.constant(patch(model))
    variables = [variable.value for variable in model.trainable_variables]

    @tf.function(jit_compile=False)
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(inputs, training=True) - inputs / 4))
        # The optimizer's share, not measured, would be a pass over the weights.
        return [loss, *(tf.reduce_sum(gradient) for gradient in tape.gradient(loss, variables))]

    return lambda: step()[0].numpy(), 1, None


def openvino(job, folder):
    """Inference of `job["preset"]` in OpenVINO: one patch, or four side by side on several threads."""
    from keras_d3.export import OpenVINONetwork, export_openvino

    model = network({**job, "dtype": "float32"}, job["preset"])
    path = export_openvino(model, folder / "network.xml")
    run = OpenVINONetwork(path, precision=OPENVINO_PRECISIONS[job["dtype"]], num_threads=job["threads"]).run
    patches = patch(model, batch_size=1 if job["threads"] == 1 else 4)
    return lambda: run(patches), len(patches), None


def onnxruntime(job, folder):
    """Inference of `job["preset"]` in ONNX Runtime: one patch, or four side by side on several threads."""
    from keras_d3.export import ONNXNetwork, export_onnx

    model = network(job, job["preset"])
    run = ONNXNetwork(export_onnx(model, folder / "network.onnx"), num_threads=job["threads"]).run
    patches = patch(model, batch_size=1 if job["threads"] == 1 else 4)
    return lambda: run(patches), len(patches), None


MAKERS = {"forward": forward, "openvino": openvino, "onnxruntime": onnxruntime, "training": training}
