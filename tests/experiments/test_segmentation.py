"""From a run on images to scores, pictures and a SavedModel; initial weights; the two recipes."""

import dataclasses
import json
import re
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_d3 import models
from keras_d3.cli import evaluate_segmentation_command, train_command
from keras_d3.convert.initial_weights import InitialWeights, copy_weights
from keras_d3.data import load_manifest, validation_images
from keras_d3.evaluation import confusion_matrix, segmentation_scores
from keras_d3.experiments import export_segmentation_run, score_segmentation_run, score_segmenter
from keras_d3.models import find_preset
from keras_d3.segmentation import load_segmenter, segmenter_from_run
from keras_d3.settings import Recipe, RecipeEntry, RunConfig, Stage
from keras_d3.training import build_network, train
from keras_d3.utils import read_checked_json, sha256_of_file
from recipes.d3net_segmentation.config import RECIPE as D3NET
from recipes.smoothed_dilated.config import RECIPE as SMOOTHED
from tests.helpers.segmentation_configs import segmentation_config, small_network
from tests.helpers.small_scenes import SIZE, make_street_records
from tests.helpers.training_configs import waveform_config

RECIPES = (D3NET, SMOOTHED)
CONFIGS = [(recipe, name) for recipe in RECIPES for name in recipe.configs]


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return make_street_records(tmp_path_factory.mktemp("street"))


@pytest.fixture(scope="module")
def recipe():
    config = segmentation_config(stages=(Stage(0.05, 2, 1),), steps_per_epoch=2, selection="last")
    published = D3NET.entry("s_cityscapes").published
    return Recipe("test", "A test", "nobody", (RecipeEntry(config, "Small", published),))


@pytest.fixture(scope="module")
def run(records, recipe, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "build", small_network)
        arguments = ["--data", str(records), "--run-dir", str(path), "--config", "small"]
        assert train_command(recipe, arguments) == 0
    return path


def test_scores_are_those_of_whole_images(run, records):
    """Counted again from the network's own logits, resized by TensorFlow."""
    scores, path = score_segmentation_run(run, records)
    assert read_checked_json(path) == json.loads(json.dumps(scores))
    network = keras.saving.load_model(run / "checkpoints/last.keras", compile=False)
    manifest, config = (
        load_manifest(records),
        RunConfig.from_dict(json.loads((run / "config.json").read_text())),
    )
    total = 0
    for images, labels in validation_images(manifest, config.data):
        logits = tf.image.resize(network(images), SIZE)
        total = total + confusion_matrix(labels.numpy(), np.argmax(logits, -1), 19)
    expected = segmentation_scores(total, manifest.classes)
    assert scores["confusion_matrix"] == total.tolist()
    assert scores["mean_iou"] == expected["mean_iou"] and 0 < scores["mean_iou"] < 1
    assert (scores["split"], scores["images"], scores["seed"]) == ("validation", 3, 0)
    assert not scores["selected_on_this_split"]


def test_command_line_writes_scores_and_pictures(run, records, recipe, capsys):
    arguments = ["--data", str(records), "--run-dir", str(run), "--overlays", "1"]
    arguments += ["--flip", "--scales", "0.5,1", "--window", "32x48"]
    assert evaluate_segmentation_command(recipe, arguments) == 0
    out = capsys.readouterr().out
    assert "mean IoU" in out and "65.1" in out and "Cityscapes val; table 1" in out
    name = "validation_flip-True_scales-0.5-1.0_window-32-48.json"
    scores = json.loads((run / "scores" / name).read_text())
    assert scores["settings"] == {
        "window": [32, 48],
        "stride": [21, 32],
        "scales": [0.5, 1.0],
        "flip": True,
        "resize": "half_pixel",
    }
    pictures = list((run / "overlays/validation").iterdir())
    assert len(pictures) == 1
    with Image.open(pictures[0]) as picture:
        assert picture.size == (3 * SIZE[1], SIZE[0])
    with pytest.raises(SystemExit):
        evaluate_segmentation_command(recipe, [*arguments[:-1], "32by32"])
    assert "--window: must be HEIGHTxWIDTH, such as 512x1024. Received: '32by32'" in capsys.readouterr().err


