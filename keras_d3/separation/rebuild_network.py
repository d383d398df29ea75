"""A trained waveform network, rebuilt as separators need it, with the same weights."""

import logging
from collections.abc import Mapping
from typing import Any

import keras

from keras_d3.models import find_preset, presets
from keras_d3.utils import check_positive_int

# The arguments that set the window's length, of dilated networks and of Wave-U-Nets.
SEGMENT_ARGUMENTS = ("num_samples", "num_output_samples")

logger = logging.getLogger(__name__)


def network_for_separation(
    network: keras.Model, run: Mapping[str, Any], segment_samples: int | None = None
) -> keras.Model:
    """Returns the network of a run for windows of its training's or another length.

    A Wave-U-Net does not depend on the window length of its training: longer windows only save the part of
    the input that neighbors share. Dilated networks do: at dilation rates near the window's length, some
    kernel taps only meet padding and are never trained, and longer windows would use them. They come with a
    warning (logger `keras_d3.separation`). Networks that output magnitudes in training output waveforms
    here.

    Args:
        network: the trained `keras.Model`.
        run: dict, the run's config, with `preset`, `tiny` and `model`.
        segment_samples: int, samples of the outputs; or None, as in training.

    Returns:
        `keras.Model`; `network` itself, if nothing has to be changed.

    Raises:
        ValueError: `segment_samples` is no integer of at least 1, or the network has no such length.
    """
    changes = {}
    if segment_samples is not None:
        changes[_length_argument(network, run, segment_samples)] = segment_samples
    preset = presets().get(run.get("preset"))
    if preset is not None and _arguments(preset, run).get("outputs") == "magnitudes":
        changes["outputs"] = "waveform"
    if not changes:
        return network
    rebuilt = preset.build(tiny=run.get("tiny", False), **{**run.get("model", {}), **changes})
    rebuilt.set_weights(network.get_weights())
    return rebuilt


def _length_argument(network, run, segment_samples):
    check_positive_int("segment_samples", segment_samples)
    preset = find_preset(run.get("preset"))
    name = next((name for name in SEGMENT_ARGUMENTS if name in preset.known_arguments), None)
    if name is None:
        raise ValueError(
            "`segment_samples` must be None for networks without windows of samples. Received: "
            f"segment_samples={segment_samples}, preset={preset.name!r}."
        )
    trained = network.input_shape[1]
    if "dilation_rates" in preset.known_arguments and segment_samples > trained:
        logger.warning(
            "Segments of %d samples switch on taps that met padding only in training on %d samples, and "
            "were never trained. Expect worse estimates.",
            segment_samples,
            trained,
        )
    return name


def _arguments(preset, run):
    return preset.merged_arguments(tiny=run.get("tiny", False), **run.get("model", {}))
