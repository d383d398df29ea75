"""Networks that were saved as plain functional models, with earlier blocks, still load."""

from pathlib import Path

import keras
import numpy as np
import pytest

import keras_d3.models  # noqa: F401  (registers the layers)
from tests.helpers.layer_checks import to_numpy

FOLDER = Path(__file__).parents[1] / "golden" / "old_networks"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.keras")), ids=lambda path: path.stem)
def test_an_old_network_loads_and_computes_the_same(path):
    model = keras.models.load_model(path)
    with np.load(path.with_suffix(".npz")) as arrays:
        expected = dict(arrays)
    outputs = model(expected.pop("input"), training=False)
    outputs = outputs if isinstance(outputs, dict) else {"output": outputs}
    assert set(outputs) == set(expected)
    for name, wanted in expected.items():
        np.testing.assert_allclose(to_numpy(outputs[name]), wanted, atol=1e-5 * np.max(np.abs(wanted)))
