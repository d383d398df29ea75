"""Multichannel Wiener filter for the estimates of all sources of a mixture."""

import typing

import tensorflow as tf

# Official constant: the share of a source's largest power that is added to every power.
POWER_FLOOR = 1e-10
# A 2x2 matrix counts as singular below this share of its squared trace. The determinant's rounding
# error is 1e-16 of that, so what is inverted is good to 1e-6.
SINGULAR = 1e-10


class SourceStatistics(typing.NamedTuple):
    """Sums over the frames of a block, per source: what the filter needs of a block.

    covariance_sum: complex128 (sources, bins, channels, channels), sum over t of x xᴴ.
    power_sum: float64 (sources, bins), sum over t of the power, the mean of |x|² over channels.
    power_max: float64 (sources,), largest power.
    num_frames: float64 scalar.
    """

    covariance_sum: tf.Tensor
    power_sum: tf.Tensor
    power_max: tf.Tensor
    num_frames: tf.Tensor


def empty_statistics(num_sources: int, num_bins: int, channels: int) -> SourceStatistics:
    """Statistics of no frames."""
    return SourceStatistics(
        tf.zeros((num_sources, num_bins, channels, channels), tf.complex128),
        tf.zeros((num_sources, num_bins), tf.float64),
        tf.zeros((num_sources,), tf.float64),
        tf.zeros((), tf.float64),
    )


def add_to_statistics(
    statistics: SourceStatistics, estimates: tf.Tensor, num_frames: tf.Tensor | int | None = None
) -> SourceStatistics:
    """Adds frames to the statistics.

    Args:
        statistics: `SourceStatistics`.
        estimates: complex tensor (frames, sources, bins, channels).
        num_frames: int or int32 scalar, how many of the frames count (the others must be zero); by
            default all.

    Returns:
        `SourceStatistics` of all frames so far.
    """
    estimates = tf.cast(estimates, tf.complex128)
    power = _power(estimates)
    if num_frames is None:
        num_frames = tf.shape(estimates)[0]
    by_bin = tf.transpose(estimates, (1, 2, 3, 0))
    return SourceStatistics(
        statistics.covariance_sum + tf.matmul(by_bin, by_bin, adjoint_b=True),
        statistics.power_sum + tf.reduce_sum(power, axis=0),
        tf.maximum(statistics.power_max, tf.reduce_max(power, axis=(0, 2))),
        statistics.num_frames + tf.cast(num_frames, tf.float64),
    )


def apply_wiener(estimates: tf.Tensor, mixture: tf.Tensor, statistics: SourceStatistics) -> tf.Tensor:
    """Filters frames of a block whose statistics are known. See `wiener_filter`.

    Args:
        estimates: complex tensor (frames, sources, bins, channels).
        mixture: complex tensor (frames, bins, channels).
        statistics: `SourceStatistics` of the whole block.

    Returns:
        complex64 tensor of the shape of `estimates`.

    Raises:
        ValueError: more than two channels.
    """
    channels = mixture.shape[-1]
    if channels not in (1, 2):
        raise ValueError(
            "`mixture` must have one or two channels on its last axis: larger matrices are not inverted "
            f"here. Received: mixture.shape={tuple(mixture.shape)}."
        )
    floor = POWER_FLOOR * statistics.power_max
    power = _power(tf.cast(estimates, tf.complex128)) + floor[:, tf.newaxis]  # (frames, sources, bins)
    power_sum = statistics.power_sum + statistics.num_frames * floor[:, tf.newaxis]
    # A source that is silent throughout has power 0, and covariance 0.
    covariance = tf.math.divide_no_nan(
        statistics.covariance_sum, _complex(power_sum)[..., tf.newaxis, tf.newaxis]
    )
    x = tf.unstack(tf.cast(mixture, tf.complex128), axis=-1)  # one (frames, bins) per channel

    def entry(row, column):
        """Entry of the mixture's covariance, sum over sources of power * covariance: (frames, bins)."""
        return tf.reduce_sum(_complex(power) * covariance[..., row, column], axis=1)

    if channels == 1:
        whitened = [tf.math.divide_no_nan(x[0], entry(0, 0))]
    else:
        whitened = _solve_hermitian(tf.math.real(entry(0, 0)), tf.math.real(entry(1, 1)), entry(0, 1), *x)
    filtered = [
        sum(covariance[..., row, column] * whitened[column][:, tf.newaxis] for column in range(channels))
        for row in range(channels)
    ]
    return tf.cast(_complex(power)[..., tf.newaxis] * tf.stack(filtered, axis=-1), tf.complex64)


