"""A waveform network, rebuilt for the windows that separators need, with the same weights."""

import logging
from typing import Any

import keras

from keras_d3.models import WaveUNet, preset_for
from keras_d3.settings import RunConfig
from keras_d3.utils import check_positive_int

# The arguments that set the window's length, of dilated networks and of Wave-U-Nets.
SEGMENT_ARGUMENTS = ("num_samples", "num_output_samples")
# Outputs in lengths of the context. A Wave-U-Net's 16,389 samples read 147,443, nine times as many; outputs
# as long as the context read twice as many. Longer ones gain nothing: docs/speed.md.
OUTPUT_PER_CONTEXT = 1

logger = logging.getLogger(__name__)


def network_for_separation(
    network: keras.Model, config: RunConfig, segment_samples: int | None = None
) -> keras.Model:
    """Returns the network of a run for windows of its training's or another length.

    A Wave-U-Net does not depend on the window length of its training: longer windows only save the part of
    the input that neighbors share. Dilated networks do: at dilation rates near the window's length, some
    kernel taps only meet padding and are never trained, and longer windows would use them. They come with a
    warning (logger `keras_d3.separation`). Networks that output magnitudes in training output waveforms
    here.

    Args:
        network: the trained `keras.Model`.
        config: `keras_d3.settings.RunConfig` of the network.
        segment_samples: int, samples of the outputs; or None, as in training.

    Returns:
        `keras.Model`; `network` itself, if nothing has to be changed.

    Raises:
        ValueError: `segment_samples` is no integer of at least 1, or the network has no such length.
    """
    changes = {}
    if segment_samples is not None:
        changes[_length_argument(network, config, segment_samples)] = segment_samples
    preset = preset_for(config)
    if preset.merged_arguments(tiny=config.tiny, **config.model).get("outputs") == "magnitudes":
        changes["outputs"] = "waveform"
    if not changes:
        return network
    rebuilt = preset.build(tiny=config.tiny, **{**config.model, **changes})
    rebuilt.set_weights(network.get_weights())
    return rebuilt


def _length_argument(network, config, segment_samples):
    check_positive_int("segment_samples", segment_samples)
    preset = preset_for(config)
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


def with_long_windows(network: Any) -> keras.Model | None:
    """Returns the network of the same weights for longer windows.

    A Wave-U-Net with context pads nowhere, so the length of its window does not change what it computes:
    where two windows begin a multiple of `2 ** num_levels` samples apart, a longer one gives the outputs of
    both.

    Args:
        network: `keras.Model`, or a network of another runtime.

    Returns:
        `keras.Model` with weights of its own; None if the network has no context, or windows as long.
    """
    if not isinstance(network, WaveUNet) or not network.arguments.context:
        return None
    input_samples, output_samples = network.input_shape[1], next(iter(network.output.values())).shape[1]
    if None in (input_samples, output_samples):
        return None
    wanted = OUTPUT_PER_CONTEXT * (input_samples - output_samples)
    if wanted <= output_samples:
        return None
    config = {**network.get_config(), "num_output_samples": wanted, "num_input_samples": None}
    longer = WaveUNet.from_config(config)
    longer.set_weights(network.get_weights())
    return longer
