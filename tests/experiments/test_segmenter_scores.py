"""Any segmenter's SavedModel on records: scores, label maps for a benchmark's server, what is refused."""

import fnmatch
import json
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from keras_d3.cli import main
from keras_d3.data import load_manifest
from keras_d3.evaluation import confusion_matrix
from keras_d3.experiments import images_of, score_segmenter
from keras_d3.images import CITYSCAPES, CITYSCAPES_IDS, IMAGENET_RGB, LabelSet, plain_label_set
from keras_d3.segmentation import GraphSegmenter, Segmenter, load_segmenter
from keras_d3.settings import SegmenterConfig
from tests.helpers.segmentation_configs import small_network
from tests.helpers.small_scenes import SIZE, make_street_records
from tfrecords_tools.cityscapes import list_cityscapes
from tfrecords_tools.image_writer import write_images


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return make_street_records(tmp_path_factory.mktemp("street"))


@pytest.fixture(scope="module")
def unlabeled(records, tmp_path_factory):
    """A test split as it is downloaded: images, and label maps of nothing."""
    root, out = tmp_path_factory.mktemp("test") / "root", tmp_path_factory.mktemp("test") / "records"
    city = records.parent / "scenes/leftImg8bit/val/cburg"
    for number, path in enumerate(sorted(city.iterdir())):
        name = f"berlin_{number:06d}_000019"
        for part in ("leftImg8bit", "gtFine"):
            (root / part / "test/berlin").mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / f"leftImg8bit/test/berlin/{name}_leftImg8bit.png")
        empty = Image.fromarray(np.zeros(SIZE, "uint8"))
        empty.save(root / f"gtFine/test/berlin/{name}_gtFine_labelIds.png")
    write_images(out, "Cityscapes", "gtFine", list_cityscapes(root), CITYSCAPES, num_workers=1)
    return out


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    keras.utils.set_random_seed(0)
    segmenter = Segmenter(small_network("any"), SegmenterConfig(IMAGENET_RGB, CITYSCAPES))
    return segmenter.export(tmp_path_factory.mktemp("model") / "street", check=False)


def total_confusion(model, records, changes=None):
    segmenter, total = load_segmenter(model, changes), 0
    for image in images_of(load_manifest(records), "validation"):
        total = total + confusion_matrix(image["label"], segmenter.segment(image["pixels"])[0], 19)
    return total


