"""Python in README and docs: it parses, and every name of this package that it uses exists."""

import ast
import importlib
import re
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = [
    pytest.param(block, id=f"{path.relative_to(ROOT)}: {number}")
    for path in sorted((ROOT / "README.md", *ROOT.glob("docs/*.md")))
    for number, block in enumerate(
        re.findall(r"(?ms)^```python\n(.*?)^```$", path.read_text(encoding="utf-8"))
    )
]


def _resolve(name):
    """Imports as much of a dotted name as is a module, and takes the rest as attributes."""
    parts = name.split(".")
    value = importlib.import_module(parts[0])
    for number, part in enumerate(parts[1:], 2):
        if not hasattr(value, part):
            importlib.import_module(".".join(parts[:number]))
        value = getattr(value, part)
    return value


@pytest.mark.parametrize("block", BLOCKS)
def test_names_exist(block):
    known = {}
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("keras_d3"):
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            known |= {alias.name: alias.name for alias in node.names if alias.name == "keras_d3"}
    for name in known.values():
        _resolve(name)
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.Attribute):
            chain = ast.unparse(node).split(".")
            if chain[0] in known and all(part.isidentifier() for part in chain):
                _resolve(".".join((known[chain[0]], *chain[1:])))


def test_blocks_are_found():
    assert len(BLOCKS) > 8


def test_a_name_that_does_not_exist_is_found():
    with pytest.raises(ModuleNotFoundError):
        test_names_exist("from keras_d3 import models\nmodels.NoSuchNetwork()")
