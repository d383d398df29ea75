"""Compiled inference and training steps of a network, for every Keras backend.

A step is a function of the inputs that returns when its results are there: `"forward"` the outputs
of inference, `"training"` the outputs in training mode and the gradients of sum(outputs**2) / 2
with respect to the inputs and to every trainable variable. That loss costs nothing: the gradient
that goes back from it is the outputs themselves.
"""

import keras

STEPS = ("forward", "training")


def make_step(step, network):
    """Returns a function of an input tensor that returns a list: the outputs, then the gradients.

    Args:
        step: `"forward"` or `"training"`.
        network: `benchmarks.case.Network`.

    Raises:
        ValueError: the Keras backend has no such step.
    """
    makers = {
        "tensorflow": {"forward": _tensorflow_forward, "training": _tensorflow_training},
        "jax": {"forward": _jax_forward, "training": _jax_training},
        "torch": {"forward": _torch_forward, "training": _torch_training},
    }
    backend = keras.backend.backend()
    if backend not in makers:
        raise ValueError(
            f"Benchmarks run with the Keras backends {', '.join(makers)}. Received: KERAS_BACKEND={backend}."
        )
    return makers[backend][step](network)


def _tensorflow_forward(network):
    import tensorflow as tf

    @tf.function(jit_compile=False)
    def compiled(inputs):
        return _with_probe([network.function(inputs, False)])

    return _waiting_for_probe(compiled)


def _tensorflow_training(network):
    import tensorflow as tf

    variables = [variable.value for variable in network.trainable_variables]

    @tf.function(jit_compile=False)
    def compiled(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = network.function(inputs, True)
        gradients = tape.gradient(outputs, [inputs, *variables], output_gradients=outputs)
        return _with_probe([outputs, *gradients])

    return _waiting_for_probe(compiled)


def _with_probe(tensors):
    """Appends a scalar that needs every tensor: on an accelerator, reading it waits for all of them."""
    import tensorflow as tf

    if _computes_when_called():
        return tensors
    return [*tensors, tf.add_n([tf.cast(tf.reshape(tensor, [-1])[0], "float32") for tensor in tensors])]


def _waiting_for_probe(compiled):
    if _computes_when_called():
        return compiled

    def run(inputs):
        *tensors, probe = compiled(inputs)
        probe.numpy()
        return tensors

    return run


def _computes_when_called():
    """Whether a call returns computed tensors, as on CPUs, where a probe's share would be visible."""
    import tensorflow as tf

    return not tf.config.list_physical_devices("GPU")


def _jax_forward(network):
    import jax

    function = _stateless(network)
    compiled = jax.jit(lambda inputs, *values: function(inputs, *values, training=False)[0])

    def run(inputs):
        return [jax.block_until_ready(compiled(inputs, *_values(network)))]

    return run


def _jax_training(network):
    import jax

    function = _stateless(network)

    @jax.jit
    def compiled(inputs, trainable, other):
        def outputs_and_updates(inputs, trainable):
            return function(inputs, trainable, other, training=True)

        outputs, pull_back, updates = jax.vjp(outputs_and_updates, inputs, trainable, has_aux=True)
        return outputs, *pull_back(outputs), updates

    def run(inputs):
        outputs, gradient, gradients, _ = jax.block_until_ready(compiled(inputs, *_values(network)))
        return [outputs, gradient, *gradients]

    return run


def _values(network):
    return (
        [variable.value for variable in network.trainable_variables],
        [variable.value for variable in network.other_variables],
    )


def _stateless(network):
    """The network as a function of inputs and values, returning the outputs and the new other values."""

    def function(inputs, trainable, other, training):
        variables = [*network.trainable_variables, *network.other_variables]
        mapping = list(zip(variables, [*trainable, *other], strict=True))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            outputs = network.function(inputs, training)
            updates = [scope.get_current_value(variable) for variable in network.other_variables]
        return outputs, updates

    return function


def _torch_forward(network):
    import torch

    def run(inputs):
        with torch.no_grad():
            outputs = network.function(inputs, False)
        return _torch_wait([outputs])

    return run


def _torch_training(network):
    import torch

    variables = [variable.value for variable in network.trainable_variables]

    def run(inputs):
        inputs = inputs.detach().requires_grad_()
        outputs = network.function(inputs, True)
        gradients = torch.autograd.grad(outputs, [inputs, *variables], outputs.detach())
        return _torch_wait([outputs.detach(), *gradients])

    return run


def _torch_wait(tensors):
    import torch

    if tensors[0].is_cuda:
        torch.cuda.synchronize()
    return tensors
