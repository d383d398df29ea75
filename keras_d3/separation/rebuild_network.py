"""A trained waveform network, built again as separators need it, with the same weights."""

import logging

from keras_d3.models import find_preset, presets
from keras_d3.utils import check_positive_int

# The arguments that set a window's length: of dilated networks, and of Wave-U-Nets.
LENGTHS = ("num_samples", "num_output_samples")

logger = logging.getLogger(__name__)


def network_for_separation(network, run, segment_samples=None):
    """Returns the network of a run for windows of its training's or another length.

    A Wave-U-Net has no use for the length of its training: longer windows only save what neighbouring
    inputs share. Networks that dilate instead of resampling have: at rates near the segment's length
    taps meet padding only and are never trained; longer segments would switch them on. So that comes
    with a warning (logger `keras_d3.separation`). Networks that give out magnitudes in training give out
    waveforms here.

    Args:
        network: the trained `keras.Model`.
        run: dict, the run's config, with `preset`, `tiny` and `model`.
        segment_samples: int, samples of the outputs; or None.

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
    name = next((name for name in LENGTHS if name in preset.known_arguments), None)
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