def test_export_round_trip(run, capsys, tmp_path):
    """By `keras-d3 export`, read back by plain TensorFlow."""
    from keras_d3.cli import main

    assert main(["export", "--run-dir", str(run), "--out", str(tmp_path / "model")]) == 0
    image = np.random.default_rng(0).integers(0, 256, (41, 67, 3), dtype="uint8")
    labels, probabilities = segmenter_from_run(run).segment(image)
    outputs = tf.saved_model.load(str(tmp_path / "model")).signatures["segment"](image=tf.constant(image))
    np.testing.assert_array_equal(outputs["labels"], labels)
    np.testing.assert_allclose(outputs["probabilities"], probabilities, atol=1e-5)
    loaded = load_segmenter(tmp_path / "model")
    assert (
        loaded.classes == load_manifest_classes(run) and loaded.metadata["recipe"]["run"]["config"] == "small"
    )
    time = (tmp_path / "model/saved_model.pb").stat().st_mtime_ns
    assert export_segmentation_run(run, tmp_path / "model") == tmp_path / "model"
    assert (tmp_path / "model/saved_model.pb").stat().st_mtime_ns == time, "what is there is kept"
    metadata = tmp_path / "model/assets.extra/metadata.json"
    metadata.write_text(metadata.read_text().replace('"small"', '"other"'))
    with pytest.raises(FileExistsError, match="holds another model .test/other. than the run"):
        export_segmentation_run(run, tmp_path / "model")
    assert main(["export", "--run-dir", str(run), "--format", "onnx"]) == 1
    assert "Segmenters are exported as SavedModels alone" in capsys.readouterr().err


def test_export_with_other_settings(run, records, capsys, tmp_path):
    """They travel along, and so do the names of what was trained on."""
    from keras_d3.cli import main

    command = ["export", "--run-dir", str(run), "--out", str(tmp_path / "model")]
    settings = ["--scales", "0.5,1", "--flip", "--window", "32x48", "--stride", "16x48"]
    assert main([*command, *settings]) == 0
    changes = {"scales": [0.5, 1.0], "flip": True, "window": (32, 48), "stride": (16, 48)}
    image = np.random.default_rng(0).integers(0, 256, (41, 67, 3), dtype="uint8")
    expected = segmenter_from_run(run, changes=changes).segment(image)[1]
    loaded = load_segmenter(tmp_path / "model")
    np.testing.assert_allclose(loaded.segment(image)[1], expected, atol=1e-5)
    assert loaded.metadata["segmentation"]["stride"] == [16, 48]
    assert export_segmentation_run(run, tmp_path / "model", changes) == tmp_path / "model"
    evaluate = ["evaluate", "--model", str(tmp_path / "model"), "--data", str(records), "--split", "train"]
    assert main([*evaluate, "--out", str(tmp_path / "scores")]) == 1
    assert (
        "Images must not be scored that the run was trained on. Of `train` these" in capsys.readouterr().err
    )
    assert main([*evaluate[:-2], "--out", str(tmp_path / "scores"), "--quality", "fast"]) == 1
    assert "is a segmenter, which has no --quality. Leave them out." in capsys.readouterr().err


def test_a_model_and_its_run_have_the_same_scores(run, records, recipe, tmp_path, capsys):
    model = export_segmentation_run(run, tmp_path / "model")
    theirs, _, _, _ = score_segmenter(model, records, tmp_path / "scores")
    ours, _ = score_segmentation_run(run, records)
    assert theirs["iou"] == ours["iou"] and theirs["trained_images_known"]
    assert {name: theirs["model"][name] for name in ("recipe", "config", "seed", "commit")} == {
        "recipe": "test",
        "config": "small",
        "seed": 0,
        "commit": ours["run"]["commit"],
    }
    arguments = ["--data", str(records), "--run-dir", str(run), "--label-ids", "dataset"]
    assert evaluate_segmentation_command(recipe, arguments) == 0
    assert len(list((run / "labels/validation").glob("*_000019_pred_labelIds.png"))) == 3
    capsys.readouterr()


def load_manifest_classes(run):
    return tuple(json.loads((run / "config.json").read_text())["data"]["classes"])


def test_images_that_were_trained_on_are_refused(run, records, tmp_path):
    with pytest.raises(
        ValueError, match="must not be scored that the run was trained on. Of `train` these were, 4"
    ):
        score_segmentation_run(run, records, "train")
    other = shutil.copytree(run, tmp_path / "run")
    (other / "checkpoints/last.keras").unlink()
    with pytest.raises(FileNotFoundError, match="No checkpoint at .*last.keras"):
        segmenter_from_run(other)
    (other / "config.json").write_text(json.dumps(waveform_config().to_dict()))
    with pytest.raises(ValueError, match="must be one on images. Received: audio"):
        segmenter_from_run(other)


