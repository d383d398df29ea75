"""The command line's parser."""

import subprocess
import sys
from pathlib import Path

import pytest

from tfrecords_tools.__main__ import build_parser

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["voc", "--help"], ["midi", "--help"], ["open_corpus", "--help"]]
)
def test_help_imports_no_tensorflow(arguments):
    code = (
        "import sys\nfrom tfrecords_tools.__main__ import main\n"
        f"try:\n    main({arguments})\nfinally:\n    assert 'tensorflow' not in sys.modules"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "usage: python -m tfrecords_tools" in run.stdout


@pytest.mark.parametrize(
    "arguments, name",
    [
        (["musdb18", "--root", "data", "--out", "records"], "MUSDB18"),
        (["dsd100", "--root", "data", "--out", "records"], "DSD100"),
        (["folder", "--root", "data", "--out", "records"], None),
        (["cityscapes", "--root", "data", "--out", "records"], "Cityscapes"),
        (["voc", "--root", "data", "--out", "records", "--workers", "2"], "PASCAL VOC 2012"),
    ],
)
def test_names_of_data_sets(arguments, name):
    options = build_parser().parse_args(arguments)
    assert (options.dataset_name, options.out, options.shard_mb) == (name, "records", 150.0)