def test_scores_and_label_maps(model, records, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["evaluate", "--model", str(model), "--data", str(records), "--out", str(out)]
    assert main([*command, "--label-ids", "dataset", "--overlays", "1"]) == 0
    printed = capsys.readouterr().out
    assert "mean IoU" in printed and "No published scores beside these: none is known" in printed
    scores = json.loads((out / "scores/validation.json").read_text())
    assert scores["confusion_matrix"] == total_confusion(model, records).tolist()
    assert (scores["data_set"], scores["images"], scores["published"]) == ("scenes", 3, [])
    assert scores["model"]["name"] == "street" and len(scores["records_sha256"]) == 64
    assert len(list((out / "overlays/validation").iterdir())) == 1
    segmenter = load_segmenter(model)
    files = sorted(path.name for path in (out / "labels/validation").iterdir())
    for image in images_of(load_manifest(records), "validation"):
        (found,) = fnmatch.filter(files, f"{image['image_name']}*.png")  # as the official script looks
        with Image.open(out / "labels/validation" / found) as picture:
            assert picture.mode == "L"
            ids = np.asarray(picture)
        np.testing.assert_array_equal(ids, np.array(CITYSCAPES_IDS)[segmenter.segment(image["pixels"])[0]])
    assert len(files) == 3


def test_other_settings_have_a_file_of_their_own(model, records, tmp_path):
    changes = {"scales": [0.5, 1.0], "flip": True, "window": (32, 48)}
    scores, path, _, _ = score_segmenter(model, records, tmp_path, changes=changes)
    assert path.name == "validation_flip-True_scales-0.5-1.0_window-32-48.json"
    assert scores["settings"]["stride"] == [21, 32] and scores["settings"]["flip"] is True
    assert scores["confusion_matrix"] == total_confusion(model, records, changes).tolist()
    assert scores["confusion_matrix"] != total_confusion(model, records).tolist()


def test_an_interrupted_scoring_goes_on(model, records, tmp_path, monkeypatch):
    segment, segmented = GraphSegmenter.segment, []

    def interrupted(self, image):
        segmented.append(image)
        if len(segmented) == 3:
            raise KeyboardInterrupt
        return segment(self, image)

    monkeypatch.setattr(GraphSegmenter, "segment", interrupted)
    with pytest.raises(KeyboardInterrupt):
        score_segmenter(model, records, tmp_path)
    unfinished = tmp_path / "scores/validation.unfinished"
    with open(unfinished, "a") as file:
        file.write('{"image": "cut o')
    scores, _, _, _ = score_segmenter(model, records, tmp_path)
    assert len(segmented) == 4 and not unfinished.exists()
    assert scores["confusion_matrix"] == total_confusion(model, records).tolist()
    # Begun with other settings: nothing of it counts.
    unfinished.write_text(json.dumps({"model": "another"}) + "\n" + '{"image": "x", "matrix": [1]}\n')
    segmented.clear()
    segmented.extend([None] * 3)
    assert score_segmenter(model, records, tmp_path)[0] == scores and len(segmented) == 6


def test_a_split_without_labels(model, unlabeled, tmp_path, capsys):
    command = ["evaluate", "--model", str(model), "--data", str(unlabeled), "--split", "test"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert "No pixel of `test` in" in error and "there is nothing to score" in error
    assert (
        f"keras-d3 segment --model SAVED_MODEL --data {unlabeled} --split test --label-ids dataset" in error
    )
    assert not (tmp_path / "out").exists(), "said before any work"
    assert main([*command, "--out", str(tmp_path / "out"), "--label-ids", "dataset"]) == 0
    assert "so there are no scores" in capsys.readouterr().out
    names = [f"berlin_00000{number}_000019_pred_labelIds.png" for number in range(3)]
    assert sorted(path.name for path in (tmp_path / "out/labels/test").iterdir()) == names
    assert not list((tmp_path / "out/scores").iterdir())


def test_label_maps_from_records_by_segment(model, unlabeled, tmp_path, capsys):
    command = ["segment", "--model", str(model), "--data", str(unlabeled), "--out", str(tmp_path / "out")]
    assert main([*command, "--label-ids", "dataset", "--flip"]) == 0
    printed = capsys.readouterr().out
    assert "3 label maps in the ids of Cityscapes" in printed
    assert "refuse 3 of them, such as berlin_000000_000019: it has 48 x 96 pixels, not 1024 x 2048" in printed
    segmenter = load_segmenter(model, {"flip": True})
    image = next(images_of(load_manifest(unlabeled), "test"))
    with Image.open(tmp_path / "out/berlin_000000_000019_pred_labelIds.png") as picture:
        expected = np.array(CITYSCAPES_IDS)[segmenter.segment(image["pixels"])[0]]
        np.testing.assert_array_equal(np.asarray(picture), expected)
    assert len(list((tmp_path / "out").iterdir())) == 3, "one file per image"
    assert main([*command, "--label-ids", "dataset"]) == 1
    assert "_pred_labelIds.png` exists already" in capsys.readouterr().err
    assert main([*command, "--split", "train"]) == 1
    assert "`split` must be one of test" in capsys.readouterr().err
    assert main([*command[:-1], str(tmp_path / "classes")]) == 0
    assert len(list((tmp_path / "classes").iterdir())) == 6, "class numbers and overlays"


def test_images_that_the_model_was_trained_on(model, records, tmp_path):
    copy = shutil.copytree(model, tmp_path / "model")
    (copy / "assets.extra/checksums.json").unlink()
    file = copy / "assets.extra/metadata.json"
    names = [image.name for image in load_manifest(records).images("validation")]
    recipe = {"run": {"recipe": "r", "config": "c"}, "tracks": {"train": names[:1]}}
    file.write_text(json.dumps({**json.loads(file.read_text()), "recipe": recipe}))
    with pytest.raises(ValueError, match=f"Of `validation` these were, 1: {names[0]}"):
        score_segmenter(copy, records, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_other_classes_are_refused(records, tmp_path, capsys):
    for labels, message in (
        (plain_label_set(5), "the classes of the records, 19 in .*a model of 5 classes, class 0 "),
        (
            LabelSet([*map(str, range(19))], CITYSCAPES.palette),
            "a model of 19 classes, class 0 '0' instead of 'road'",
        ),
    ):
        network = small_network("any", num_classes=len(labels))
        path = tmp_path / str(len(labels))
        Segmenter(network, SegmenterConfig(IMAGENET_RGB, labels)).export(path, check=False)
        with pytest.raises(ValueError, match=message):
            score_segmenter(path, records, tmp_path / "out")
    assert main(["segment", "x.png", "--model", str(path), "--out", "o", "--label-ids", "dataset"]) == 1
    assert "`label_ids='dataset'` is known for the classes of Cityscapes" in capsys.readouterr().err
