"""The examples run from beginning to end."""

import runpy
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.slow

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_runs(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.strip()
    assert any(tmp_path.iterdir())


def test_there_are_three():
    assert [path.stem for path in EXAMPLES] == [
        "a_layer_of_your_own",
        "separate_a_song",
        "train_on_your_stems",
    ]
