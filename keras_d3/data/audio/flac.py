"""FLAC inside tf.data: tensorflow-io, imported only when records are FLAC-coded."""

from collections.abc import Callable

import tensorflow as tf


def flac_decoder() -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns a function from FLAC bytes (string scalar) to int16 samples (time, channels).

    Raises:
        RuntimeError: tensorflow-io, or its binary, does not load beside this TensorFlow.
    """
    needed = (
        "Records of encoding 'flac' are decoded by tensorflow-io, which does not load here "
        f"(TensorFlow {tf.__version__}: {{reason}}). Install tensorflow-io 0.37.1 with TensorFlow 2.16 or "
        "2.17, or write the records again with `--encoding pcm16`."
    )
    try:
        import tensorflow_io as tfio
    except Exception as error:  # a binary of another TensorFlow fails in many ways, ImportError among them
        raise RuntimeError(needed.format(reason=error)) from error
    try:
        decode = tfio.audio.decode_flac  # the binary is loaded only here
    except Exception as error:
        raise RuntimeError(needed.format(reason=error)) from error
    return lambda data: decode(data, dtype=tf.int16)
