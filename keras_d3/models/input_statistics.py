"""Set the input normalization of a spectrogram network from statistics of the training data."""

import numpy as np

from keras_d3.layers import PerBinAffine

SMALLEST_RELATIVE_STD = 1e-4


def set_input_statistics(model, mean, std):
    """Makes a spectrogram network start from inputs of mean 0 and standard deviation 1 per bin.

    The official D3Net code takes both over the mixture magnitudes of all frames of all training
    tracks, averaged over the channels, and floors the deviation at 1e-4 of its maximum, as here.
    The numbers are a start: the layer is trainable. `keras_d3.data.input_statistics` computes them from
    records, and training with `input_statistics=True` does both.

    Args:
        model: `keras.Model` with a `PerBinAffine` layer called `input_affine`.
        mean: array (bins,), mean magnitude per bin.
        std: array (bins,), standard deviation per bin, not negative.

    Raises:
        ValueError: the model has no such layer, or an array has another size, is not finite, or
            `std` is negative or zero everywhere.

    Example:

    >>> import numpy as np
    >>> from keras_d3 import models
    >>> from keras_d3.models import set_input_statistics
    >>> model = models.build("d3net_vocals", tiny=True)
    >>> set_input_statistics(model, mean=np.full(513, 0.5), std=np.full(513, 2.0))
    """
    layer = next(
        (item for item in model.layers if item.name == "input_affine" and isinstance(item, PerBinAffine)),
        None,
    )
    if layer is None:
        raise ValueError(
            "`model` must have a PerBinAffine layer called 'input_affine'. "
            f"Received: model={model.name!r} without one. Build it with input_affine=True."
        )
    mean, std = np.asarray(mean, "float64"), np.asarray(std, "float64")
    num_bins = layer.offset.shape[0]
    for name, value in (("mean", mean), ("std", std)):
        if value.shape != (num_bins,) or not np.all(np.isfinite(value)):
            raise ValueError(
                f"`{name}` must hold one finite number per bin, {num_bins} in all. "
                f"Received: {name} of shape {value.shape}, finite: {bool(np.all(np.isfinite(value)))}."
            )
    if np.any(std < 0) or not np.any(std > 0):
        raise ValueError(
            "`std` must not be negative, and not zero in every bin (silent training data?). "
            f"Received: std from {std.min()} to {std.max()}."
        )
    layer.offset.assign(mean)
    layer.scale.assign(np.maximum(std, SMALLEST_RELATIVE_STD * std.max()))
