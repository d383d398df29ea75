"""The examples in the docstrings of layers, blocks, networks and converters run and print what they say."""

import doctest
import importlib
import pkgutil

import keras
import pytest

PACKAGES = (
    "keras_d3.ops",
    "keras_d3.layers",
    "keras_d3.blocks",
    "keras_d3.models",
    "keras_d3.presets",
    "keras_d3.convert",
    "keras_d3.analysis",
)


def examples():
    for package in PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if ".tensorflow." in module.name and keras.backend.backend() != "tensorflow":
                continue
            found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module.name))
            yield from (test for test in found if test.examples)


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.name)
def test_example(example):
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    report = []
    result = runner.run(example, out=report.append)
    assert not result.failed, "".join(report)


def test_everything_exported_by_layers_and_blocks_has_an_example():
    with_example = {example.name.rsplit(".", 1)[-1] for example in examples()}
    for package in ("keras_d3.layers", "keras_d3.blocks"):
        exported = importlib.import_module(package).__all__
        assert set(exported) <= with_example, sorted(set(exported) - with_example)
