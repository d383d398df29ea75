"""Checks of constructor arguments, with errors that name argument, value and fix."""

from collections.abc import Iterable

import numpy as np


def check_positive_int(name, value, minimum=1):
    """Returns `value` as an int, or raises ValueError if it is not an integer >= `minimum`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < minimum:
        raise ValueError(f"`{name}` must be an integer of at least {minimum}. Received: {name}={value!r}.")
    return int(value)


def check_choice(name, value, choices):
    """Returns `value`, or raises ValueError if it is not among `choices`."""
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"`{name}` must be one of {listed}. Received: {name}={value!r}.")
    return value


def check_int_tuple(name, value, rank, minimum=1):
    """Returns `value` as a tuple of `rank` integers; one integer is repeated on every axis."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_)):
        value = (value,) * rank
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes)):
        raise ValueError(f"`{name}` must be an integer or {rank} integers. Received: {name}={value!r}.")
    value = tuple(value)
    if len(value) != rank:
        raise ValueError(
            f"`{name}` must be an integer or {rank} integers, one per axis. Received: {name}={value!r}."
        )
    return tuple(check_positive_int(name, item, minimum) for item in value)


def check_channels_last(data_format):
    """Returns "channels_last" (also for None), or raises ValueError for anything else."""
    if data_format not in (None, "channels_last"):
        raise ValueError(
            "`data_format` must be 'channels_last': these layers compute on (batch, ..., channels) only. "
            f"Received: data_format={data_format!r}. Move the channel axis to the end with "
            "`keras.ops.moveaxis(x, 1, -1)`."
        )
    return "channels_last"
