"""Imports go one way, packages stay importable without their neighbors, recipes stay data."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import keras_d3

ROOT = Path(__file__).resolve().parents[1]

# Each package may import itself, the packages of the same list that stand before it, and no others.
FOUNDATION = ("keras_d3.utils", "keras_d3.audio", "keras_d3.images", "keras_d3.settings")
NETWORKS = ("keras_d3.ops", "keras_d3.layers", "keras_d3.blocks", "keras_d3.models")
ALLOWED = {
    "keras_d3.utils": (),
    "keras_d3.audio": ("keras_d3.utils",),
    "keras_d3.images": ("keras_d3.utils",),
    "keras_d3.settings": ("keras_d3.utils", "keras_d3.audio", "keras_d3.images"),
    "keras_d3.ops": ("keras_d3.utils",),
    "keras_d3.layers": ("keras_d3.utils", "keras_d3.ops"),
    "keras_d3.blocks": ("keras_d3.utils", "keras_d3.ops", "keras_d3.layers"),
    "keras_d3.presets": ("keras_d3.utils", "keras_d3.images"),
    "keras_d3.models": (
        *FOUNDATION,
        "keras_d3.ops",
        "keras_d3.layers",
        "keras_d3.blocks",
        "keras_d3.presets",
    ),
    "keras_d3.pretrained": ("keras_d3.utils", "keras_d3.settings"),
    "keras_d3.data": (*FOUNDATION, "keras_d3.ops", "keras_d3.layers"),
    "keras_d3.runs": (*FOUNDATION, "keras_d3.models", "keras_d3.evaluation"),
    "keras_d3.training": (*FOUNDATION, "keras_d3.ops", "keras_d3.models", "keras_d3.data", "keras_d3.runs"),
    "keras_d3.export": (*FOUNDATION, *NETWORKS),
    "keras_d3.separation": (
        *FOUNDATION,
        *NETWORKS,
        "keras_d3.runs",
        "keras_d3.export",
        "keras_d3.pretrained",
    ),
    "keras_d3.segmentation": (
        *FOUNDATION,
        *NETWORKS,
        "keras_d3.runs",
        "keras_d3.export",
        "keras_d3.pretrained",
    ),
    "keras_d3.convert": (
        *FOUNDATION,
        *NETWORKS,
        "keras_d3.pretrained",
        "keras_d3.separation",
        "keras_d3.segmentation",
    ),
    "keras_d3.evaluation": FOUNDATION,
    "keras_d3.report": (*FOUNDATION, "keras_d3.evaluation"),
    "keras_d3.claims": (*FOUNDATION, "keras_d3.evaluation", "keras_d3.report"),
    "keras_d3.paper_tables": (*FOUNDATION, "keras_d3.runs", "keras_d3.evaluation", "keras_d3.report"),
    "keras_d3.analysis": (*FOUNDATION, *NETWORKS),
    "keras_d3.experiments": (
        *FOUNDATION,
        "keras_d3.analysis",
        "keras_d3.models",
        "keras_d3.data",
        "keras_d3.runs",
        "keras_d3.training",
        "keras_d3.export",
        "keras_d3.separation",
        "keras_d3.segmentation",
        "keras_d3.convert",
        "keras_d3.evaluation",
        "keras_d3.report",
        "keras_d3.claims",
        "keras_d3.paper_tables",
    ),
    "keras_d3.cli": (
        *FOUNDATION,
        *NETWORKS,
        "keras_d3.presets",
        "keras_d3.data",
        "keras_d3.runs",
        "keras_d3.training",
        "keras_d3.export",
        "keras_d3.pretrained",
        "keras_d3.separation",
        "keras_d3.segmentation",
        "keras_d3.convert",
        "keras_d3.evaluation",
        "keras_d3.report",
        "keras_d3.claims",
        "keras_d3.paper_tables",
        "keras_d3.analysis",
        "keras_d3.experiments",
    ),
    "tfrecords_tools": (*FOUNDATION, "keras_d3.data"),
    "recipes": (*FOUNDATION, "keras_d3.experiments", "keras_d3.cli", "tfrecords_tools"),
    "benchmarks": (
        *FOUNDATION,
        *NETWORKS,
        "keras_d3.analysis",
        "keras_d3.data",
        "keras_d3.export",
        "keras_d3.separation",
        "keras_d3.evaluation",
        "tfrecords_tools",
    ),
}
OURS = ("keras_d3", "recipes", "tfrecords_tools", "benchmarks")
# The one folder below the data flow that imports TensorFlow, and the module that imports it, on that backend
# alone.
TENSORFLOW_ONLY = "keras_d3/ops/tensorflow"
THEIR_IMPORTER = "keras_d3/ops/backend.py"
# Packages without TensorFlow, and those of them without Keras.
WITHOUT_NETWORKS = (
    "keras_d3.presets",
    "keras_d3.pretrained",
    "keras_d3.evaluation",
    "keras_d3.report",
    "keras_d3.claims",
)
BACKEND_FREE = (*FOUNDATION, *NETWORKS, *WITHOUT_NETWORKS)
KERAS_FREE = (*FOUNDATION, *WITHOUT_NETWORKS)
# Packages that import where the core is installed alone, and what else they import: h5py comes with Keras.
CORE = {
    **dict.fromkeys((*BACKEND_FREE, "keras_d3.runs", "keras_d3.paper_tables", "keras_d3.analysis"), ()),
    "keras_d3.convert": ("h5py",),
}


def python_files(folder):
    return sorted((ROOT / folder).rglob("*.py"))


def imported_modules(path, top_level=False):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level else ast.walk(tree):
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


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_between_packages_go_through_their_faces(package):
    for path in python_files(package.replace(".", "/")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or node.module.split(".")[0] != "keras_d3":
                continue
            other = package_of(node.module)
            if node.module == "keras_d3" or other == package:
                continue
            assert node.module == other, f"{path} imports from {node.module}, not from {other}"
            modules = {file.stem for file in (ROOT / other.replace(".", "/")).glob("*.py")}
            hidden = modules & {alias.name for alias in node.names}
            assert not hidden, f"{path} imports the modules {sorted(hidden)} of {other}"


@pytest.mark.parametrize("package", ALLOWED)
def test_no_name_of_a_face_hides_a_module(package):
    folder = ROOT / package.replace(".", "/")
    names = set()
    for node in ast.walk(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    modules = {path.stem for path in folder.glob("*.py")} | {
        path.parent.name for path in folder.glob("*/__init__.py")
    }
    assert not names & modules


@pytest.mark.parametrize("package", BACKEND_FREE)
def test_no_tensorflow_below_the_data_flow(package):
    for path in python_files(package.replace(".", "/")):
        name = path.relative_to(ROOT).as_posix()
        for module in imported_modules(path):
            if not name.startswith(TENSORFLOW_ONLY):
                assert module.split(".")[0] != "tensorflow", f"{path} imports tensorflow"
                if name != THEIR_IMPORTER:
                    assert not module.startswith("keras_d3.ops.tensorflow."), f"{path} imports {module}"
            if package in KERAS_FREE:
                assert module.split(".")[0] != "keras", f"{path} imports keras"


@pytest.mark.parametrize("package", CORE)
def test_the_core_imports_keras_and_numpy_alone(package):
    for path in python_files(package.replace(".", "/")):
        if not path.relative_to(ROOT).as_posix().startswith(TENSORFLOW_ONLY):
            others = {module.split(".")[0] for module in imported_modules(path, top_level=True)}
            others -= {*sys.stdlib_module_names, "keras", "keras_d3", "numpy", *CORE[package]}
            assert not others, f"{path} imports {others}"


def test_no_package_has_more_files_than_one_keeps_in_mind():
    for folder in {path.parent for path in (ROOT / "keras_d3").rglob("*.py")}:
        assert len(list(folder.glob("*.py"))) <= 20, folder


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


def test_the_package_shows_its_parts_and_the_two_loaders():
    internal = {"audio", "cli", "experiments", "images", "utils"}
    parts = {path.parent.name for path in (ROOT / "keras_d3").glob("*/__init__.py")} - internal
    assert set(keras_d3.__all__) == {*parts, "load_segmenter", "load_separator"}
    assert set(keras_d3.__all__) <= set(dir(keras_d3))
    for part in parts:
        assert getattr(keras_d3, part).__name__ == f"keras_d3.{part}"
    assert keras_d3.load_segmenter is keras_d3.segmentation.load_segmenter
    assert keras_d3.load_separator is keras_d3.separation.load_separator
    with pytest.raises(AttributeError, match="'keras_d3' has no attribute 'networks'"):
        _ = keras_d3.networks
