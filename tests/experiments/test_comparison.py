"""Which runs a comparison holds, which records each of them takes, and what it would cost."""

import dataclasses
import json
import types

import numpy as np
import pytest

from keras_d3.cli import compare_command
from keras_d3.experiments import (
    choose_records,
    compare,
    comparison_plan,
    load_records,
    parallel_training,
    plan_runs,
    plan_table,
    runs_of_directories,
    runs_of_set,
)
from keras_d3.experiments.parallel_training import train_side_by_side
from keras_d3.report import table_as_text
from keras_d3.runs import Run, TrainingState
from keras_d3.separation import load_separator
from keras_d3.settings import Recipe, RecipeEntry, Stage, TrainingConfig
from keras_d3.training import train
from recipes.d3net_segmentation.config import RECIPE as SEGMENTATION
from tests.helpers.small_records import SAMPLE_RATE_HZ, make_records
from tests.helpers.small_scenes import make_street_records
from tests.helpers.training_configs import spectrogram_config, waveform_config

HALF_RATE_HZ = SAMPLE_RATE_HZ // 2
BRIEF = TrainingConfig(stages=(Stage(3e-3, 4, 2),), steps_per_epoch=3)


def recipe_of(*configs):
    return Recipe(
        name="test",
        title="A test",
        citation="nobody",
        entries=tuple(RecipeEntry(config, config.name.title()) for config in configs),
        comparisons={"tiny": tuple(config.name for config in configs)},
    )


def config_of(name, rate_hz=SAMPLE_RATE_HZ, **training):
    config = dataclasses.replace(waveform_config(), name=name)
    return config.changed(
        {"data.sample_rate_hz": rate_hz, "training": dataclasses.replace(BRIEF, **training)}
    )


