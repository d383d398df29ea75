"""Short-time Fourier transform of signals without padding and trimming, as block-wise processing needs."""

import numpy as np
from keras import ops

from keras_d3.ops.padding import reflect_positions
from keras_d3.utils import check_choice, check_frames

WINDOWS = ("hann", "hamming")


def window_values(window, frame_length):
    """Returns the periodic window as a float64 array of `frame_length` values.

    "hann" is `0.5 - 0.5 * cos(2 * pi * n / frame_length)`, "hamming" the same with 0.54 and 0.46.

    Args:
        window: `"hann"` or `"hamming"`.
        frame_length: int, samples per frame.

    Raises:
        ValueError: `window` is neither.
    """
    check_choice("window", window, WINDOWS)
    constant = 0.5 if window == "hann" else 0.54
    return constant - (1 - constant) * np.cos(2 * np.pi * np.arange(frame_length) / frame_length)


def frame_spectra(signals, frame_length, frame_step, fft_length=None, window="hann"):
    """Spectra of the frames that lie wholly inside the signals; nothing is padded.

    Args:
        signals: float tensor (batch, time, channels) with `time >= frame_length`.
        frame_length: int, samples per frame.
        frame_step: int, samples from one frame to the next.
        fft_length: int, at least `frame_length` (the default); longer frames are filled with zeros.
        window: `"hann"` or `"hamming"`, periodic.

    Returns:
        Pair (real, imag) of tensors (batch, frames, bins, channels) with
        `frames = 1 + (time - frame_length) // frame_step` and `bins = fft_length // 2 + 1`.

    Example:

    >>> import numpy as np
    >>> from keras_d3.ops import frame_spectra
    >>> real, imag = frame_spectra(np.zeros((1, 100, 2), "float32"), 16, 4)
    >>> tuple(real.shape)
    (1, 22, 9, 2)
    """
    frame_length, frame_step, fft_length = check_frames(frame_length, frame_step, fft_length, any_step=True)
    overlap = -(-frame_length // frame_step)
    surplus = overlap * frame_step - frame_length
    by_channel = ops.transpose(signals, (0, 2, 1))
    if surplus:
        # What the last frame's last piece holds beyond it.
        by_channel = ops.pad(by_channel, ((0, 0), (0, 0), (0, surplus)))
    num_steps = (ops.shape(signals)[1] + surplus) // frame_step
    # (batch, channels, steps, frame_step): a view in pieces of one step. Frame f is made of the
    # pieces f ... f + overlap - 1, so the frames are `overlap` shifted copies side by side.
    pieces = ops.reshape(
        by_channel[:, :, : num_steps * frame_step],
        (ops.shape(signals)[0], signals.shape[2], num_steps, frame_step),
    )
    num_frames = num_steps - overlap + 1
    frames = ops.concatenate([pieces[:, :, shift : shift + num_frames] for shift in range(overlap)], axis=-1)
    frames = ops.multiply(frames[..., :frame_length], _window_tensor(window, frame_length, frames.dtype))
    real, imag = ops.rfft(frames, fft_length=fft_length)
    return ops.transpose(real, (0, 2, 3, 1)), ops.transpose(imag, (0, 2, 3, 1))


def overlap_add_spectra(real, imag, frame_length, frame_step, fft_length=None, window="hann"):
    """Windowed frames of the spectra, added up at their places; not divided and not trimmed.

    The signal behind the spectra is this sum divided by `window_square_sum`.

    Args:
        real, imag: float tensors (batch, frames, bins, channels).
        frame_length, frame_step, fft_length, window: as in `frame_spectra`.

    Returns:
        Tensor (batch, (frames - 1) * frame_step + frame_length, channels).

    Example:

    >>> import numpy as np
    >>> from keras_d3.ops import overlap_add_spectra
    >>> spectra = np.zeros((1, 22, 9, 2), "float32")
    >>> tuple(overlap_add_spectra(spectra, spectra, 16, 4).shape)
    (1, 100, 2)
    """
    frame_length, frame_step, fft_length = check_frames(frame_length, frame_step, fft_length, any_step=True)
    spectra = (ops.transpose(real, (0, 3, 1, 2)), ops.transpose(imag, (0, 3, 1, 2)))
    frames = ops.irfft(spectra, fft_length=fft_length)[..., :frame_length]
    frames = ops.multiply(frames, _window_tensor(window, frame_length, frames.dtype))
    return ops.transpose(overlap_add(frames, frame_step), (0, 2, 1))


def overlap_add(frames, frame_step, axis=-2):
    """Adds frames up at distances of `frame_step`.

        y[t] = sum over k of frames[k, t - k * frame_step]

    Args:
        frames: tensor (..., frames, frame_length, ...); only the number of frames and the axes before it may
            be unknown.
        frame_step: int, samples from one frame to the next.
        axis: int, axis of the frames; the next one holds their samples.

    Returns:
        Tensor (..., (frames - 1) * frame_step + frame_length, ...).

    Example:

    >>> import numpy as np
    >>> from keras_d3.ops import overlap_add
    >>> np.array(overlap_add(np.ones((2, 4), "float32"), 2)).tolist()
    [1.0, 1.0, 2.0, 2.0, 1.0, 1.0]
    """
    axis %= len(frames.shape)
    frame_length, *trailing = frames.shape[axis + 1 :]
    overlap = -(-frame_length // frame_step)
    surplus = overlap * frame_step - frame_length
    leading, num_frames = tuple(ops.shape(frames))[:axis], ops.shape(frames)[axis]
    before, after = ((0, 0),) * axis, ((0, 0),) * len(trailing)
    if surplus:
        frames = ops.pad(frames, (*before, (0, 0), (0, surplus), *after))
    pieces = ops.reshape(frames, (*leading, num_frames, overlap, frame_step, *trailing))
    # Piece i of frame f belongs to step f + i: one padded copy per piece, `overlap` in all.
    pieces_of = (slice(None),) * (axis + 1)
    total = 0
    for shift in range(overlap):
        width = (*before, (shift, overlap - 1 - shift), (0, 0), *after)
        total += ops.pad(pieces[(*pieces_of, shift)], width)
    total = ops.reshape(total, (*leading, (num_frames + overlap - 1) * frame_step, *trailing))
    if not surplus:
        return total
    return total[(*pieces_of[:-1], slice(0, (num_frames - 1) * frame_step + frame_length))]


def add_to_start(values, carry):
    """Adds to the first values what an overlap-add of the block before left over.

    Args:
        values: tensor (time, ...).
        carry: tensor (shorter or equal time, ...).

    Returns:
        Tensor of the shape of `values`.
    """
    rest = ops.shape(values)[0] - ops.shape(carry)[0]
    return values + ops.pad(carry, ((0, rest),) + ((0, 0),) * (len(values.shape) - 1))


def window_square_sum(num_frames, frame_length, frame_step, window="hann", dtype="float32"):
    """Sum of the squared windows of `num_frames` frames at every sample.

    Args:
        num_frames: int or scalar integer tensor.
        frame_length, frame_step, window: as in `frame_spectra`.
        dtype: string, type of the result.

    Returns:
        Tensor ((num_frames - 1) * frame_step + frame_length,).

    Example:

    >>> from keras_d3.ops import window_square_sum
    >>> tuple(window_square_sum(3, 16, 4).shape)
    (24,)
    """
    square = ops.convert_to_tensor(window_values(window, frame_length) ** 2, dtype=dtype)
    frames = ops.broadcast_to(square, (num_frames, frame_length))
    return overlap_add(frames, frame_step)


def _window_tensor(window, frame_length, dtype):
    return ops.convert_to_tensor(window_values(window, frame_length), dtype=dtype)


def read_samples(signal, positions, padding):
    """Samples of a signal at any positions, those beyond its ends included.

    Args:
        signal: tensor (time, channels) with at least one sample.
        positions: int32 tensor of any shape.
        padding: `"zeros"`, or `"reflect"` as in `numpy.pad`: the signal mirrored at its first and last
            sample, repeatedly where it is short.

    Returns:
        Tensor of shape `positions.shape + (channels,)`.
    """
    num_samples = ops.shape(signal)[0]
    if padding == "reflect":
        return ops.take(signal, reflect_positions(positions, num_samples), axis=0)
    inside = (positions >= 0) & (positions < num_samples)
    values = ops.take(signal, ops.clip(positions, 0, num_samples - 1), axis=0)
    return ops.where(inside[..., None], values, ops.zeros((), signal.dtype))


def magnitude(real, imag):
    """Absolute values of complex spectra, `sqrt(real**2 + imag**2)`.

    Args:
        real, imag: float arrays or tensors of one shape.

    Returns:
        NumPy array, if both are, or tensor of that shape.

    Example:

    >>> import numpy as np
    >>> from keras_d3.ops import magnitude
    >>> magnitude(np.array([3.0]), np.array([4.0])).tolist()
    [5.0]
    """
    numbers = np if isinstance(real, np.ndarray) and isinstance(imag, np.ndarray) else ops
    return numbers.sqrt(numbers.add(numbers.square(real), numbers.square(imag)))
