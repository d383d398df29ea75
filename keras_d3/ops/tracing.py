"""Tracing of layers in standard operations, for export."""

import contextlib
import contextvars

_standard_ops = contextvars.ContextVar("standard_ops", default=False)


@contextlib.contextmanager
def trace_standard_ops():
    """Within this context layers use standard operations only, for export to other runtimes.

    The function is the same up to rounding. TensorFlow's fused normalization, for example, works on maps
    reshaped to columns, and OpenVINO changes the memory layout between these and the convolutions.
    """
    token = _standard_ops.set(True)
    try:
        yield
    finally:
        _standard_ops.reset(token)


def traces_standard_ops():
    """Returns whether layers are being traced inside `trace_standard_ops`."""
    return _standard_ops.get()
