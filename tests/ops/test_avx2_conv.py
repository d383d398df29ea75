"""The routes of processors with AVX2 alone compute what loops compute, wherever they can be run."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

if keras.backend.backend() != "tensorflow":
    pytest.skip("these functions belong to the TensorFlow backend", allow_module_level=True)

import tensorflow as tf

from keras_d3.ops.tensorflow import avx2_conv, kernels
from keras_d3.utils import machine
from tests.helpers.layer_references import loop_conv, loop_conv_gradients, random


def shapes_unknown(function, *arrays):
    """What a graph gives that knows no size but those of the channels."""
    signature = [tf.TensorSpec([None] * 3 + [array.shape[3]], tf.float32) for array in arrays]
    return tf.function(function, input_signature=signature)(*map(tf.constant, arrays)).numpy()


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize(
    "taps, rates", [((3, 3), (1, 1)), ((1, 5), (1, 1)), ((3, 3), (2, 3)), ((2, 3), (2, 1))]
)
def test_a_convolution_is_the_gradient_of_one_by_its_inputs(taps, rates, is_known):
    if max(rates) > 1 and not kernels.has_native_dilations("float32"):
        pytest.skip("this build of TensorFlow has no gradient of native dilations")
    x, kernel = random(2, 9, 8, 3), random(*taps, 3, 4, seed=1)
    assert avx2_conv.is_exact_as_transposed(taps, rates)
    convolve = lambda x: avx2_conv.conv_2d_as_transposed(x, tf.constant(kernel, tf.float32), rates)  # noqa: E731
    found = convolve(tf.constant(x, tf.float32)).numpy() if is_known else shapes_unknown(convolve, x)
    np.testing.assert_allclose(found, loop_conv(x, kernel, rates, "same"), atol=1e-5)


@pytest.mark.parametrize(
    "taps, rates, exact", [((2, 3), (1, 1), False), ((3, 4), (2, 1), False), ((4, 4), (2, 4), True)]
)
def test_uneven_padding_is_told(taps, rates, exact):
    assert avx2_conv.is_exact_as_transposed(taps, rates) == exact


@pytest.mark.parametrize("most_values", [0, 2**22])
@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    "taps, rates", [((3, 3), (1, 1)), ((3, 3), (2, 3)), ((2, 4), (3, 1)), ((1, 1), (1, 1))]
)
def test_the_gradient_by_the_kernel(taps, rates, padding, is_known, most_values, monkeypatch):
    monkeypatch.setattr(avx2_conv, "MOST_VALUES_SIDE_BY_SIDE", most_values)
    x, kernel = random(2, 9, 8, 3), random(*taps, 3, 4, seed=1)
    upstream = random(*loop_conv(x, kernel, rates, padding).shape, seed=2)
    compute = lambda x, g: avx2_conv.kernel_gradient_by_matmul(x, g, taps, rates, padding)  # noqa: E731
    found = (
        compute(*map(tf.constant, (x, upstream))).numpy()
        if is_known
        else shapes_unknown(compute, x, upstream)
    )
    wanted = loop_conv_gradients(x, kernel, rates, padding, upstream)[1]
    np.testing.assert_allclose(found, wanted, atol=3e-5)


@pytest.mark.parametrize("flags, alone", [("fpu avx2 fma", True), ("avx2 avx512f", False), ("sse4_2", False)])
def test_the_processor_decides(monkeypatch, tmp_path, flags, alone):
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nmodel name : Some CPU\nflags : {flags}\n")
    monkeypatch.setattr(machine, "Path", lambda path: tmp_path / "cpuinfo")
    avx2_conv.has_avx2_alone.cache_clear()
    assert avx2_conv.has_avx2_alone() == alone
    avx2_conv.has_avx2_alone.cache_clear()


LAYERS = """
import numpy as np, tensorflow as tf
from keras_d3.layers import DilatedConv2D
from keras_d3.ops.tensorflow import kernels
from tests.helpers.layer_references import loop_conv, loop_conv_gradients, random
print(kernels.takes_avx2_routes())
layer = DilatedConv2D(40, 3, 2, padding="same")
layer.build((1, 9, 9, 10))
graph = tf.function(layer).get_concrete_function(tf.ones((1, 9, 9, 10))).graph
taken = any(node.type == "Conv2DBackpropInput" for node in graph.get_operations())
assert taken == kernels.takes_avx2_routes()
wanted = ((1, 1), 40, "same"), ((2, 4), 40, "same"), ((4, 2), 5, "same"), ((2, 2), 40, "valid")
for rates, filters, padding in wanted:
    x = random(2, 20, 18, 10)
    layer = DilatedConv2D(filters, 3, rates, padding=padding, use_bias=False)
    layer.build(x.shape)
    inputs = tf.constant(x, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs)
    kernel = np.array(layer.kernel)
    upstream = random(*outputs.shape, seed=2)
    found = tape.gradient(outputs, [inputs, layer.kernel.value], tf.constant(upstream, tf.float32))
    np.testing.assert_allclose(outputs, loop_conv(x, kernel, rates, padding), atol=1e-5)
    for ours, theirs in zip(found, loop_conv_gradients(x, kernel, rates, padding, upstream)):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
"""


def test_layers_take_these_routes_with_onednn():
    """In a process of its own, since oneDNN is chosen when TensorFlow is imported."""
    environment = os.environ | {"TF_ENABLE_ONEDNN_OPTS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LAYERS], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    if avx2_conv.has_avx2_alone():
        assert done.stdout.split() == ["True"]
