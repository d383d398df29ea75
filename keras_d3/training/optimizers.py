"""Optimisers with L2 as a gradient term."""

import keras

from keras_d3.utils.validation import check_choice


class _GradientL2:
    """Adds `l2 * weight` to every gradient before the optimiser sees it.

    That is the derivative of `l2 / 2 * sum(weight ** 2)` and what the official D3Net code does for
    all parameters, batch-norm scales and biases included. Keras' own `weight_decay` is
    the decoupled form (AdamW), which is another algorithm.
    """

    def __init__(self, *args, l2=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.l2 = l2

    def apply(self, grads, trainable_variables=None):
        variables = self._trainable_variables if trainable_variables is None else trainable_variables
        grads = [
            None if grad is None else grad + self.l2 * keras.ops.cast(variable, grad.dtype)
            for grad, variable in zip(grads, variables, strict=True)
        ]
        return super().apply(grads, trainable_variables)

    def get_config(self):
        return {**super().get_config(), "l2": self.l2}


@keras.saving.register_keras_serializable(package="keras_d3")
class AdamL2(_GradientL2, keras.optimizers.Adam):
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
class RMSpropL2(_GradientL2, keras.optimizers.RMSprop):
    """RMSprop on `gradient + l2 * weight`."""


def make_optimizer(name, learning_rate, l2=0.0, epsilon=1e-7):
    """Returns the Keras optimiser `name` ("adam" or "rmsprop"), with the L2 gradient term if `l2` > 0."""
    check_choice("optimizer", name, ("adam", "rmsprop"))
    settings = {"learning_rate": learning_rate, "epsilon": epsilon}
    if l2:
        return {"adam": AdamL2, "rmsprop": RMSpropL2}[name](l2=l2, **settings)
    return {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}[name](**settings)
