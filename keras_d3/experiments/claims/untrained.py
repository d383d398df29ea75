"""Rows of what is counted or compared without training: parameters, and smoothed networks at their start."""

import platform

import keras
import numpy as np
from keras import ops

from keras_d3.claims import LedgerRow, NamedClaim
from keras_d3.models import build, preset_for
from keras_d3.settings import UNTRAINED, RunConfig
from keras_d3.utils import code_version, current_commit, machine_name

# Pixels of the images that smoothed networks are compared on.
SIZE = 97


def untrained_rows(claims, recipes, scale) -> list[LedgerRow]:
    """Returns one row per side of the claims that need no training.

    Args:
        claims: sequence of `NamedClaim`.
        recipes: dict of name to `Recipe`.
        scale: str, "small" or "paper".
    """
    rows = []
    for named in claims:
        if named.claim.metric in UNTRAINED:
            rows += [
                _row(named, recipes[named.recipe].config(side.config(scale)), scale)
                for side in named.claim.sides
                if side.config(scale)
            ]
    return rows


def _row(named: NamedClaim, config: RunConfig, scale: str) -> LedgerRow:
    metric = named.claim.metric
    parameters = count_parameters(config)
    value = parameters / 1e6 if metric == "parameters" else initial_difference(config)
    return LedgerRow(
        claims=(named.name,),
        recipe=named.recipe,
        config=config.name,
        scale=scale,
        # The kind of the row: parameters and initial difference of one config are two of them.
        variant=metric,
        config_sha256=metric,
        code=code_version(),
        commit=current_commit(),
        machine=f"{machine_name()}, {platform.system()}",
        parameters=parameters,
        measurements={metric: value},
    )


def count_parameters(config: RunConfig) -> int:
    """Returns the trainable parameters of a config's network, which is not given values."""
    with keras.StatelessScope(initialize_variables=False):
        network = build(preset_for(config).name, tiny=config.tiny, **config.model)
    return sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)


def initial_difference(config: RunConfig) -> float:
    """Returns how far a smoothed network is from the plain one of the same weights, before any step.

    The largest difference of logits on a random image, divided by the largest logit.
    """
    keras.utils.set_random_seed(0)
    arguments = dict(config.model)
    smoothed = build(preset_for(config).name, tiny=config.tiny, **arguments)
    plain = build(preset_for(config).name, tiny=config.tiny, **{**arguments, "smoothing": None})
    by_path = {weight.path: weight for weight in smoothed.weights}
    for weight in plain.weights:
        weight.assign(by_path[weight.path])
    image = np.random.default_rng(0).standard_normal((1, SIZE, SIZE, 3)).astype("float32")
    first, second = (ops.convert_to_numpy(network(image)) for network in (smoothed, plain))
    return float(np.abs(first - second).max() / np.abs(second).max())
