"""A training step adds in one order: no sum of three or more overwrites a term that is still being read.

TensorFlow makes one operation, AddN, of a row of additions. It begins with the term whose memory is free, so
that the order of the sum depends on whether another reader of a term has ended.
"""

import collections

import pytest
import tensorflow as tf

from keras_d3.training import compiled_network, task_of
from tests.helpers.training_configs import waveform_config

# Operations whose output is their input's memory.
VIEWS = ("Identity", "Reshape", "Squeeze", "ExpandDims", "StopGradient")


def racing_sums(graph):
    """Names of the sums of three or more of which something reads a term that does not come before them."""
    nodes = {node.name: node for node in graph.node}

    def source(name):
        node = nodes[name.split(":")[0]]
        return source(node.input[0]) if node.op in VIEWS else node.name

    readers = collections.defaultdict(set)
    for node in graph.node:
        if node.op not in VIEWS:
            for name in node.input:
                readers[source(name.lstrip("^"))].add(node.name)

    def before(name):
        found, waiting = set(), [name]
        while waiting:
            new = {other.lstrip("^").split(":")[0] for other in nodes[waiting.pop()].input} - found
            found |= new
            waiting += new
        return found

    races = []
    for node in graph.node:
        if node.op == "AddN" and len(node.input) > 2:
            others = set().union(*(readers[source(term.lstrip("^"))] for term in node.input)) - {node.name}
            if others - before(node.name):
                races.append(node.name)
    return races


def optimized_graphs(function, *inputs):
    """The graphs that TensorFlow runs for a `tf.function`, after its rewrites."""
    context = pytest.importorskip("tensorflow.python.eager.context").context()
    context.enable_run_metadata()
    try:
        function(*inputs)
        return [graphs.post_optimization_graph for graphs in context.export_run_metadata().function_graphs]
    finally:
        context.disable_run_metadata()


def test_a_sum_whose_terms_are_read_elsewhere_is_found():
    @tf.function
    def function(values):
        terms = [tf.tanh(number * values) for number in (1.0, 2.0, 3.0)]
        return terms[0] + terms[1] + terms[2], [tf.square(term)[1:] for term in terms]

    graphs = optimized_graphs(function, tf.ones(100))
    assert len([name for graph in graphs for name in racing_sums(graph)]) == 1


def test_a_training_step_of_four_sources_has_no_such_sum():
    config = waveform_config()
    model = compiled_network(config, task_of(config))
    mixture = tf.zeros((2, *model.input_shape[1:]))
    targets = {source: tf.zeros(values.shape) for source, values in model(mixture).items()}
    step = tf.function(lambda *batch: model.train_step(batch))
    graphs = optimized_graphs(step, mixture, targets)
    assert any(node.op == "Conv2DBackpropFilter" for graph in graphs for node in graph.node)
    assert [name for graph in graphs for name in racing_sums(graph)] == []
