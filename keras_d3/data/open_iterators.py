"""Iterators that are still open when Python ends."""

import atexit
import functools
import gc

import tensorflow as tf


@functools.cache
def close_iterators_at_exit() -> None:
    """Has the iterators of tf.data closed before Python ends; for pipelines that call Python.

    An iterator that a script's variable still holds is destroyed last of all. TensorFlow then waits for its
    threads, and one that calls a Python function waits forever: no thread gets to run Python any more. In
    functions that `atexit` calls they still do.
    """
    atexit.register(_close_iterators)


def _close_iterators():
    for iterator in [item for item in gc.get_objects() if isinstance(item, tf.data.Iterator)]:
        # TensorFlow has no public way to close one. It is destroyed with the last reference to this tensor.
        vars(iterator).pop("_iterator_resource", None)