FULL, HALF = config_of("full"), config_of("half", HALF_RATE_HZ)
LAST = config_of("last", selection="last")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Records at both rates with the same test songs, and records without a validation split."""
    root = tmp_path_factory.mktemp("records")
    full = make_records(root / "full")
    half = make_records(root / "half", sample_rate_hz=HALF_RATE_HZ)
    without = make_records(root / "without", num_validation=0)
    return {"full": str(full), "half": str(half), "without": str(without)}


def chosen(configs, data):
    runs = runs_of_set([recipe_of(*configs)], "tiny", "out")
    records = choose_records(runs, load_records(data))
    return {run.config.name: records[run.title].directory for run in runs}


def test_every_config_takes_records_of_its_rate(folders):
    found = chosen([FULL, HALF], [f"{SAMPLE_RATE_HZ}={folders['full']}", folders["half"]])
    assert found == {"full": folders["full"], "half": folders["half"]}


def test_configs_that_keep_the_last_weights_train_on_all_songs(folders):
    found = chosen([FULL, LAST], [folders["full"], folders["without"]])
    assert found == {"full": folders["full"], "last": folders["without"]}
    # Without such records it takes those there are.
    assert chosen([LAST], [folders["full"]]) == {"last": folders["full"]}


@pytest.mark.parametrize(
    "configs, data, message",
    [
        ([FULL], ["half"], f"records of audio at {SAMPLE_RATE_HZ} Hz.*`sample_rate_hz` must be"),
        ([FULL], ["without"], "hold no validation split"),
        ([FULL, HALF], [f"{HALF_RATE_HZ}=full"], f"which holds {SAMPLE_RATE_HZ} Hz"),
        ([FULL], ["full", "full"], "must be different directories"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_first_step(configs, data, message, folders, tmp_path):
    recipe = recipe_of(*configs)
    runs = runs_of_set([recipe], "tiny", tmp_path / "out")
    paths = ["=".join([*item.split("=")[:-1], folders[item.split("=")[-1]]]) for item in data]
    with pytest.raises(ValueError, match=message):
        compare(runs, paths, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_records_that_both_fit_are_refused(folders, tmp_path):
    other = make_records(tmp_path)
    with pytest.raises(ValueError, match="which all fit. Leave out all but one"):
        chosen([FULL], [folders["full"], str(other)])


def test_different_test_splits_are_refused(folders, tmp_path):
    other = make_records(tmp_path, sample_rate_hz=HALF_RATE_HZ, test_sample_rate_hz=HALF_RATE_HZ)
    with pytest.raises(ValueError, match="must have the same test split.*differ in sample rate"):
        chosen([FULL, HALF], [folders["full"], str(other)])


def test_songs_that_would_be_trained_on_are_refused(folders, tmp_path):
    records = make_records(tmp_path)
    manifest = json.loads((records / "manifest.json").read_text())
    del manifest["checksum"]
    manifest["splits"]["train"]["tracks"][0]["name"] = "017 - TEST song 0"
    (records / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="hold in their test split what is trained on, 1: test song 0"):
        chosen([FULL], [str(records)])


def test_seeds_and_overrides(tmp_path):
    recipe = recipe_of(FULL, LAST)
    runs = runs_of_set([recipe], "tiny", tmp_path, ["training.steps_per_epoch=7"], [0, 5])
    assert [run.title for run in runs] == ["Full, seed 0", "Full, seed 5", "Last, seed 0", "Last, seed 5"]
    assert [run.config.training.seed for run in runs] == [0, 5, 0, 5]
    assert {run.config.training.steps_per_epoch for run in runs} == {7}
    assert runs[1].directory == tmp_path / "runs/test/full/seed_5" and runs[1].group == "Full"
    with pytest.raises(ValueError, match="`seeds` must be different"):
        runs_of_set([recipe], "tiny", tmp_path, [], [1, 1])
    with pytest.raises(ValueError, match="`config` must be one of tiny.*Did you mean 'tiny'"):
        runs_of_set([recipe], "tinny", tmp_path)


def finished_run(path, config):
    run = Run(path)
    run.claim(config)
    run.save_state(TrainingState(epoch=2, finished=True))
    return path


def test_runs_that_exist_are_told_apart(tmp_path):
    recipe = recipe_of(FULL, LAST)
    paths = [
        finished_run(tmp_path / "a", FULL),
        finished_run(tmp_path / "b", FULL.changed({"training.seed": 3})),
        finished_run(tmp_path / "c", LAST),
    ]
    assert [run.title for run in runs_of_directories([recipe], paths)] == [
        "Full, seed 0",
        "Full, seed 3",
        "Last",
    ]
    with pytest.raises(ValueError, match="Received twice"):
        runs_of_directories([recipe], [paths[0], paths[0]])
    Run(tmp_path / "d").claim(LAST)
    with pytest.raises(ValueError, match="Training is not finished"):
        runs_of_directories([recipe], [tmp_path / "d"])
    with pytest.raises(ValueError, match="`recipe` must be one of other"):
        runs_of_directories([dataclasses.replace(recipe_of(), name="other")], [paths[0]])


@pytest.mark.slow
def test_the_plan_counts_steps_and_parameters_and_trains_nothing(folders, tmp_path):
    runs = runs_of_set([recipe_of(HALF)], "tiny", tmp_path / "out", seeds=[0, 1])
    said = []
    records = load_records([folders["full"], folders["half"]])
    planned = plan_runs(runs, choose_records(runs, records), said.append)
    assert not (tmp_path / "out").exists()
    # Seeds share the timed step.
    assert len(said) == 1 and len(planned) == 2
    from keras_d3.training import build_network

    parameters = build_network(HALF).count_params()
    for network in planned:
        assert (network.steps, network.steps_left, network.batch_size) == (6, 6, 4)
        assert network.parameters == parameters
        # TensorFlow alone takes more than 200 MB; these networks take little.
        assert 2e8 < network.memory_bytes < 4e9
        assert 0 < network.hours < 1
    text = table_as_text(plan_table(planned))
    assert "Half, seed 1" in text and f"{parameters:,}" in text and text.count("\n") == 3 + len(planned) + 1


def test_the_plan_times_each_network_once(folders, tmp_path, monkeypatch):
    timed = []

    def step_cost(config, data_dir):
        timed.append((config.data.sample_rate_hz, str(data_dir)))
        return types.SimpleNamespace(parameters=1, memory_bytes=lambda batch_size: 1, secs_per_example=1.0)

    monkeypatch.setattr(comparison_plan, "training_step_cost", step_cost)
    runs = runs_of_set([recipe_of(FULL, HALF)], "tiny", tmp_path, seeds=[0, 1])
    records = load_records([folders["full"], folders["half"]])
    assert len(plan_runs(runs, choose_records(runs, records))) == 4
    assert len(timed) == 2 and len(set(timed)) == 2


@pytest.mark.weekly
def test_the_plan_counts_what_is_done_already(folders, tmp_path):
    (run,) = runs_of_set([recipe_of(FULL)], "tiny", tmp_path)
    Run(run.directory).claim(run.config)
    Run(run.directory).save_state(TrainingState(epoch=1))
    (network,) = plan_runs([run], choose_records([run], load_records([folders["full"]])))
    assert (network.steps, network.steps_left) == (6, 3)


@pytest.mark.weekly
def test_two_rates_and_two_seeds_in_one_report(folders, tmp_path, capsys):
    recipe = recipe_of(FULL, HALF)
    out = tmp_path / "out"
    command = ["--data", folders["full"], "--data", folders["half"], "--out", str(out), "--backend", "shared"]
    assert compare_command([recipe], [*command, "--seeds", "0,1", "--set", "training.steps_per_epoch=2"]) == 0
    printed = capsys.readouterr().out
    assert "Mean ± standard deviation over seeds" in printed and "Half, seed 1" in printed
    figures = json.loads((out / "report.json").read_text())
    assert set(figures["models"]) == {"Full, seed 0", "Full, seed 1", "Half, seed 0", "Half, seed 1"}
    page = (out / "report.html").read_text()
    assert f"together at {HALF_RATE_HZ} Hz" in page and "±" in page
    # A report of other runs does not replace it; one of the same runs, named one by one, goes elsewhere.
    assert compare_command([recipe], command) == 1
    assert "holds the report of Full, seed 0" in capsys.readouterr().err
    runs = sorted(str(path.parent) for path in out.glob("runs/*/*/*/config.json"))
    again = tmp_path / "again"
    arguments = [
        "--data",
        folders["full"],
        "--data",
        folders["half"],
        "--out",
        str(again),
        "--runs",
        *runs[:2],
    ]
    assert compare_command([recipe], [*arguments, "--backend", "shared"]) == 0
    found = json.loads((again / "report.json").read_text())["models"]
    assert len(found) == 2 and set(found) < set(figures["models"])


def test_the_command_refuses_what_contradicts_itself(folders, tmp_path, capsys):
    recipe = recipe_of(FULL)
    data = ["--data", folders["full"]]
    for arguments, message in (
        (data, "`--out` is required"),
        ([*data, "--out", "x", "--runs", "a", "--seeds", "1"], "leave out --seeds"),
        ([*data, "--out", "x", "--recipes", "tset"], "Did you mean 'test'"),
        ([*data, "--out", "x", "--initial-weights", "=a.keras"], "must be FILE or CONFIG=FILE"),
        ([*data, "--out", "x", "--initial-weights", "half=a.keras"], "for configs of the comparison: full"),
        ([*data, "--out", "x", "--images", "-1"], "0 or more"),
    ):
        assert compare_command([recipe], arguments) == 1
        assert message in capsys.readouterr().err


def test_configs_that_start_from_other_weights_ask_for_them(folders, tmp_path, capsys):
    recipe = recipe_of(dataclasses.replace(FULL, pretrained=True))
    command = ["--data", folders["full"], "--out", str(tmp_path / "out")]
    assert compare_command([recipe], command) == 1
    assert "`initial_weights` must be given for the config 'full'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_records_of_another_kind_leave_a_recipe_out(folders, tmp_path, capsys):
    images = str(make_street_records(tmp_path))
    assert compare_command([recipe_of(FULL)], ["--data", images, "--out", str(tmp_path / "out")]) == 1
    assert "no recipe has networks" in capsys.readouterr().err
    arguments = ["--data", images, "--out", str(tmp_path / "out"), "--recipes", "test"]
    assert compare_command([recipe_of(FULL)], arguments) == 1
    assert "None is of audio" in capsys.readouterr().err


def test_the_longest_training_is_begun_first(folders, tmp_path, monkeypatch):
    """Left to the end, it would have one core while the others wait."""
    long = config_of("long", stages=(Stage(3e-3, 4, 8),))
    several = dataclasses.replace(spectrogram_config("all"), name="several")
    wide = FULL.changed({"name": "wide", "model": {**FULL.model, "filters": 8}})
    runs = runs_of_set([recipe_of(FULL, wide, several, long)], "tiny", tmp_path)
    records = choose_records(runs, load_records([folders["full"]]))
    begun = []
    monkeypatch.setattr(
        parallel_training, "run_jobs", lambda jobs, *rest: begun.extend(job.title for job in jobs) or ()
    )
    parallel_training.train_side_by_side(runs, records, 2, {}, (), print)
    assert begun == ["Several", "Long", "Wide", "Full"]


def test_networks_on_images_are_ordered_too(tmp_path, monkeypatch):
    recipe = dataclasses.replace(SEGMENTATION, comparisons={"two": ("tiny_d_resnet_50_fcn", "tiny")})
    runs = runs_of_set([recipe], "two", tmp_path)
    manifest = types.SimpleNamespace(directory="records", items=lambda split: range(8))
    begun = []
    monkeypatch.setattr(
        parallel_training, "run_jobs", lambda jobs, *rest: begun.extend(job.title for job in jobs) or ()
    )
    parallel_training.train_side_by_side(runs, {run.title: manifest for run in runs}, 2, {}, (), print)
    # The same crops, and three times the operations.
    assert begun == ["D3Net-S (tiny)", "D-ResNet-50, FCN (tiny)"]


@pytest.mark.slow
def test_trainings_side_by_side(folders, tmp_path):
    """They give what one after the other gives, and one that fails does not end the others."""
    bad = config_of("bad", stages=(Stage(1e30, 4, 2),))
    runs = runs_of_set([recipe_of(FULL, bad)], "tiny", tmp_path)
    records = choose_records(runs, load_records([folders["full"]]))
    said = []
    with pytest.raises(RuntimeError, match=r"1 of 2 trainings failed\. Bad: .* goes on with these"):
        train_side_by_side(runs, records, 2, {}, (), said.append)
    assert sorted(said)[1:] == ["trained: Full"] and sorted(said)[0].startswith("failed: Bad")
    (state,) = Run(runs[0].directory).finished_states().values()
    alone = train(FULL, folders["full"], tmp_path / "alone", verbose=0)
    np.testing.assert_allclose(state.history[-1]["loss"], alone.history[-1]["loss"], rtol=1e-4)
    # The process that trained has exported: what the scores are made of is there.
    assert load_separator(runs[0].directory / "saved_model").sources == FULL.data.sources
    train_side_by_side(runs[:1], records, 2, {}, (), said.append)
    assert len(said) == 2
