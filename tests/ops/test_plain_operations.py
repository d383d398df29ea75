import keras
import numpy as np
import pytest

if keras.backend.backend() != "tensorflow":
    pytest.skip("only the TensorFlow backend has operations of its own", allow_module_level=True)

import tensorflow as tf

from keras_d3.layers import BatchNormalization, DilatedConv2D
from keras_d3.ops.tensorflow.kernels import has_native_dilations
from keras_d3.ops.tracing import trace_standard_ops, traces_standard_ops


def operations(layer, x):
    """Types of the operations that a layer is traced in, and its outputs."""
    function = tf.function(layer, autograph=False)
    graph = function.get_concrete_function(tf.TensorSpec(x.shape, tf.float32)).graph
    return {operation.type for operation in graph.get_operations()}, function(x).numpy()


@pytest.mark.parametrize(
    "layer,special",
    [
        (DilatedConv2D(5, (3, 2), dilation_rate=(3, 4)), "IdentityN"),
        (DilatedConv2D(5, 2, dilation_rate=3, padding="valid"), "IdentityN"),
        (BatchNormalization(), "FusedBatchNormV3"),
    ],
)
def test_the_same_numbers_without_special_operations(layer, special):
    x = np.random.default_rng(0).standard_normal((2, 11, 13, 4)).astype("float32")
    layer.build(x.shape)
    layer.set_weights([np.random.default_rng(1).uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    usual, expected = operations(layer, x)
    with trace_standard_ops():
        assert traces_standard_ops()
        plain, found = operations(layer, x)
    assert not traces_standard_ops()
    # Without oneDNN, which TensorFlow leaves off on some processors, no convolution takes dilations itself.
    has_special = special != "IdentityN" or has_native_dilations("float32")
    assert (special in usual) == has_special and special not in plain
    assert "SpaceToBatchND" not in plain
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
