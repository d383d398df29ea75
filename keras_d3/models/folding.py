"""Networks for inference: batch normalization folded into convolutions wherever that is exact."""

import keras
from keras import tree

from keras_d3.blocks import D3Block, DenseBlock, fold_block, takes_over_output_norm


def fold_batch_norm(model):
    """Returns a copy of a network that computes the same in inference with fewer normalizations.

    Batch normalization is `a * x + c` per channel in inference. It is folded into the convolutions of
    dense, D2 and D3 blocks with `norm="source"`, those between their layers and those that alone read a
    block's output (in front of up-samplings, of the merge of the bands, of the head): see
    `keras_d3.blocks.folding.fold_block`. Normalizations that read maps which something else reads too
    stay.

    The outputs differ by rounding alone: for random weights by 1e-6 to 1e-5 of their maximum.

    Args:
        model: functional `keras.Model`; it is left as it is.

    Returns:
        Functional `keras.Model` with the same inputs and outputs; `model` itself if it has no such block.
        It is meant for inference: trained further, it would no longer be normalized by the batch.

    Example:

    >>> import numpy as np
    >>> from keras_d3 import models
    >>> model = models.build("d3net_vocals", tiny=True)
    >>> folded = models.fold_batch_norm(model)
    >>> magnitudes = np.random.default_rng(0).uniform(0, 1, (1, 16, 513, 2)).astype("float32")
    >>> difference = np.asarray(model(magnitudes, training=False)) - np.asarray(folded(magnitudes))
    >>> bool(np.max(np.abs(difference)) < 1e-4)
    True
    """
    if not any(isinstance(layer, (DenseBlock, D3Block)) for layer in model.layers):
        return model
    norms = _only_readers(model)
    folded_away = {norm.name for norm in norms.values()}
    copies = {}

    def clone(layer):
        if layer.name in folded_away:
            return keras.layers.Identity(name=layer.name, dtype=layer.dtype_policy)
        copy = layer
        if isinstance(layer, (DenseBlock, D3Block)):
            copy = fold_block(layer, norms.get(layer.name))
        if copy is layer:
            copy = copies[layer.name] = type(layer).from_config(layer.get_config())
        return copy

    def call(layer, *args, **kwargs):
        # The place of a normalization takes no `training` and no `mask`.
        return layer(*args) if layer.name in folded_away else layer(*args, **kwargs)

    folded = keras.models.clone_model(model, clone_function=clone, call_function=call)
    for name, copy in copies.items():
        copy.set_weights(model.get_layer(name).get_weights())
    folded.trainable = False
    return folded


def _only_readers(model):
    """Returns {name of a block: the normalization that it can take over, alone in reading its output}."""
    readers = {}
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            for tensor in tree.flatten(layer.input):
                readers.setdefault(id(tensor), []).append(layer)
    for tensor in tree.flatten(model.outputs):
        readers.setdefault(id(tensor), []).append(None)
    norms = {}
    for layer in model.layers:
        if isinstance(layer, (DenseBlock, D3Block)) and takes_over_output_norm(layer):
            reader, *others = readers[id(layer.output)]
            if isinstance(reader, keras.layers.BatchNormalization) and not others:
                norms[layer.name] = reader
    return norms
