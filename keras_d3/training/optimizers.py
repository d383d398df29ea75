"""Optimizers with L2 as a gradient term and learning rates by groups of weights."""

import re
from typing import Any

import keras

from keras_d3.settings import TrainingConfig


class _WeightGroups(keras.optimizers.Optimizer):
    """Changes every gradient before the optimizer's rule sees it: `factor * (gradient + l2 * weight)`.

    The L2 term is the derivative of `l2 / 2 * sum(weight ** 2)`: what the official D3Net code does for
    all parameters, batch-norm scales and biases included, and that of Wang and Ji for kernels. Keras' own
    `weight_decay` is the decoupled form (AdamW), which is another algorithm. A factor on the gradient is
    one on the learning rate for SGD, momentum included; Adam and RMSprop normalize it away. Accumulation and
    clipping, which are Keras' own, come before.

    Args:
        l2: factor of the L2 term.
        l2_weights: regular expression searched in a weight's path: which weights have it. None: all.
        multipliers: dict of regular expression to factor, for weights in whose path it is found; the
            first one counts.
    """

    def __init__(self, *args, l2=0.0, l2_weights=None, multipliers=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.l2 = l2
        self.l2_weights = l2_weights
        self.multipliers = dict(multipliers or {})

    def build(self, variables):
        """Raises ValueError where an expression is found in no weight's path."""
        super().build(variables)
        for pattern in (*self.multipliers, *([] if self.l2_weights is None else [self.l2_weights])):
            if not any(re.search(pattern, variable.path) for variable in variables):
                raise ValueError(
                    "`l2_weights` and `learning_rate_multipliers` must be found in the path of a trainable "
                    f"weight. Received: {pattern!r}. Paths are like {variables[0].path!r}."
                )

    def factor_of(self, path):
        """Returns what the gradient of a weight is multiplied by."""
        return next((factor for pattern, factor in self.multipliers.items() if re.search(pattern, path)), 1.0)

    def l2_of(self, path):
        """Returns the factor of a weight's L2 term."""
        has_term = self.l2_weights is None or re.search(self.l2_weights, path)
        return self.l2 if has_term else 0.0

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        # The last place before the weights move: gradients are averaged over batches and clipped by then.
        grads = [
            self._changed(grad, variable) for grad, variable in zip(grads, trainable_variables, strict=True)
        ]
        super()._backend_update_step(grads, trainable_variables, learning_rate)

    def _changed(self, grad, variable):
        # Gradients of the devices' parts of a batch are summed after this.
        l2 = self.l2_of(variable.path) / _num_replicas()
        factor = self.factor_of(variable.path)
        if l2:
            grad = grad + l2 * keras.ops.cast(variable, grad.dtype)
        return grad * factor if factor != 1 else grad

    def get_config(self):
        return {
            **super().get_config(),
            "l2": self.l2,
            "l2_weights": self.l2_weights,
            "multipliers": self.multipliers,
        }


def _num_replicas():
    """How many devices of a `tf.distribute` strategy each have a gradient of their own; 1 elsewhere."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


@keras.saving.register_keras_serializable(package="keras_d3")
class AdamL2(_WeightGroups, keras.optimizers.Adam):
    """Adam (Kingma and Ba, 2015) on `gradient + l2 * weight`.

        step = learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)

    The second form in section 2 of the paper: `epsilon` is added to the root of the uncorrected `v`.
    NNabla's Adam is the same, with the same decay rates (0.9, 0.999) and epsilon 1e-8 instead of
    Keras' 1e-7.

    Example:

    >>> from keras_d3.training.optimizers import AdamL2
    >>> optimizer = AdamL2(learning_rate=1e-3, l2=1e-4)
    """


@keras.saving.register_keras_serializable(package="keras_d3")
class RMSpropL2(_WeightGroups, keras.optimizers.RMSprop):
    """RMSprop on `gradient + l2 * weight`."""


@keras.saving.register_keras_serializable(package="keras_d3")
class SGDL2(_WeightGroups, keras.optimizers.SGD):
    """SGD with momentum, L2 as a gradient term, and learning rates by groups of weights.

        velocity = momentum * velocity - learning_rate * factor * (gradient + l2 * weight)
        weight = weight + velocity

    NNabla's Momentum (official D3Net code) is the same. TensorFlow 1's (official code of Wang and Ji)
    multiplies by the learning rate when the weight moves, not when the gradient comes in: with a constant
    rate that is the same; with a decay that ends after N steps, the moves here are larger by about
    8 / (N - i) of themselves at step i.
    """


def make_optimizer(training: TrainingConfig) -> keras.optimizers.Optimizer:
    """Returns the optimizer of a training, at the learning rate of its first stage.

    Without an L2 term and multipliers it is Keras' own class.

    Args:
        training: `TrainingConfig`.
    """
    plain, grouped = OPTIMIZERS[training.optimizer]
    settings: dict[str, Any] = {
        "learning_rate": training.stages[0].learning_rate,
        "gradient_accumulation_steps": training.gradient_accumulation_steps,
        "clipnorm": training.clipnorm,
        "global_clipnorm": training.global_clipnorm,
        "clipvalue": training.clipvalue,
    }
    if training.optimizer == "sgd":
        settings["momentum"] = training.momentum
    else:
        settings["epsilon"] = training.epsilon
    if not training.l2 and not training.learning_rate_multipliers:
        return plain(**settings)
    return grouped(
        l2=training.l2,
        l2_weights=training.l2_weights,
        multipliers=training.learning_rate_multipliers,
        **settings,
    )


OPTIMIZERS = {
    "adam": (keras.optimizers.Adam, AdamL2),
    "rmsprop": (keras.optimizers.RMSprop, RMSpropL2),
    "sgd": (keras.optimizers.SGD, SGDL2),
}
