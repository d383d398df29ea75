"""Dilated convolutions against vectors from the authors' code of smoothed dilated convolutions.

The files hold what `dilated.py` of https://github.com/divelab/dilated returned for a 17 x 19 map,
whose sizes are no multiples of the rate: once by TensorFlow's dilated convolution, once by that
code's own decomposition into subsampled maps.
"""

from pathlib import Path

import numpy as np
import pytest

from keras_d3.layers import DilatedConv2D
from tests.helpers.layer_checks import to_numpy
from tests.helpers.layer_references import loop_conv

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


@pytest.mark.parametrize("name", ["dilated_regular_d2", "dilated_decompose_d2"])
def test_equals_the_authors_code(name):
    with np.load(GOLDEN / f"{name}.npz") as file:
        x, kernel, expected = file["x"], file["weights"], file["y"]
    assert x.shape[1:3] == (17, 19)
    layer = DilatedConv2D(kernel.shape[-1], kernel.shape[:2], 2, use_bias=False)
    layer.build(x.shape)
    layer.kernel.assign(kernel)
    np.testing.assert_allclose(to_numpy(layer(x)), expected, atol=5e-5, rtol=0)
    np.testing.assert_allclose(loop_conv(x, kernel, (2, 2), "same"), expected, atol=5e-5, rtol=0)
