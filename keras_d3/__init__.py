"""Dilated, multidilated and smoothed dilated networks for Keras 3.

The parts load when they are first used, so importing this package has no
side effects::

    import keras_d3

    conv = keras_d3.layers.DilatedConv2D(16, kernel_size=3, dilation_rate=2)
    separator = keras_d3.load_separator("d3net-music")    # after `keras-d3 pull d3net-music`
"""

import importlib

__version__ = "0.2.0"

_PARTS = (
    "analysis",
    "blocks",
    "claims",
    "convert",
    "data",
    "evaluation",
    "export",
    "layers",
    "models",
    "ops",
    "paper_tables",
    "presets",
    "pretrained",
    "report",
    "runs",
    "segmentation",
    "separation",
    "settings",
    "training",
)
_LOADERS = {"load_segmenter": "segmentation", "load_separator": "separation"}

__all__ = [*_PARTS, *_LOADERS]


def __getattr__(name):
    if name in _PARTS:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _LOADERS:
        return getattr(importlib.import_module(f"{__name__}.{_LOADERS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
