"""Checks of a wheel that is installed with the core and a backend alone.

A script, run by `make test-wheel` with the Python of that environment.
"""

import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("keras_d3", "recipes", "tfrecords_tools")
SUFFIXES = (".py", ".typed", ".css", ".js", ".json", ".csv")


def check_files(wheel):
    """Raises AssertionError unless the wheel holds all modules, styles, scripts, tables and `py.typed`."""
    paths = (path for folder in SHIPPED for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES)
    expected = {path.relative_to(ROOT).as_posix() for path in paths}
    assert "keras_d3/py.typed" in expected
    assert {f"keras_d3/report/{name}" for name in ("style.css", "script.js")} <= expected
    received = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert received == expected, f"missing {expected - received}, unexpected {received - expected}"


def check_core():
    """Raises AssertionError unless layers and networks work, and what needs TensorFlow names its extra."""
    assert importlib.util.find_spec("tensorflow") is None, "the environment must have the core alone"
    assert importlib.metadata.metadata("keras-d3")["License"] == "Apache-2.0"
    import keras_d3
    from keras_d3 import blocks, layers, models, ops, settings  # noqa: F401

    assert Path(keras_d3.__file__).is_relative_to(sys.prefix), "the checkout hides the installed package"
    outputs = layers.DilatedConv2D(3, kernel_size=3, dilation_rate=2, padding="same")(np.ones((1, 8, 8, 2)))
    assert outputs.shape == (1, 8, 8, 3)
    names = list(models.presets())
    assert names
    listed = subprocess.run(["keras-d3", "models"], capture_output=True, text=True, check=True).stdout
    assert all(name in listed for name in names)
    command = [sys.executable, "-m", "recipes.tables", "d3net_mss/4"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Nachmani" in printed
    try:
        _ = keras_d3.load_separator
    except ModuleNotFoundError as error:
        assert "pip install 'keras-d3[tensorflow]'" in str(error)
    else:
        raise AssertionError("separation must need the extra `tensorflow`")


if __name__ == "__main__":
    check_files(sys.argv[1])
    check_core()
    print(f"{sys.argv[1]}: {len(ZipFile(sys.argv[1]).namelist())} files, imported with the core alone")
