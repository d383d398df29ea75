"""Imports go one way, packages stay importable without their neighbours, recipes stay data."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Each package may import itself and these.
ALLOWED = {
    "keras_d3.utils": set(),
    "keras_d3.layers": {"keras_d3.utils"},
    "keras_d3.blocks": {"keras_d3.utils", "keras_d3.layers"},
    "keras_d3.models": {"keras_d3.utils", "keras_d3.layers", "keras_d3.blocks"},
    "keras_d3.data": {"keras_d3.utils", "keras_d3.layers"},
    "keras_d3.convert": {"keras_d3.utils", "keras_d3.layers", "keras_d3.blocks", "keras_d3.models"},
    "keras_d3.training": {"keras_d3.utils", "keras_d3.models", "keras_d3.data"},
    "keras_d3.inference": {"keras_d3.utils", "keras_d3.layers", "keras_d3.blocks", "keras_d3.models"},
    "keras_d3.evaluation": {"keras_d3.utils"},
    "keras_d3.analysis": {"keras_d3.utils", "keras_d3.layers", "keras_d3.blocks", "keras_d3.models"},
    "keras_d3.experiments": {
        "keras_d3.utils",
        "keras_d3.models",
        "keras_d3.convert",
        "keras_d3.data",
        "keras_d3.training",
        "keras_d3.inference",
        "keras_d3.evaluation",
    },
    "tfrecords_tools": {"keras_d3.utils", "keras_d3.data"},
    "benchmarks": {
        "keras_d3.utils",
        "keras_d3.layers",
        "keras_d3.blocks",
        "keras_d3.models",
        "keras_d3.inference",
    },
}
OURS = ("keras_d3", "recipes", "tfrecords_tools", "benchmarks")
# The modules below the data flow that import TensorFlow, and the one that imports them, on that backend
# alone.
TENSORFLOW_ONLY = ("tensorflow_kernels.py", "tensorflow_normalization.py")
THEIR_IMPORTER = "backend.py"
BACKEND_FREE = (
    "keras_d3/utils",
    "keras_d3/layers",
    "keras_d3/blocks",
    "keras_d3/models",
    "keras_d3/evaluation",
)


def python_files(folder):
    return sorted((ROOT / folder).rglob("*.py"))


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def package_of(module):
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "keras_d3" else parts[0]


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_go_one_way(package):
    folder = ROOT / package.replace(".", "/")
    if not folder.is_dir():
        pytest.fail(f"{package} is listed here but does not exist")
    for path in python_files(folder):
        for module in imported_modules(path):
            # `import keras_d3` alone gives the version and nothing else.
            if module.split(".")[0] not in OURS or module == "keras_d3":
                continue
            if module == "keras_d3.__version__":
                continue
            assert package_of(module) in {package, *ALLOWED[package]}, f"{path} imports {module}"


def test_every_package_is_listed():
    folders = {f"keras_d3.{path.parent.name}" for path in (ROOT / "keras_d3").glob("*/__init__.py")}
    assert folders <= set(ALLOWED)


@pytest.mark.parametrize("folder", BACKEND_FREE)
def test_no_tensorflow_below_the_data_flow(folder):
    for path in python_files(folder):
        for module in imported_modules(path):
            if path.name not in TENSORFLOW_ONLY:
                assert module.split(".")[0] != "tensorflow", f"{path} imports tensorflow"
            if path.name not in (*TENSORFLOW_ONLY, THEIR_IMPORTER):
                names = {f"keras_d3.layers.{name.removesuffix('.py')}" for name in TENSORFLOW_ONLY}
                assert module not in names, f"{path} imports {module}"
            if folder in ("keras_d3/utils", "keras_d3/evaluation"):
                assert module.split(".")[0] != "keras", f"{path} imports keras"


def test_recipes_do_not_import_each_other():
    for folder in (path.parent for path in (ROOT / "recipes").glob("*/__init__.py")):
        for path in python_files(folder):
            for module in imported_modules(path):
                if module.startswith("recipes."):
                    assert module.split(".")[1] == folder.name, f"{path} imports {module}"
        for script in ("train.py", "evaluate.py"):
            assert len((folder / script).read_text().splitlines()) <= 30


def test_importing_the_package_imports_no_framework():
    code = "import keras_d3, sys; sys.exit(bool({'tensorflow', 'keras', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