def test_initial_weights(run, records, recipe, tmp_path, monkeypatch, capsys):
    """An earlier run's checkpoint, without the classifier where the number of classes differs."""
    checkpoint = run / "checkpoints/last.keras"
    trained = keras.saving.load_model(checkpoint, compile=False)
    fresh = small_network("x", num_classes=5)
    drawn = fresh.get_layer("classifier").get_weights()
    assert copy_weights(trained, fresh) == ["classifier/kernel", "classifier/bias"]
    for name in ("conv", "norm"):
        for ours, theirs in zip(
            fresh.get_layer(name).get_weights(), trained.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(fresh.get_layer("classifier").kernel, drawn[0])
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)], name="other")
    with pytest.raises(ValueError, match="must have layers like those of 'other'"):
        copy_weights(trained, other)
    with pytest.raises(FileNotFoundError, match="No file of weights at `nowhere.keras`"):
        InitialWeights("nowhere.keras", "deeplab_v2_aspp")
    with pytest.raises(ValueError, match="must be a `.keras` file"):
        InitialWeights(str(run / "state.json"), "densenet_133")

    monkeypatch.setattr(models, "build", small_network)
    arguments = ["--data", str(records), "--run-dir", str(tmp_path / "run"), "--config", "small"]
    arguments += ["--set", "training.stages.0.learning_rate=1e-30"]
    with_weights = [*arguments, "--initial-weights", str(checkpoint)]
    assert train_command(recipe, [*with_weights, "--stop-after-epoch", "0"]) == 0
    assert train_command(recipe, arguments) == 1
    assert "began from `last.keras`, not from drawn weights" in capsys.readouterr().err
    assert train_command(recipe, with_weights) == 0
    begun = keras.saving.load_model(tmp_path / "run/checkpoints/last.keras", compile=False)
    np.testing.assert_array_equal(begun.get_layer("conv").kernel, trained.get_layer("conv").kernel)
    saved = json.loads((tmp_path / "run/initial_weights.json").read_text())
    assert saved["source"] == "last.keras" and len(saved["sha256"]) == 64