def wiener_filter(estimates: tf.Tensor, mixture: tf.Tensor) -> tf.Tensor:
    """Refines the spectra of all sources so that they explain the mixture in every frame and bin.

    The filter of section 6.2 of Takahashi and Mitsufuji, 2021, "Densely connected multidilated
    convolutional networks for dense prediction tasks" (https://arxiv.org/abs/2011.11844), as in the
    official code, one iteration, for source j, frame t and bin b:

        v_j(t, b) = mean over channels of |y_j(t, b)|² + 1e-10 * max over t, b of that mean
        R_j(b)    = sum over t of y_j(t, b) y_j(t, b)ᴴ / sum over t of v_j(t, b)
        z_j(t, b) = v_j(t, b) R_j(b) (sum over i of v_i(t, b) R_i(b))⁻¹ x(t, b)

    Differences: a 2x2 matrix is taken as singular, and replaced by the pseudo-inverse of rank one,
    when its determinant is below 1e-10 of its squared trace (official code: below 1e-10), and no 2e-16
    is added to the sums of powers: both would make the filter depend on the song's loudness. The
    official code knows two channels only.

    Args:
        estimates: complex tensor (frames, sources, bins, channels), first estimates y of every source
            of the mixture.
        mixture: complex tensor (frames, bins, channels) with one or two channels.

    Returns:
        complex64 tensor (frames, sources, bins, channels). Silent bins stay exactly zero.

    Raises:
        ValueError: more than two channels.

    Example:

    >>> import tensorflow as tf
    >>> mixture = tf.complex(tf.random.normal((50, 9, 2)), tf.random.normal((50, 9, 2)))
    >>> estimates = tf.stack([0.7 * mixture, 0.2 * mixture], axis=1)
    >>> filtered = wiener_filter(estimates, mixture)
    >>> bool(tf.reduce_max(tf.abs(tf.reduce_sum(filtered, axis=1) - mixture)) < 1e-4)
    True
    """
    estimates = tf.convert_to_tensor(estimates)
    _, num_sources, num_bins, channels = estimates.shape
    statistics = add_to_statistics(empty_statistics(num_sources, num_bins, channels), estimates)
    return apply_wiener(estimates, tf.convert_to_tensor(mixture), statistics)


def _power(estimates):
    return tf.reduce_mean(tf.math.real(estimates) ** 2 + tf.math.imag(estimates) ** 2, axis=-1)


def _complex(values):
    return tf.cast(values, tf.complex128)


def _solve_hermitian(m00, m11, m01, x0, x1):
    """M⁺ x for the Hermitian [[m00, m01], [conj(m01), m11]] of every frame and bin."""
    m01_square = tf.math.real(m01) ** 2 + tf.math.imag(m01) ** 2
    determinant = m00 * m11 - m01_square
    invertible = determinant > SINGULAR * (m00 + m11) ** 2
    # The inverse is the adjugate over the determinant; the pseudo-inverse of a rank-one Hermitian
    # matrix is the matrix itself over its squared norm. Both have one form: [[a, b], [conj(b), d]] * s.
    squared_norm = m00**2 + m11**2 + 2 * m01_square
    scale = tf.where(invertible, determinant, squared_norm)
    a = _complex(tf.math.divide_no_nan(tf.where(invertible, m11, m00), scale))
    d = _complex(tf.math.divide_no_nan(tf.where(invertible, m00, m11), scale))
    b = tf.where(invertible, -m01, m01) * _complex(tf.math.divide_no_nan(tf.ones_like(scale), scale))
    return [a * x0 + b * x1, tf.math.conj(b) * x0 + d * x1]
