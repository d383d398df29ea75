"""Packages that load their modules on demand: which need no framework, and what they say without one."""

import subprocess
import sys
from pathlib import Path

import pytest

from keras_d3.utils import names_on_demand

ROOT = Path(__file__).resolve().parents[2]


def run(code):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "names",
    [
        (
            "separation",
            "read_separator_metadata",
            "SongBatch",
            "check_song",
            "choose_runtime",
            "separate_song",
        ),
        ("export", "read_metadata", "load_networks", "ONNXNetwork", "OpenVINONetwork"),
        ("presets", "listed_presets"),
    ],
)
def test_what_needs_no_framework(names):
    package, *wanted = names
    done = run(
        f"import sys\nfrom keras_d3.{package} import {', '.join(wanted)}\n"
        "sys.exit(', '.join(sorted({'tensorflow', 'keras'} & set(sys.modules))) or None)"
    )
    assert done.returncode == 0, done.stderr


def test_a_missing_framework_is_named_with_its_extra():
    done = run(
        "import sys\nsys.modules['tensorflow'] = None\nimport keras_d3\n"
        "keras_d3.separation.read_separator_metadata\nkeras_d3.load_separator"
    )
    assert "This part of keras_d3 needs the package `tensorflow`" in done.stderr
    assert "pip install 'keras-d3[tensorflow]'" in done.stderr


def test_every_name_of_the_faces_is_there():
    pytest.importorskip("tensorflow")
    from keras_d3 import export, segmentation, separation

    for package in (export, segmentation, separation):
        for name in package.__all__:
            assert getattr(package, name) is not None
        with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'nothing'"):
            names_on_demand(package.__name__)("nothing")