def test_configs_that_start_from_other_weights_ask_for_them(
    run, records, recipe, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(models, "build", small_network)
    entry = recipe.entries[0]
    config = dataclasses.replace(entry.config, pretrained=True)
    recipe = dataclasses.replace(recipe, entries=(dataclasses.replace(entry, config=config),))
    scratch, tuned = tmp_path / "scratch", tmp_path / "tuned"

    def command(run_dir, *options, data=records):
        arguments = ["--data", str(data), "--run-dir", str(run_dir), "--config", "small"]
        return train_command(recipe, [*arguments, *map(str, options)])

    # Before the records are looked for.
    assert command(scratch, data=tmp_path / "nowhere") == 1
    assert "`initial_weights` must be given for the config 'small'" in capsys.readouterr().err
    with pytest.raises(ValueError, match="`initial_weights` must be given for the config 'small'"):
        train(config, tmp_path / "nowhere", scratch)
    assert not scratch.exists()
    with pytest.raises(SystemExit):
        command(scratch, "--from-scratch", "--initial-weights", "x.keras")
    assert "not allowed with argument" in capsys.readouterr().err

    assert command(scratch, "--from-scratch", "--stop-after-epoch", 0) == 0
    assert command(scratch) == 0, "a run that has begun is not asked again"
    assert "Initial weights: from scratch" in capsys.readouterr().out
    evaluation = ["--data", str(records), "--run-dir", str(scratch)]
    assert evaluate_segmentation_command(recipe, evaluation) == 0
    out = capsys.readouterr().out
    assert "Initial weights of this run: from scratch" in out and "scores are not comparable" in out
    saved = json.loads((scratch / "scores/validation.json").read_text())["run"]["initial_weights"]
    assert saved == {"None": {"source": "from scratch", "sha256": None}}

    checkpoint = run / "checkpoints/last.keras"
    assert command(tuned, "--initial-weights", checkpoint) == 0
    evaluation[-1] = str(tuned)
    assert evaluate_segmentation_command(recipe, evaluation) == 0
    out = capsys.readouterr().out
    assert "Initial weights of this run: last.keras (SHA-256 " in out and "not comparable" not in out
    saved = json.loads((tuned / "scores/validation.json").read_text())["run"]["initial_weights"]
    assert saved == {"None": {"source": "last.keras", "sha256": sha256_of_file(checkpoint)}}


def test_which_configs_start_from_other_weights():
    needed = {(recipe.name, name) for recipe, name in CONFIGS if recipe.config(name).pretrained}
    assert needed == {
        *((D3NET.name, name) for name in ("s_pretrained", "l_pretrained", "l_ocr_pretrained", "l_for_test")),
        *((SMOOTHED.name, name) for name in SMOOTHED.configs if name.startswith(("voc_", "cityscapes_"))),
    }
    assert not any(config.tiny and config.pretrained for config in SMOOTHED.configs.values())


def test_as_printed_is_without_what_only_the_code_does():
    config = D3NET.config("s_as_printed")
    (stage,), training = config.training.stages, config.training
    assert (stage.decay, stage.final_learning_rate, stage.decay_power) == ("poly", 0.0, 0.9)
    assert (training.loss, training.l2) == ("cross_entropy", 5e-4)
    assert (config.data.distortion, config.data.max_class_fraction) == (None, None)
    with keras.StatelessScope(initialize_variables=False):
        network = build_network(config)
    decayed = {
        weight.path.split("/")[-1]
        for weight in network.trainable_weights
        if re.search(training.l2_weights, weight.path)
    }
    assert decayed == {"kernel"}
    # One normalization per layer, as equation 1 has it; the size still rounds to the printed 9.7M.
    assert sum(int(np.prod(weight.shape)) for weight in network.trainable_weights) == 9_712_411


@pytest.mark.parametrize("recipe, name", CONFIGS, ids=[f"{recipe.name}-{name}" for recipe, name in CONFIGS])
def test_configs_fit_themselves(recipe, name):
    """Network, data and segmenter of a config agree; sources are refused."""
    config = recipe.config(name)
    assert (config.recipe, config.name) == (recipe.name, name)
    assert RunConfig.from_dict(config.to_dict()) == config
    preset = find_preset(config.preset)
    assert preset.task == "segmentation" and config.model["num_classes"] == len(config.data.classes)
    assert preset.normalization == config.data.normalization
    preset.merged_arguments(tiny=config.tiny, **config.model)
    saved = config.to_dict()["segmentation"]
    assert set(saved) == {"window", "stride", "scales", "flip", "resize"}
    assert config.training.selection == "last", "the validation split is what is scored"
    with pytest.raises(ValueError, match="`sources` are for networks on audio"):
        recipe.config(name, sources=("a",))


def test_full_size_schedules_are_the_papers():
    steps = {name: sum(s.epochs for s in c.training.stages) * c.training.steps_per_epoch
             for recipe, name in CONFIGS if not (c := recipe.configs[name]).tiny}  # fmt: skip
    full_size = {name for name, config in D3NET.configs.items() if not config.tiny}
    assert {name: steps[name] for name in full_size} == {
        **dict.fromkeys(full_size, 40_000),
        **dict.fromkeys(("s_pretrained", "l_pretrained", "l_ocr_pretrained"), 80_000),
        "l_for_test": 160_000,
    }
    assert {steps[name] for name in SMOOTHED.configs if name in steps} == {20_000}
    rates = {name: config.training.stages[0].learning_rate for name, config in SMOOTHED.configs.items()}
    assert rates["voc_aspp_baseline"] == 2.5e-4 and rates["voc_largefov_group_interaction"] == 1e-3
    assert rates["voc_aspp_separable_shared_without_coco"] == 7.5e-4
    assert {rate for name, rate in rates.items() if name.startswith("cityscapes")} == {5e-4}


def test_published_scores():
    published = {entry.config.name: entry.published for entry in SMOOTHED.entries}
    scores = {name: [item.mean_iou_percent for item in items] for name, items in published.items()}
    assert scores["voc_aspp_baseline"] == [75.1, 71.7] and scores["cityscapes_aspp_group_interaction"] == [
        71.6,
        69.0,
    ]
    assert scores["voc_largefov_separable_shared"] == [75.3]
    assert scores["voc_largefov_separable_shared_without_coco"] == [71.6]
    assert [item.reference for item in published["voc_largefov_baseline"]] == ["table 3", "table 4"]
    for recipe in RECIPES:
        tiny = {name for name, config in recipe.configs.items() if config.tiny}
        full_size = {entry.config.name: entry.full_size for entry in recipe.entries if entry.full_size}
        assert set(full_size) == tiny and set(full_size.values()) <= set(recipe.configs) - tiny


def test_groups_of_weights_are_those_of_the_official_code():
    """DeepLabv2: kernels of convolutions alone are decayed; classifiers learn 10 and 20 times faster."""
    from keras_d3.training.optimizers import make_optimizer

    training = SMOOTHED.config("voc_aspp_separable_shared").training
    network = build_network(SMOOTHED.config("tiny_separable_shared"))
    optimizer = make_optimizer(training)
    groups = {}
    for weight in network.trainable_variables:
        kind = weight.path.split("/")[-1]
        part = "classifier" if weight.path.startswith("classifier") else "encoder"
        groups.setdefault((part, kind), set()).add(
            (optimizer.l2_of(weight.path), optimizer.factor_of(weight.path))
        )
    expected = {
        ("encoder", "kernel"): {(5e-4, 1.0)},
        ("encoder", "smoothing_kernel"): {(0.0, 1.0)},
        ("encoder", "gamma"): {(0.0, 1.0)},
        ("encoder", "beta"): {(0.0, 1.0)},
        ("classifier", "kernel"): {(5e-4, 10.0)},
        ("classifier", "bias"): {(0.0, 20.0)},
    }
    assert groups == expected
    optimizer.build(network.trainable_variables)  # every expression is found
    everything = D3NET.config("s_cityscapes").training
    assert (
        everything.l2 == 5e-4 and everything.l2_weights is None and not everything.learning_rate_multipliers
    )
