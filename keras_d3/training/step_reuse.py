"""A compiled network whose training step is traced, taken over by the next one of the same architecture."""

import keras

from keras_d3 import models


class StepReuse:
    """Lends the compiled network of one training to the next, with the next one's weights.

    Tracing a training step of D3Net takes longer than the first hundred steps of its tiny sibling, and the
    targets of a run differ in weights and name alone. What computes is the same graph, started from the same
    weights and an optimizer as new, so the results are those of a network of its own.

    Attributes:
        seed: int, that of the training whose network is kept; None if there is none.
    """

    def __init__(self):
        self.seed = None
        self._model = self._key = None
        self._optimizer_values = []

    def compiled(self, model, config, compile_model):
        """Returns a compiled network with the name and the weights of `model`.

        Args:
            model: `keras.Model`, new and not compiled.
            config: `RunConfig` of that network.
            compile_model: function of a model that compiles and returns it.

        Returns:
            `keras.Model`: the one of the training before, if it is of the same architecture, with the same
            weights trained, and its config has the same settings of training, data and separation; else
            `model` itself.
        """
        trained = tuple(variable.trainable for variable in model.variables)
        key = (models.architecture_of(model), trained, config.training, config.data, config.separation)
        kept = self._model
        if kept is None or None in key or key != self._key:
            self._model, self._key, self.seed = compile_model(model), key, config.training.seed
            self._optimizer_values = _values(self._model.optimizer.variables)
            return self._model
        kept.name = model.name
        _assign(kept.variables, _values(model.variables))
        _assign(kept.optimizer.variables, self._optimizer_values)
        kept.stop_training = False
        return kept


def _values(variables):
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
