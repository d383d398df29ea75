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
    model.optimizer.build(model.trainable_variables)
    return prepare_steps(model, task)


def prepare_steps(model, task):
    """Prepares the training and the validation step of a compiled network, new or loaded, and returns it.

    Variables that appear while the training step is traced make TensorFlow trace it a second time, so there
    must be none after this. Keras builds the optimizer of a loaded network; the one of float16 it would build
    twice.
    """
    build_losses(model, task.targets_like)
    return transform_batches(model, task.batch_transform())


def build_losses(model, targets_like):
    """Makes the variables of a compiled network's losses, one mean per output, before its first step.

    Args:
        model: compiled `keras.Model`.
        targets_like: function of an output, a tensor, that returns zeros of the shape and dtype of its
            targets.
    """
    outputs = keras.tree.map_structure(
        lambda output: keras.ops.zeros([1, *(size or 1 for size in output.shape[1:])]), model.output
    )
    model.compute_loss(y=keras.tree.map_structure(targets_like, outputs), y_pred=outputs)
    model.reset_metrics()


@contextlib.contextmanager
def _dtype_policy(name):
    """Makes `name` Keras' dtype policy inside the block only."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
