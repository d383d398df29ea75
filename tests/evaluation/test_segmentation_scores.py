"""IoU against loops over sets of pixels, and against numbers of the official Cityscapes script."""

import json
from pathlib import Path

import numpy as np
import pytest

from keras_d3.evaluation import confusion_matrix, format_iou_table, segmentation_scores
from keras_d3.images.label_sets import CITYSCAPES

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def test_against_sets_of_pixels():
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, 4, (3, 9, 11)), rng.integers(0, 5, (3, 9, 11))
    labels[rng.random(labels.shape) < 0.2] = 255
    total = sum(confusion_matrix(true, found, 6) for true, found in zip(labels, predictions, strict=True))
    scores = segmentation_scores(total, "abcdef")
    expected = {}
    for number, name in enumerate("abcdef"):
        true = {place for place in np.ndindex(labels.shape) if labels[place] == number}
        found = {
            place
            for place in np.ndindex(labels.shape)
            if predictions[place] == number and labels[place] != 255
        }
        expected[name] = len(true & found) / len(true | found) if true | found else None
    assert scores["iou"] == expected
    # e is predicted and never there: 0. f is nowhere: left out.
    assert scores["iou"]["e"] == 0 and scores["iou"]["f"] is None and scores["classes_scored"] == 5
    assert scores["mean_iou"] == pytest.approx(sum(expected[name] for name in "abcde") / 5)
    assert sum(scores["pixels"].values()) == (labels != 255).sum()
    assert scores["pixel_accuracy"] == pytest.approx((labels == predictions).sum() / (labels != 255).sum())


def assert_official(labels, predictions, official):
    """Our scores of label maps in the data set's ids, and what the script says."""
    from tfrecords_tools.label_maps import CITYSCAPES_IDS

    table = np.full(256, 255, "uint8")
    table[list(CITYSCAPES_IDS)] = range(19)
    total = sum(confusion_matrix(*pair, 19) for pair in zip(table[labels], predictions, strict=True))
    scores = segmentation_scores(total, list(official["iou"]))
    assert scores["mean_iou"] == pytest.approx(official["mean_iou"], abs=1e-12)
    for name, iou in official["iou"].items():
        assert scores["iou"][name] == (None if iou is None else pytest.approx(iou, abs=1e-12))


def test_equals_the_official_cityscapes_script():
    """Numbers by `tests/golden/make_cityscapes_scores.py`, for cases with absent and invented classes."""
    expected = json.loads((GOLDEN / "cityscapes_scores.json").read_text())
    maps = np.load(GOLDEN / "cityscapes_scores.npz")
    assert tuple(expected["classes"]) == CITYSCAPES.names
    for case, official in expected["cases"].items():
        assert_official(maps[f"{case}_labels"], maps[f"{case}_predictions"], official)
    few = expected["cases"]["few"]["iou"].values()
    assert None in few and 0.0 in few


@pytest.mark.large
def test_the_script_itself(tmp_path):
    """On other label maps, with the package `cityscapesscripts` where it is installed."""
    pytest.importorskip("cityscapesscripts")
    from tests.golden.make_cityscapes_scores import cases, official_scores

    for case, (labels, predictions) in cases(seed=99).items():
        assert_official(labels, predictions, official_scores(labels, predictions, tmp_path / case))


def test_nothing_to_score():
    scores = segmentation_scores(np.zeros((2, 2), int), ("a", "b"))
    assert scores["mean_iou"] is None and scores["pixel_accuracy"] is None
    assert json.dumps(scores)


def test_table():
    scores = segmentation_scores([[3, 1], [0, 0]], ("road", "sky"))
    assert format_iou_table(scores, [("paper", 65.1)]).splitlines() == [
        "           this run            paper",
        "mean IoU       37.5             65.1",
        "road           75.0",
        "sky             0.0",
    ]


def test_refusals():
    with pytest.raises(ValueError, match=r"one shape. Received: labels \(2,\), predictions \(3,\)"):
        confusion_matrix(np.zeros(2, int), np.zeros(3, int), 2)
    with pytest.raises(ValueError, match="`predictions` must be 0 to 1. Received: 2 to 2"):
        confusion_matrix(np.zeros(1, int), np.array([2]), 2)
    with pytest.raises(ValueError, match="`labels` must be 0 to 1. Received: -1 to 0"):
        confusion_matrix(np.array([0, -1]), np.array([1, 1]), 2)
    with pytest.raises(ValueError, match="a row and a column per class"):
        segmentation_scores(np.zeros((2, 2)), ("a",))
