"""Small networks of every kind that exports have to take over, with weights that leave no term out."""

import functools

import numpy as np

from keras_d3 import models

BATCH = 3


def with_random_statistics(model):
    """Batch normalization of a new network is the identity; a trained one's is not."""
    generator = np.random.default_rng(0)
    for layer in model._flatten_layers():
        if hasattr(layer, "moving_variance"):
            shapes = [weight.shape for weight in layer.get_weights()]
            layer.set_weights([generator.uniform(0.8, 1.2, shape) for shape in shapes])
    return model


@functools.cache
def d3net():
    return with_random_statistics(models.build("d3net_vocals", tiny=True))


@functools.cache
def mm_dense_net():
    return with_random_statistics(models.build("mmdensenet", tiny=True))


def wave_u_net():
    return models.build("wave_u_net_m1", tiny=True)


# Name -> (function that builds it, input shape to export, input shape to try).
CASES = {
    "d3net": (d3net, (16, 513, 2), (16, 513, 2)),
    "mm_dense_net, any number of frames": (mm_dense_net, None, (13, 513, 2)),
    "wave_u_net": (wave_u_net, None, (4096, 1)),
}


def inputs_and_outputs(model, shape):
    """Noise like magnitudes and what the Keras model gives for it, as a dict of arrays."""
    inputs = np.abs(np.random.default_rng(1).standard_normal((BATCH, *shape))).astype("float32")
    outputs = model(inputs, training=False)
    outputs = outputs if isinstance(outputs, dict) else {"estimate": outputs}
    return inputs, {name: np.asarray(output, "float32") for name, output in outputs.items()}


def relative_error(found, expected):
    """Root mean square of the difference over that of what is expected."""
    return float(np.sqrt(np.mean((found - expected) ** 2) / np.mean(expected**2)))
