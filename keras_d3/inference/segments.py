"""A trained waveform network, built again for windows of another length."""

import logging

from keras_d3.models import find_preset
from keras_d3.utils.validation import check_positive_int

# The arguments that set a window's length: of dilated networks, and of Wave-U-Nets.
LENGTHS = ("num_samples", "num_output_samples")

logger = logging.getLogger(__name__)


def with_segment_samples(network, run, segment_samples):
    """Returns the network of a run for windows of another length, with the same weights.

    A Wave-U-Net has no use for the length of its training: longer windows only save what neighbouring
    inputs share. Networks that dilate instead of resampling have: at rates near the segment's length
    taps meet padding only and are never trained; longer segments would switch them on. So that comes
    with a warning (logger `keras_d3.inference`).

    Args:
        network: the trained `keras.Model`.
        run: dict, the run's config, with `preset`, `tiny` and `model`.
        segment_samples: int, samples of the outputs.

    Returns:
        `keras.Model`.

    Raises:
        ValueError: `segment_samples` is no integer of at least 1, or the network has no such length.
    """
    segment_samples = check_positive_int("segment_samples", segment_samples)
    preset = find_preset(run["preset"])
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
    rebuilt = preset.build(tiny=run.get("tiny", False), **{**run.get("model", {}), name: segment_samples})
    rebuilt.set_weights(network.get_weights())
    return rebuilt
