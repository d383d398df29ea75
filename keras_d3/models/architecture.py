"""What two networks have to share so that one graph serves both, with the weights of either."""

from typing import Any

from keras_d3.models.network import Network


def architecture_of(model: Any) -> Any:
    """Returns what a network computes apart from its weights, to be compared with another's.

    Args:
        model: `keras.Model`.

    Returns:
        tuple of class, arguments and the layers' dtype policies; or None for a model that is no `Network`,
        of which nothing is known.

    Example:

    >>> from keras_d3 import models
    >>> plain, twin, stereo = (models.build(f"wave_u_net_{name}", tiny=True) for name in ("m3", "m3", "m4"))
    >>> models.architecture_of(plain) == models.architecture_of(twin)
    True
    >>> models.architecture_of(plain) == models.architecture_of(stereo)
    False
    """
    if not isinstance(model, Network):
        return None
    policies = tuple(layer.dtype_policy.name for layer in model._flatten_layers())
    return type(model), model.arguments, policies
