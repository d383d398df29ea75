"""Segmentation networks side by side, with networks that train in seconds."""

import dataclasses
import json

import pytest

from keras_d3 import models
from keras_d3.cli import compare_command
from keras_d3.settings import PublishedMeanIoU, Recipe, RecipeEntry, Stage
from tests.helpers.segmentation_configs import segmentation_config, small_network
from tests.helpers.small_scenes import make_street_records

pytestmark = pytest.mark.slow

EVIL = "<b>Second</b>"


@pytest.fixture(scope="module")
def recipe():
    first = segmentation_config(stages=(Stage(0.05, 2, 1),), steps_per_epoch=2, selection="last")
    second = dataclasses.replace(first, name="second")
    published = (PublishedMeanIoU("paper", 65.1, "Cityscapes val", "table 1"),)
    return Recipe(
        "test",
        "A test",
        "nobody",
        (RecipeEntry(first, "First", published), RecipeEntry(second, EVIL)),
        comparisons={"tiny": (first.name, "second")},
    )


@pytest.fixture(scope="module")
def compared(recipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    records, out = make_street_records(folder), folder / "out"
    command = ["--data", str(records), "--out", str(out), "--images", "2"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "build", small_network)
        assert compare_command([recipe], command) == 0
    return records, out, command


def test_the_report_holds_networks_classes_and_pictures(compared):
    _, out, _ = compared
    page, markdown = (out / "report.html").read_text(), (out / "report.md").read_text()
    # Image, labels and two networks for each of two images.
    assert page.count("data:image/png;base64,") == 2 * 4
    assert EVIL not in page and "&lt;b&gt;Second" in page and "<b>" not in markdown
    for text in ("65.1", "Cityscapes val; table 1", "traffic light", "from scratch", "3 validation images"):
        assert text in page and text in markdown
    figures = json.loads((out / "report.json").read_text())["models"]
    for model in figures.values():
        assert model["secs_per_image"] > 0 and model["memory_bytes"] > 1e8 and model["parameters"] > 0
        assert 0 < model["mean_iou"] < 1 and len(model["iou"]) == 19
    assert figures["First"]["published"][0]["mean_iou_percent"] == 65.1


def test_scores_are_those_of_the_score_files(compared):
    _, out, _ = compared
    figures = json.loads((out / "report.json").read_text())["models"]
    saved = json.loads((out / "runs/test/second/scores/validation.json").read_text())
    assert figures[EVIL]["mean_iou"] == saved["mean_iou"] and figures[EVIL]["iou"] == saved["iou"]


def test_run_again_it_keeps_everything(compared, recipe):
    _, out, command = compared
    files = [path for path in out.rglob("*") if path.is_file() and path.parent != out]
    before = {path: path.stat().st_mtime_ns for path in files}
    assert compare_command([recipe], command) == 0
    assert [path for path in files if path.stat().st_mtime_ns != before[path]] == []


def test_runs_that_exist_get_a_report_of_their_own(compared, recipe, tmp_path, capsys):
    records, out, _ = compared
    runs = [str(out / "runs/test" / name) for name in ("second",)]
    command = ["--data", str(records), "--out", str(tmp_path / "other"), "--runs", *runs, "--images", "0"]
    assert compare_command([recipe], command) == 0
    assert "Images</h2>" not in (tmp_path / "other/report.html").read_text()
    command[3] = str(out)
    assert compare_command([recipe], command) == 1
    assert "holds the report of First" in capsys.readouterr().err
