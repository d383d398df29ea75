"""Effects of one network over another: mean, interval and power, with seeds and songs as random factors."""

import dataclasses

import numpy as np

from keras_d3.utils import optional_package

LEVEL, POWER = 0.95, 0.8
MOST_SEEDS = 200
HOLDS, REVERSED, UNDECIDED = "holds", "reversed", "undecided"


@dataclasses.dataclass(frozen=True)
class Effect:
    """A mean difference with its interval and where its spread comes from.

    Args:
        mean: float.
        low, high: floats, ends of the interval; None with one seed.
        num_seeds, num_items: ints, seeds, and songs or images.
        seed_variance, item_variance, residual_variance: floats, variance components, 0 where the estimate is
            negative; None with one seed.
    """

    mean: float
    low: float | None
    high: float | None
    num_seeds: int
    num_items: int
    seed_variance: float | None = None
    item_variance: float | None = None
    residual_variance: float | None = None


def paired_effect(differences: np.ndarray) -> Effect:
    """Returns mean and 95 % interval of differences that are paired by seed and by song or image.

    Two crossed random factors without replication (Searle, Casella and McCulloch, 1992, section 4.5): with
    differences d of n seeds by m items, and the mean squares MS_s of the seeds' means, MS_i of the items'
    means and MS_e of what is left,

        variance of the mean = (MS_s + MS_i - MS_e) / (n m),    at least max(MS_s, MS_i) / (n m)

    with Satterthwaite's degrees of freedom for the numerator, at least min(n, m) - 1, and a t interval. So
    the statement is about further seeds and further songs. With one item it is the paired t interval over
    seeds. Songs of one composer count as independent.

    Args:
        differences: float array (seeds, items).

    Returns:
        `Effect`; without an interval for one seed, whose noise cannot be told from an effect.

    Example:

    >>> effect = paired_effect([[0.1, 0.3], [0.2, 0.4], [0.3, 0.5]])
    >>> [round(value, 3) for value in (effect.mean, effect.low, effect.high)]
    [0.3, -0.283, 0.883]
    """
    differences = np.asarray(differences, "float64")
    num_seeds, num_items = differences.shape
    mean = float(differences.mean())
    if num_seeds == 1:
        return Effect(mean, None, None, num_seeds, num_items)
    (low,), (high,) = intervals(differences[None])
    seeds, items, rest = (float(square[0]) for square in mean_squares(differences[None]))
    if num_items == 1:
        return Effect(mean, float(low), float(high), num_seeds, 1, seeds, 0.0, 0.0)
    return Effect(
        mean,
        float(low),
        float(high),
        num_seeds,
        num_items,
        max(seeds - rest, 0.0) / num_items,
        max(items - rest, 0.0) / num_seeds,
        rest,
    )


def mean_squares(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the mean squares of seeds, items and rest, each (experiments,).

    Args:
        differences: float array (experiments, seeds, items), two seeds or more.
    """
    _, num_seeds, num_items = differences.shape
    of_seeds, of_items = differences.mean(2), differences.mean(1)
    rest = differences - of_seeds[:, :, None] - of_items[:, None, :] + differences.mean((1, 2))[:, None, None]
    seeds = num_items * of_seeds.var(1, ddof=1)
    if num_items == 1:
        return seeds, np.zeros_like(seeds), np.zeros_like(seeds)
    freedom = (num_seeds - 1) * (num_items - 1)
    return seeds, num_seeds * of_items.var(1, ddof=1), (rest**2).sum((1, 2)) / freedom


def intervals(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ends of the interval of `paired_effect` for many experiments, each (experiments,)."""
    _, num_seeds, num_items = differences.shape
    numerator, freedom = _numerator(*mean_squares(differences), num_seeds, num_items)
    half = _stats().t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(numerator / (num_seeds * num_items))
    mean = differences.mean((1, 2))
    return mean - half, mean + half


def _numerator(seeds, items, rest, num_seeds, num_items):
    """n m times the variance of the mean, and its degrees of freedom."""
    if num_items == 1:
        return seeds, np.full_like(seeds, num_seeds - 1)
    numerator = np.maximum(seeds + items - rest, np.maximum(seeds, items))
    parts = seeds**2 / (num_seeds - 1) + items**2 / (num_items - 1)
    parts = parts + rest**2 / ((num_seeds - 1) * (num_items - 1))
    freedom = numerator**2 / np.where(parts > 0, parts, 1)
    return numerator, np.maximum(freedom, min(num_seeds, num_items) - 1)


def verdict_of(effect: Effect, margin: float = 0.0) -> str:
    """Returns "holds" where the whole interval is above `-margin`, "reversed" where it is below, else
    "undecided"."""
    if effect.low is None or effect.high is None:
        return UNDECIDED
    if effect.low > -margin:
        return HOLDS
    return REVERSED if effect.high < -margin else UNDECIDED


def seeds_to_decide(effect: Effect, margin: float = 0.0) -> int | None:
    """Returns how many seeds in all would decide, if effect and spread were those that were measured.

    The smallest number with which a two-sided t test at 5 % would find the effect with a probability of 80 %,
    on the same number of songs or images. The spread between these stays, however many seeds there are.

    Args:
        effect: `Effect` with an interval.
        margin: float, as for `verdict_of`.

    Returns:
        int; None where 200 seeds would not do (few items, or an effect of nearly `-margin`), or with one
        seed.
    """
    shift = abs(effect.mean + margin)
    if effect.seed_variance is None or effect.item_variance is None or not shift:
        return None
    rest = effect.residual_variance or 0.0
    for num_seeds in range(2, MOST_SEEDS + 1):
        items = effect.num_items
        squares = (rest + items * effect.seed_variance, rest + num_seeds * effect.item_variance, rest)
        seeds, of_items, rest_square = (np.array([square]) for square in squares)
        numerator, freedom = _numerator(seeds, of_items, rest_square, num_seeds, items)
        error = float(np.sqrt(numerator[0] / (num_seeds * items)))
        if _power(shift, error, float(freedom[0])) >= POWER:
            return num_seeds
    return None


def _power(shift, error, freedom):
    if error == 0 or shift > 20 * error:
        return 1.0 if freedom >= 2 or error == 0 else 0.0
    stats = _stats()
    critical = stats.t.ppf((1 + LEVEL) / 2, freedom)
    return float(stats.nct.sf(critical, freedom, shift / error))


def _stats():
    return optional_package("scipy.stats", "evaluation", "Intervals of claims")
