"""What is strange about a song: a source that is the sum of others, a mixture that is not their sum."""

import numpy as np

# Excerpts that are compared, spread over the song: what holds for sums holds for any of them.
NUM_EXCERPTS, EXCERPT_SAMPLES = 32, 16384
# Energy of a difference, relative to the signal's, up to which two signals are called equal: -20 dB. Lossy
# files come close to it; independent sources do not.
EQUAL = 0.01
# How far a least-squares factor may be from 0 or 1.
FACTOR_TOLERANCE = 0.05


def strange_sources(sources: dict[str, np.ndarray], mixture: np.ndarray | None = None) -> list[str]:
    """Returns sentences about sources that are not what a sum of sources needs.

    Each audible source is fitted by the others, in the least-squares sense. If the fit is good (-20 dB) and
    its factors are 0 and 1, then the source is their sum: a mixture or an accompaniment among the sources,
    whose audio would count twice.

    Args:
        sources: dict of `source -> (time, channels)`, any real dtype.
        mixture: array of that shape, the stored mixture; None if it is the sum of the sources.

    Returns:
        List of str, empty if nothing is strange.

    Example:

    >>> import numpy as np
    >>> from tfrecords_tools.track_checks import strange_sources
    >>> a, b = np.random.default_rng(0).standard_normal((2, 1000, 1))
    >>> strange_sources({"a": a, "b": b, "mix": a + b})
    ["the source 'mix' is the sum of 'a' and 'b'"]
    """
    names = list(sources)
    signals = np.stack([_excerpts(samples) for samples in sources.values()])
    products = signals @ signals.T
    audible = [k for k in range(len(names)) if products[k, k] > 0]
    found = []
    for k in audible:
        others = [other for other in audible if other != k]
        summands = _summands(products, k, others)
        if len(summands) > 1:
            shown = " and ".join(repr(names[other]) for other in summands)
            found.append(f"the source {names[k]!r} is the sum of {shown}")
        elif len(summands) == 1 and summands[0] < k:
            found.append(f"the sources {names[summands[0]]!r} and {names[k]!r} are the same audio")
    if mixture is not None:
        found += _strange_mixture(names, signals, _excerpts(mixture))
    return found


def _strange_mixture(names, signals, mixture):
    energy = mixture @ mixture
    difference = mixture - signals.sum(axis=0)
    if energy == 0 or difference @ difference > EQUAL * energy:
        return ["the stored mixture is not the sum of the sources (they differ by more than -20 dB)"]
    if len(names) == 1:
        return [f"the only source {names[0]!r} is the whole mixture"]
    return []


def _summands(products, k, others):
    """Indices of the sources whose sum source `k` is, or none."""
    if not others:
        return []
    factors = np.linalg.lstsq(products[np.ix_(others, others)], products[others, k], rcond=None)[0]
    whole = np.round(factors)
    if np.any(np.abs(factors - whole) > FACTOR_TOLERANCE) or not set(whole) <= {0.0, 1.0}:
        return []
    members = [other for other, factor in zip(others, whole, strict=True) if factor == 1]
    # |s - sum of members|^2 out of the scalar products.
    error = products[k, k] - 2 * products[k, members].sum() + products[np.ix_(members, members)].sum()
    return members if error <= EQUAL * products[k, k] else []


def _excerpts(samples):
    length = len(samples)
    if length <= NUM_EXCERPTS * EXCERPT_SAMPLES:
        return samples.astype("float64").ravel()
    starts = np.linspace(0, length - EXCERPT_SAMPLES, NUM_EXCERPTS).astype(int)
    return (
        np.concatenate([samples[start : start + EXCERPT_SAMPLES] for start in starts])
        .astype("float64")
        .ravel()
    )
