"""Checks of constructor arguments, with errors that name argument, value and fix."""

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any, TypeVar

T = TypeVar("T")

# The highest rate of any converter; above it a number is no rate but damage.
MAX_SAMPLE_RATE_HZ = 768_000


def check_positive_int(name: str, value: Any, minimum: int = 1, maximum: int | None = None) -> int:
    """Returns `value` as an int.

    Raises:
        ValueError: it is not an integer of at least `minimum`, or more than `maximum`.
    """
    is_int = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_int or int(value) < minimum or (maximum is not None and int(value) > maximum):
        limit = "" if maximum is None else f", and at most {maximum}"
        raise ValueError(
            f"`{name}` must be an integer of at least {minimum}{limit}. Received: {name}={value!r}."
        )
    return int(value)


def check_sample_rate(name: str, value: Any) -> int:
    """Returns `value` as an int.

    Raises:
        ValueError: it is no sample rate in Hz, from 1 to `MAX_SAMPLE_RATE_HZ`.
    """
    return check_positive_int(name, value, 1, MAX_SAMPLE_RATE_HZ)


def check_choice(name: str, value: T, choices: Iterable[Any]) -> T:
    """Returns `value`.

    Raises:
        ValueError: it is not among `choices`.
    """
    choices = tuple(choices)  # In which, unlike in a dict, values without a hash can be looked for.
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"`{name}` must be one of {listed}. Received: {name}={value!r}.")
    return value


def check_int_tuple(name: str, value: Any, rank: int, minimum: int = 1) -> tuple[int, ...]:
    """Returns `value` as a tuple of `rank` integers; one integer is repeated on every axis.

    Raises:
        ValueError: it is neither, or an integer is less than `minimum`.
    """
    if isinstance(value, Integral) and not isinstance(value, bool):
        value = (value,) * rank
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes)):
        raise ValueError(f"`{name}` must be an integer or {rank} integers. Received: {name}={value!r}.")
    value = tuple(value)
    if len(value) != rank:
        raise ValueError(
            f"`{name}` must be an integer or {rank} integers, one per axis. Received: {name}={value!r}."
        )
    return tuple(check_positive_int(name, item, minimum) for item in value)


def check_channels_last(data_format: str | None) -> str:
    """Returns "channels_last", also for None.

    Raises:
        ValueError: `data_format` is anything else.
    """
    if data_format not in (None, "channels_last"):
        raise ValueError(
            "`data_format` must be 'channels_last': these layers compute on (batch, ..., channels) only. "
            f"Received: data_format={data_format!r}. Move the channel axis to the end with "
            "`keras.ops.moveaxis(x, 1, -1)`."
        )
    return "channels_last"


def check_frames(
    frame_length: int, frame_step: int, fft_length: int | None = None, any_step: bool = False
) -> tuple[int, int, int]:
    """Returns the three lengths of an STFT as ints.

    With `any_step` the step need not divide the length, which block-wise processing relies on.

    Raises:
        ValueError: the lengths do not fit each other.
    """
    frame_length = check_positive_int("frame_length", frame_length, minimum=2)
    frame_step = check_positive_int("frame_step", frame_step)
    if any_step:
        if frame_length % 2 or frame_step >= frame_length:
            raise ValueError(
                "`frame_length` must be even, and `frame_step` less than it. Received: "
                f"frame_length={frame_length}, frame_step={frame_step}. "
                "Common choices are frame_length // 4 and frame_length // 2."
            )
    elif frame_length % frame_step or frame_length == frame_step or frame_length % 2:
        raise ValueError(
            "`frame_step` must divide `frame_length`, which must be even, at least twice. "
            f"Received: frame_length={frame_length}, frame_step={frame_step}. "
            "Common choices are frame_length // 4 and frame_length // 2."
        )
    if fft_length is None:
        return frame_length, frame_step, frame_length
    fft_length = check_positive_int("fft_length", fft_length)
    if fft_length < frame_length or fft_length % 2:
        raise ValueError(
            "`fft_length` must be even and at least `frame_length`. "
            f"Received: fft_length={fft_length}, frame_length={frame_length}."
        )
    return frame_length, frame_step, fft_length


def check_channels_known(
    layer: object, input_shape: Sequence[int | None], rank: int
) -> tuple[int | None, ...]:
    """Returns `input_shape` as a tuple.

    Raises:
        ValueError: it has another rank, or an unknown number of channels.
    """
    shape = tuple(input_shape)
    if len(shape) != rank + 2 or shape[-1] is None:
        raise ValueError(
            f"The input of `{type(layer).__name__}` must have {rank + 2} axes, the last one (channels) of "
            f"known size. Received: input_shape={shape}. For sequences, give `rank=1`."
        )
    return shape


def check_compression(name: str, value: float | None) -> float | None:
    """Returns `value`.

    Raises:
        ValueError: it is neither None nor in (0, 1].
    """
    if value is not None and not (isinstance(value, (int, float)) and 0 < value <= 1):
        raise ValueError(f"`{name}` must be None or a number in (0, 1]. Received: {name}={value!r}.")
    return value
