"""Intervals on made-up scores with known truth, special cases by hand, power."""

import numpy as np
import pytest
from scipy import stats

from keras_d3.claims import paired_effect, seeds_to_decide, verdict_of
from keras_d3.claims.statistics import intervals, mean_squares


@pytest.mark.parametrize("num_seeds, num_items", [(3, 8), (3, 24), (5, 16), (7, 24), (12, 8), (12, 24)])
@pytest.mark.parametrize(
    "spreads",
    [(0.23, 0.25, 0.3), (0.23, 0.0, 0.3), (0.5, 0.1, 0.1), (0.05, 0.3, 0.2)],
    ids=["both", "seeds", "mostly seeds", "mostly songs"],
)
def test_the_interval_holds_the_truth_as_often_as_it_says(num_seeds, num_items, spreads):
    """dB as in the pilot: seeds, songs, and what is left."""
    rng, count, truth = np.random.default_rng(num_seeds * num_items), 4000, 0.3
    seeds, items, rest = (
        spread * rng.standard_normal(shape)
        for spread, shape in zip(
            spreads,
            [(count, num_seeds, 1), (count, 1, num_items), (count, num_seeds, num_items)],
            strict=True,
        )
    )
    low, high = intervals(truth + seeds + items + rest)
    coverage = np.mean((low <= truth) & (truth <= high))
    assert 0.93 <= coverage <= 0.98


def test_an_interval_over_seeds_alone_is_too_narrow_for_other_songs():
    """Why songs are a factor, too: averaged over songs first, the truth is missed far more often."""
    rng = np.random.default_rng(0)
    differences = 0.05 * rng.standard_normal((2000, 7, 1)) + 0.3 * rng.standard_normal((2000, 1, 16))
    means = differences.mean(2)
    half = stats.t.ppf(0.975, 6) * means.std(1, ddof=1) / np.sqrt(7)
    low, high = intervals(differences)
    assert np.mean(np.abs(means.mean(1)) <= half) < 0.6
    assert 0.93 <= np.mean((low <= 0) & (high >= 0)) <= 0.98


def test_one_item_is_the_paired_t_test_over_seeds():
    values = np.array([0.3, 0.5, 0.1, 0.4])
    effect = paired_effect(values[:, None])
    wanted = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    np.testing.assert_allclose((effect.low, effect.high), (wanted.low, wanted.high), rtol=1e-12)
    np.testing.assert_allclose(effect.seed_variance, values.var(ddof=1))


def test_mean_squares_by_loops():
    differences = np.random.default_rng(3).standard_normal((1, 4, 5))
    (found,) = np.stack(mean_squares(differences), axis=1)
    (data,) = differences
    grand = data.mean()
    seeds = sum(5 * (row.mean() - grand) ** 2 for row in data) / 3
    items = sum(4 * (column.mean() - grand) ** 2 for column in data.T) / 4
    rest = 0.0
    for row in data:
        for place, value in enumerate(row):
            rest += (value - row.mean() - data[:, place].mean() + grand) ** 2
    np.testing.assert_allclose(found, (seeds, items, rest / 12))


def test_variance_components_are_those_that_were_put_in():
    rng = np.random.default_rng(1)
    data = (
        0.5 * rng.standard_normal((400, 1))
        + 0.3 * rng.standard_normal((1, 400))
        + 0.2 * rng.standard_normal((400, 400))
    )
    effect = paired_effect(data)
    found = np.sqrt([effect.seed_variance, effect.item_variance, effect.residual_variance])
    np.testing.assert_allclose(found, (0.5, 0.3, 0.2), rtol=0.1)


def test_one_seed_has_no_interval():
    effect = paired_effect([[1.0, 2.0, 3.0]])
    assert (effect.mean, effect.low, effect.high, effect.num_seeds) == (2.0, None, None, 1)
    assert verdict_of(effect) == "undecided" and seeds_to_decide(effect) is None


def test_verdicts_and_margins():
    effect = paired_effect([[0.3], [0.4], [0.35]])
    assert verdict_of(effect) == "holds"
    assert verdict_of(paired_effect([[-0.3], [-0.4], [-0.35]])) == "reversed"
    assert verdict_of(paired_effect([[-0.3], [0.4], [0.1]])) == "undecided"
    # At least 1 is asked for.
    assert verdict_of(effect, margin=-1.0) == "reversed"
    # Worse by 0.05 at most is no loss where 0.2 are allowed.
    assert verdict_of(paired_effect([[-0.05], [-0.06], [-0.04]]), margin=0.2) == "holds"


def test_equal_differences_decide_at_once():
    effect = paired_effect(np.full((3, 4), 0.2))
    assert (effect.low, effect.high) == pytest.approx((0.2, 0.2))
    assert verdict_of(effect) == "holds"


@pytest.mark.parametrize("shift, spread, wanted", [(0.3, 0.23, 7), (0.3, 0.32, 12), (0.5, 0.23, 4)])
def test_seeds_that_decide_are_those_of_the_t_test(shift, spread, wanted):
    """By textbook tables of the paired t test with one item (two-sided 5 %, power 80 %)."""
    noise = np.array([-1.0, 0.0, 1.0])
    effect = paired_effect((shift + spread * noise / noise.std(ddof=1))[:, None])
    assert abs(seeds_to_decide(effect) - wanted) <= 1


def test_the_spread_between_songs_can_make_every_number_of_seeds_too_small():
    songs = np.linspace(-1, 1, 8)
    noise = np.array([[0.01], [-0.01], [0.0]])
    assert seeds_to_decide(paired_effect(0.05 + songs + noise)) is None
    assert seeds_to_decide(paired_effect(np.zeros((3, 4)))) is None
