"""Splitting of channels."""

from keras_d3.ops.backend import split_channels


def split_first(maps, num_first):
    """Splits the first channels off.

    Args:
        maps: tensor (..., channels).
        num_first: int, channels of the first part.

    Returns:
        Pair of the first channels and the rest; None for the rest where nothing remains.
    """
    return (maps, None) if maps.shape[-1] == num_first else split_channels(maps, num_first)
