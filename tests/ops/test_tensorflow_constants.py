"""Constants that operations of a graph share: one node for equal values, in each graph its own."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "tensorflow":
    pytest.skip("these functions belong to the TensorFlow backend", allow_module_level=True)

import tensorflow as tf

from keras_d3.ops.tensorflow.constants import shared_constant


def traced(function, shape=(3,)):
    return tf.function(function, autograph=False).get_concrete_function(tf.TensorSpec(shape))


def num_constants(concrete):
    return sum(operation.type == "Const" for operation in concrete.graph.get_operations())


def test_equal_values_are_one_node():
    def reshape(x):
        for _ in range(3):
            x = tf.reshape(x, shared_constant([3, 1])) + shared_constant([[1.0]], "float32")
        return x

    concrete = traced(reshape)
    assert num_constants(concrete) == 2
    np.testing.assert_array_equal(concrete(tf.zeros(3)), [[3.0]] * 3)


@pytest.mark.parametrize(
    "first, second", [(([1], "int32"), ([1], "int64")), (([1, 1], "int32"), ([[1, 1]], "int32"))]
)
def test_types_and_shapes_are_told_apart(first, second):
    constants = []

    def collect(x):
        constants.extend(shared_constant(*arguments) for arguments in (first, second, first))
        return x

    traced(collect)
    assert constants[0] is constants[2] and constants[0] is not constants[1]
    assert [value.dtype.name for value in constants[:2]] == [first[1], second[1]]
    assert [value.shape.as_list() for value in constants[:2]] == [
        list(np.shape(item[0])) for item in (first, second)
    ]


def test_it_waits_for_nothing():
    """A constant that the first user made after an operation must not make that operation wait for itself."""

    def compute(x):
        doubled = x * 2.0
        with tf.control_dependencies([doubled]):
            late = tf.reshape(x, shared_constant([1, 3]))
        return tf.reshape(doubled, shared_constant([1, 3])) + late

    concrete = traced(compute)
    shared = [
        item
        for item in concrete.graph.get_operations()
        if item.type == "Const" and item.outputs[0].shape == (2,)
    ]
    assert len(shared) == 1 and not shared[0].control_inputs
    np.testing.assert_array_equal(concrete(tf.ones(3)), [[3.0] * 3])


def test_a_branch_has_its_own():
    def compute(x):
        before = tf.reshape(x, shared_constant([1, 3]))
        return tf.cond(
            tf.reduce_sum(x) > 0,
            lambda: before + tf.reshape(x, shared_constant([1, 3])),
            lambda: before - tf.reshape(x, shared_constant([1, 3])),
        )

    concrete = traced(compute)
    np.testing.assert_array_equal(concrete(tf.ones(3)), [[2.0] * 3])
    np.testing.assert_array_equal(concrete(-tf.ones(3)), [[0.0] * 3])


def test_sizes_that_the_graph_does_not_know():
    concrete = traced(lambda x: tf.reshape(x, shared_constant([tf.shape(x)[0], 1])), (None,))
    assert concrete(tf.zeros(5)).shape == (5, 1)


def test_outside_of_graphs():
    np.testing.assert_array_equal(shared_constant([1, 2]), [1, 2])
