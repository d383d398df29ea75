"""The official smoothed dilated convolutions, rebuilt from their own variables."""

from pathlib import Path

import numpy as np
import pytest

from keras_d3.convert import smoothed_dilated_from_official
from tests.helpers.layer_checks import to_numpy
from tests.helpers.layer_references import random

GOLDEN = Path(__file__).parents[1] / "golden"
FILES = {"group_interaction": "GI", "separable_shared_convolution": "SSC"}


@pytest.mark.parametrize("smoothing", FILES)
@pytest.mark.parametrize("rate", [2, 4])
def test_equals_the_official_code(smoothing, rate):
    with np.load(GOLDEN / f"dilated_smooth_{FILES[smoothing]}_d{rate}.npz") as golden:
        x, y, weights, fix_w = (golden[name] for name in ("x", "y", "weights", "fix_w"))
    layer = smoothed_dilated_from_official(weights, fix_w, None, rate, smoothing)
    np.testing.assert_allclose(to_numpy(layer(x)), y, atol=5e-5, rtol=0)
    # 17 x 19 values are a multiple of neither rate: only the official padding gives these numbers.
    if smoothing == "group_interaction":
        layer.padding_leak = "masked"
        assert np.abs(to_numpy(layer(x)) - y).max() > 1


def official_loop(groups, fix_w):
    """What the official code's loop computes from the list of groups."""
    mixed = []
    for i, group in enumerate(groups):
        total = fix_w[0, i] * group
        for j in range(1, len(groups)):
            total = total + fix_w[j, i] * groups[j]
        mixed.append(total)
    return mixed


def test_matrix_is_the_one_of_the_official_loop():
    fix_w, groups = random(9, 9), list(random(9, 5, seed=1))
    layer = smoothed_dilated_from_official(np.ones((1, 1, 1, 1)), fix_w, None, 3, "group_interaction")
    np.testing.assert_allclose(
        to_numpy(layer.smoothing_kernel) @ np.stack(groups), np.stack(official_loop(groups, fix_w)), atol=1e-5
    )


def test_bias_is_added_after_the_smoothing():
    weights, biases = np.zeros((3, 3, 2, 4)), np.arange(4.0)
    for smoothing, fix_w in (
        ("group_interaction", random(4, 4)),
        ("separable_shared_convolution", random(3, 3)),
    ):
        layer = smoothed_dilated_from_official(weights, fix_w, biases, 2, smoothing)
        outputs = to_numpy(layer(np.ones((1, 5, 5, 2), "float32")))
        np.testing.assert_array_equal(outputs, np.broadcast_to(biases, outputs.shape))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"weights": np.ones((3, 1, 1))}, r"`weights` must have the axes .*shape=\(3, 1, 1\)"),
        ({"fix_w": np.eye(2)}, r"`fix_w` must have the shape \(dilation_rate\*\*2.*shape=\(2, 2\)"),
        (
            {"fix_w": np.eye(4), "smoothing": "separable_shared_convolution"},
            r"`fix_w` must have the shape \(2 \* dilation_rate - 1.*shape=\(4, 4\), dilation_rate=2",
        ),
        ({"biases": np.ones(3)}, r"`biases` must have one value per filter, or be None.*shape=\(3,\)"),
        ({"smoothing": "GI"}, r"`smoothing` must be one of 'group_interaction'"),
        ({"dilation_rate": 0}, r"`dilation_rate` must be an integer of at least 1"),
    ],
)
def test_errors(arguments, message):
    valid = {
        "weights": np.ones((3, 3, 1, 2)),
        "fix_w": np.eye(4),
        "biases": None,
        "dilation_rate": 2,
        "smoothing": "group_interaction",
    }
    with pytest.raises(ValueError, match=message):
        smoothed_dilated_from_official(**{**valid, **arguments})
