"""`keras-d3 evaluate`: its two forms are not mixed, said before TensorFlow is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from keras_d3.cli import build_parser, main
from keras_d3.cli.options import segmenter_changes

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ["--references", "r", "--estimates", "e"]
MODEL = ["--model", "m", "--data", "d"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "give --references and --estimates, or --model and --data"),
        (["--references", "r"], "--estimates is missing"),
        (["--model", "m"], "--data is missing"),
        (["--data", "d"], "--model is missing"),
        ([*MODEL, *FOLDERS], "--references, --estimates: for scores of folders, which cannot be mixed with"),
        ([*MODEL, "--sources", "a"], "--sources: for scores of folders"),
        (
            [*FOLDERS, "--quality", "fast"],
            "--quality: for scores of a model, which cannot be mixed with those",
        ),
        (
            [*FOLDERS, "--split", "test", "--flip", "--label-ids", "dataset"],
            "--split, --flip, --label-ids: for",
        ),
        ([*FOLDERS, "--skip-trained-songs"], "--skip-trained-songs: for scores of a model"),
        ([*MODEL, "--split", "none"], "argument --split: invalid choice: 'none'"),
        ([*MODEL, "--window", "8"], "must be HEIGHTxWIDTH"),
    ],
)
def test_forms_are_not_mixed(arguments, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", "--out", "o", *arguments])
    assert stopped.value.code == 2 and message in capsys.readouterr().err


def test_a_usage_error_imports_no_framework():
    code = """
import sys
from keras_d3.cli import main
for arguments in (["evaluate", "--out", "o", "--model", "m", "--references", "r"],
                  ["segment", "--model", "m", "--out", "o"],
                  ["segment", "x.png", "--split", "test", "--model", "m", "--out", "o"]):
    try:
        main(arguments)
    except SystemExit as done:
        assert done.code == 2
sys.exit(", ".join(sorted({"tensorflow", "keras"} & set(sys.modules))) or None)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "give image files, or records with --data" in done.stderr and "files have no splits" in done.stderr


def test_no_model(tmp_path, capsys):
    assert main(["evaluate", "--out", str(tmp_path / "o"), "--model", str(tmp_path), "--data", "d"]) == 1
    assert "No SavedModel at" in capsys.readouterr().err and not (tmp_path / "o").exists()


def test_settings_of_a_segmenter():
    def changes(*arguments):
        return segmenter_changes(
            build_parser().parse_args(["segment", "x", "--model", "m", "--out", "o", *arguments])
        )

    assert changes() == {}
    assert changes("--scales", "0.5,1", "--flip") == {"scales": [0.5, 1.0], "flip": True}
    assert changes("--window", "whole", "--no-flip") == {"window": None, "flip": False}
    assert changes("--window", "8x9", "--stride", "4x3") == {"window": (8, 9), "stride": (4, 3)}
