"""Base class of the networks: functional inside, arguments that can be read back, presets by name."""

import contextlib
import dataclasses
import inspect

import keras

from keras_d3.settings import to_dict


class Network(keras.Model):
    """A functional model with named arguments, presets and a config that builds it again.

    A subclass states `arguments_class`, a frozen dataclass whose fields are the constructor's arguments;
    `presets`, a dict of name -> `Preset`; and `connect`, which calls the layers. Everything that holds for
    functional models holds for it: `get_layer`, `keras.Model(model.input, layer.output)`,
    `keras.models.clone_model` (which gives a plain functional model where layers are replaced), `.keras`
    files, which need no `custom_objects` once `keras_d3.models` is imported.

    Args:
        name: string, or None for one that Keras makes of the class.
        trainable: bool, whether the variables may be trained.
        dtype: string or `keras.DTypePolicy` of the layers, or None for Keras' global policy.
        frozen_layers: sequence of strings, names of the layers that are not trained although the arguments
            would have them trained.
        **arguments: the fields of `arguments_class`.

    Raises:
        TypeError: an argument is unknown or missing.
        ValueError: an argument breaks its rule; the message names it.
    """

    arguments_class = None
    presets = {}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        presets = cls.__dict__.get("presets", {})
        cls.presets = {name: dataclasses.replace(preset, network=cls) for name, preset in presets.items()}
        if cls.arguments_class is not None:
            # For `help` and `inspect.signature`.
            arguments = [*inspect.signature(cls.arguments_class).parameters.values(), *_OWN_ARGUMENTS]
            cls.__signature__ = inspect.Signature(arguments)

    def __init__(self, *, name=None, trainable=True, dtype=None, frozen_layers=(), **arguments):
        self.arguments = self.arguments_class(**arguments)
        with _global_policy(keras.dtype_policies.get(dtype)):
            inputs, outputs = self.connect()
            super().__init__(inputs=inputs, outputs=outputs, name=name)
        self._frozen_at_first = {layer.name for layer in self.layers if not layer.trainable}
        for layer_name in frozen_layers:
            self.get_layer(layer_name).trainable = False
        if not trainable:
            self.trainable = False

    def connect(self):
        """Calls the layers that `self.arguments` describe.

        Returns:
            Pair: the symbolic input, and the symbolic output or a dict of name -> symbolic output.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `connect`.")

    @classmethod
    def from_preset(cls, name, tiny=False, weights=None, **overrides):
        """Builds the network of one of this class's presets.

        A preset is a configuration of a paper; it has no weights. The network starts from fresh ones,
        unless a local file is given. `keras_d3.convert` reads the weights that the papers' authors published.

        Args:
            name: string, one of `presets`.
            tiny: bool, whether to take the preset's small sibling: the same network with few filters and
                short inputs, for tests and demos.
            weights: path of a `.keras` or `.weights.h5` file of the same network, or None.
            **overrides: arguments that replace the preset's, applied after `tiny`.

        Returns:
            An instance of this class with the preset's name.

        Raises:
            ValueError: `name` is no preset, or one of another class, which the message names; an override is
                unknown or breaks its rule; the weights do not fit.
        """
        if name not in cls.presets:
            # The registry imports all networks.
            from keras_d3.models.registry import find_preset

            other = find_preset(name).network.__name__
            raise ValueError(
                f"`name` must be a preset of {cls.__name__}: {', '.join(cls.presets) or 'it has none'}. "
                f"Received: name={name!r}. Use `keras_d3.models.{other}.from_preset({name!r})`."
            )
        network = cls.presets[name].build(tiny=tiny, **overrides)
        if weights is not None:
            network.load_weights(weights)
        return network

    def get_config(self):
        # Not the config of functional models, which lists all layers.
        frozen = [layer.name for layer in self.layers if self.trainable and not layer.trainable]
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": self.dtype_policy.name,
            "frozen_layers": [
                name for name in frozen if self.trainable and name not in self._frozen_at_first
            ],
            **{
                field.name: _json_ready(getattr(self.arguments, field.name))
                for field in dataclasses.fields(self.arguments)
            },
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**config)


_OWN_ARGUMENTS = [
    parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
    for parameter in inspect.signature(Network.__init__).parameters.values()
    if parameter.kind == inspect.Parameter.KEYWORD_ONLY
]


def set_fields(instance, **values):
    """Sets fields of a frozen dataclass; for its `__post_init__`."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)


def precise_dtype():
    """Returns the dtype of layers that keep full precision under mixed policies: that of the variables."""
    return keras.config.dtype_policy().variable_dtype


def _json_ready(value):
    if isinstance(value, keras.initializers.Initializer):
        return keras.initializers.serialize(value)
    return to_dict(value)


@contextlib.contextmanager
def _global_policy(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
