"""The network of a run, built and compiled."""

import contextlib

import keras

from keras_d3 import models
from keras_d3.training.batch_transforms import transform_batches
from keras_d3.training.optimizers import make_optimizer


def build_network(config):
    """Builds the network of a run in its dtype policy, without compiling it.

    Args:
        config: `RunConfig` of one network.

    Returns:
        `keras.Model`.
    """
    with _dtype_policy(config.training.precision):
        return models.build(models.preset_for(config).name, tiny=config.tiny, **config.model)


def default_jit_compile():
    """Returns Keras' `jit_compile` for this machine: False on the CPU, "auto" on an accelerator.

    XLA on a CPU makes a training step of these networks 3 to 4 times slower, and "auto" picks it.
    """
    if keras.backend.backend() != "tensorflow":
        return "auto"
    import tensorflow as tf

    return "auto" if tf.config.list_physical_devices("GPU") else False


def compiled_network(config, task):
    """Builds and compiles the network of a run as its first step finds it, for measurements.

    Args:
        config: `RunConfig` of one network.
        task: `task_of(config)`.

    Returns:
        `keras.Model`, without the statistics of its records.
    """
    return compile_network(build_network(config), config, task)


def compile_network(model, config, task):
    """Compiles a new network for its first step, and returns it."""
    model.compile(
        optimizer=make_optimizer(config.training),
        jit_compile=default_jit_compile(),
        **task.objective(model),
    )
    # Variables that appear while the training step is traced make TensorFlow trace it a second time.
    model.optimizer.build(model.trainable_variables)
    return transform_batches(model, task.batch_transform())


@contextlib.contextmanager
def _dtype_policy(name):
    """Makes `name` Keras' dtype policy inside the block only."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
