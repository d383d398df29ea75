"""Songs to report through the public entry points, with networks that train in seconds."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from keras_d3.cli import evaluate_command, train_command
from keras_d3.cli import main as keras_d3
from keras_d3.evaluation import sdr
from keras_d3.experiments import (
    ComparisonOptions,
    compare,
    export_run,
    runs_of_set,
    score_run,
    score_runs,
)
from keras_d3.separation import load_separator, separator_from_run
from keras_d3.settings import PublishedScores, Recipe, RecipeEntry, Stage, TrainingConfig
from keras_d3.utils import read_checked_json
from tests.helpers.small_records import SAMPLE_RATE_HZ, SOURCES, make_records
from tests.helpers.training_configs import spectrogram_config, waveform_config

pytestmark = pytest.mark.slow

CREDIT = "Songs by nobody, CC0"
PAIR = ("accompaniment", "vocals")
BRIEF = TrainingConfig(stages=(Stage(3e-3, 4, 1),), steps_per_epoch=3)


def small_recipe():
    """A waveform network of four sources, one of two, and two spectrogram networks."""
    four = dataclasses.replace(waveform_config(), recipe="small", name="four", training=BRIEF)
    two = dataclasses.replace(four.with_sources(PAIR), name="two")
    spectrogram = dataclasses.replace(
        spectrogram_config("all"),
        recipe="small",
        name="spectrogram",
        training=TrainingConfig(stages=(Stage(1e-3, 2, 1),), steps_per_epoch=1),
    )
    spectrogram = spectrogram.with_sources(PAIR)
    return Recipe(
        name="small",
        title="Small networks",
        citation="none",
        entries=(
            RecipeEntry(
                four,
                "Four",
                (PublishedScores("paper", {"bass": 3.21}, "track_median", "MUSDB18 test", "a table"),),
            ),
            RecipeEntry(two, "Two"),
            RecipeEntry(spectrogram, "Spectrogram"),
        ),
        comparisons={"tiny": ("two", "four", "spectrogram")},
    )


def small_runs(out):
    return runs_of_set([small_recipe()], "tiny", out)


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    records = make_records(folder)
    options = ComparisonOptions(num_workers=2, backend="shared", attribution=CREDIT)
    path, table = compare(small_runs(folder / "out"), [str(records)], folder / "out", options)
    return folder, path, table


def test_the_report_holds_every_network(compared):
    _, path, table = compared
    page = path.read_text()
    assert CREDIT in page and CREDIT in path.with_suffix(".md").read_text()
    for text in ("Two", "Four", "Spectrogram", "3.21", "MUSDB18 test; a table", "upper bounds"):
        assert text in page
    assert "do nothing (mixture / 4)" in table and "do nothing (mixture / 2)" in table
    figures = json.loads(path.with_name("report.json").read_text())
    assert set(figures["models"]) == {"Two", "Four", "Spectrogram"}
    for model in figures["models"].values():
        assert model["parameters"] > 0 and model["train_secs"] > 0 and model["times_real_time"] > 0
        assert model["scores"]["tool"].startswith("BSS Eval v4")
    assert set(figures["models"]["Two"]["scores"]["track_median"]) == set(PAIR)
    assert set(figures["models"]["Four"]["scores"]["track_median"]) == set(SOURCES)


def test_an_unknown_excerpt_is_refused_before_anything_is_trained(compared, tmp_path):
    with pytest.raises(
        ValueError, match="`excerpt` must be one of the test tracks: test song 0, test song 1"
    ):
        options = ComparisonOptions(excerpt_track="x")
        compare(small_runs(tmp_path / "out"), [str(compared[0] / "records")], tmp_path / "out", options)
    with pytest.raises(ValueError, match="`config` must be one of tiny for comparisons"):
        runs_of_set([small_recipe()], "paper", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_run_again_it_keeps_everything(compared):
    folder, path, table = compared
    files = [
        file for file in (folder / "out").rglob("*") if file.is_file() and not file.name.startswith("report.")
    ]
    before = {file: file.stat().st_mtime_ns for file in files}
    options = ComparisonOptions(backend="shared")
    _, again = compare(small_runs(folder / "out"), [str(folder / "records")], folder / "out", options)
    assert again == table
    changed = [file.name for file in files if file.stat().st_mtime_ns != before[file]]
    assert set(changed) <= {"provenance.json", "comparison.json"}


def test_scores_of_several_runs_are_those_of_each(compared, tmp_path):
    """Two runs of the same sources, whose references are worked on once, and one of others between them."""
    folder, names = compared[0], ["two", "four", "spectrogram"]
    for name in names:
        shutil.copytree(folder / "out/runs/small" / name, tmp_path / name)
        shutil.rmtree(tmp_path / name / "scores")
    runs = [(tmp_path / name, folder / "records") for name in names]
    options = {"backend": "shared", "num_workers": 1, "progress": False}
    together = score_runs(runs, folder / "out/references", **options)
    for name, run, scores in zip(names, runs, together, strict=True):
        alone = score_run(folder / "out/runs/small" / name, run[1], folder / "out/references", **options)
        assert scores.keys() == alone.keys() and len(scores) == 2
        for track in alone:
            assert scores[track]["targets"] == alone[track]["targets"]
        files = [path / name / "scores/provenance.json" for path in (tmp_path, folder / "out/runs/small")]
        assert read_checked_json(files[0], "file") == read_checked_json(files[1], "file")


@pytest.mark.parametrize("name", ["four", "two", "spectrogram"])
def test_the_saved_model_is_the_in_memory_separator(compared, name):
    run = compared[0] / "out/runs/small" / name
    song = np.random.default_rng(0).uniform(-0.5, 0.5, (4001, 2)).astype("float32")
    expected = separator_from_run(run).separate(song, SAMPLE_RATE_HZ)
    stems = load_separator(run / "saved_model").separate(song, SAMPLE_RATE_HZ)
    assert set(stems) == set(expected)
    for source, stem in stems.items():
        np.testing.assert_allclose(stem, expected[source], atol=1e-5)


def test_a_run_of_one_target_is_scored_on_that_source(compared, tmp_path, capsys):
    """The SDR is the one it has among all sources."""
    folder = compared[0]
    shutil.copytree(folder / "out/runs/small/spectrogram/vocals", tmp_path / "run")
    arguments = ["--data", str(folder / "records"), "--run-dir", str(tmp_path / "run")]
    assert evaluate_command(small_recipe(), arguments) == 0
    out = capsys.readouterr().out
    assert "vocals" in out and "accompaniment" not in out
    assert load_separator(tmp_path / "run/saved_model").sources == ("vocals",)
    for track in ("test song 0", "test song 1"):
        scores = json.loads((tmp_path / f"run/scores/test/{track}.json").read_text())
        estimate, _ = soundfile.read(tmp_path / f"run/estimates/test/{track}/vocals.wav")
        reference, _ = soundfile.read(tmp_path / f"run/references/test/{track}/vocals.wav")
        expected = sdr({"vocals": reference}, {"vocals": estimate}, SAMPLE_RATE_HZ)["vocals"]
        np.testing.assert_allclose(scores["targets"]["vocals"]["SDR"], expected, atol=1e-3)


def test_songs_that_were_trained_on_are_refused_or_left_out(compared, tmp_path, capsys):
    """As if trained on DSD100, where a song carries a number, and evaluated on MUSDB18."""
    folder = compared[0]
    run = shutil.copytree(folder / "out/runs/small/two", tmp_path / "run")
    (run / "tracks.json").write_text(json.dumps({"train": ["017 - TEST song 0"], "validation": []}))
    command = ["--data", str(folder / "records"), "--run-dir", str(run), "--backend", "shared"]
    command += ["--references", str(folder / "out/references")]
    assert evaluate_command(small_recipe(), command) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: Test songs must not be songs that the network was trained")
    assert "1 of 2: test song 0 (there: 017 - TEST song 0)" in error
    assert evaluate_command(small_recipe(), [*command, "--skip-trained-songs"]) == 0
    assert "Left out, because they were trained on: test song 0" in capsys.readouterr().out
    provenance = json.loads((run / "scores/provenance.json").read_text())
    assert provenance["tracks"] == 1 and provenance["skipped_trained_songs"] == ["test song 0"]


def test_the_wiener_filter_is_switched_at_evaluation(compared, tmp_path, capsys):
    folder = compared[0]
    run = shutil.copytree(folder / "out/runs/small/spectrogram", tmp_path / "run")
    command = ["--data", str(folder / "records"), "--run-dir", str(run), "--backend", "shared"]
    command += ["--references", str(folder / "out/references")]
    assert evaluate_command(small_recipe(), [*command, "--wiener", "off"]) == 0
    assert load_separator(run / "wiener_off/saved_model").metadata["separation"]["wiener"] is False
    assert json.loads((run / "wiener_off/scores/provenance.json").read_text())["wiener"] is False
    scores = [
        json.loads((path / "scores/test/test song 0.json").read_text()) for path in (run, run / "wiener_off")
    ]
    assert scores[0]["targets"]["vocals"] != scores[1]["targets"]["vocals"]
    waveform = [*command[:3], str(folder / "out/runs/small/two"), *command[4:]]
    assert evaluate_command(small_recipe(), [*waveform, "--wiener", "off"]) == 1
    assert "`wiener` is for runs with a spectrogram network per source" in capsys.readouterr().err


def test_accompaniment_two_stems_and_whole_songs(compared, tmp_path, capsys):
    """A network of four stems and one of two, scored on the same pair."""
    folder = compared[0]
    command = ["--data", str(folder / "records"), "--backend", "shared"]
    command += ["--references", str(folder / "out/references")]
    four = shutil.copytree(folder / "out/runs/small/four", tmp_path / "four")
    run = ["--run-dir", str(four), "--accompaniment", "--metrics", "museval,song_sdr"]
    assert evaluate_command(small_recipe(), [*command, *run]) == 0
    assert "mean of sources" in capsys.readouterr().out
    scores = json.loads((four / "scores/test/test song 0.json").read_text())
    assert set(scores["targets"]) == set(scores["song"]) and "accompaniment" in scores["targets"]
    assert len(scores["targets"]) == 5
    provenance = json.loads((four / "scores/provenance.json").read_text())
    assert provenance["accompaniment"] is True and provenance["metrics"] == ["museval", "song_sdr"]
    two = shutil.copytree(folder / "out/runs/small/two", tmp_path / "two")
    pairs = []
    for directory in (four, two):
        options = ["--run-dir", str(directory), "--stems", "two", "--metrics", "song_sdr"]
        assert evaluate_command(small_recipe(), [*command, *options]) == 0
        pairs.append(json.loads((directory / "scores/test/test song 0.json").read_text())["song"])
    assert [set(pair) for pair in pairs] == [set(PAIR), set(PAIR)]
    assert pairs[0]["accompaniment"]["song_sdr"] == pytest.approx(
        scores["song"]["accompaniment"]["song_sdr"], abs=1e-4
    )
    single = shutil.copytree(folder / "out/runs/small/spectrogram/vocals", tmp_path / "single")
    capsys.readouterr()
    assert evaluate_command(small_recipe(), [*command, "--run-dir", str(single), "--accompaniment"]) == 1
    assert "`accompaniment=True` needs a source 'vocals' and at least one other" in capsys.readouterr().err


def test_a_changed_run_is_exported_again(compared, tmp_path):
    run = compared[0] / "out/runs/small/four"
    path = export_run(run, tmp_path / "model")
    before = (path / "saved_model.pb").stat().st_mtime_ns
    assert export_run(run, path) == path and (path / "saved_model.pb").stat().st_mtime_ns == before
    metadata = path / "assets.extra/metadata.json"
    values = json.loads(metadata.read_text())
    values["recipe"]["run"]["commit"] = "another"
    metadata.write_text(json.dumps(values))
    export_run(run, path)
    assert (path / "saved_model.pb").stat().st_mtime_ns != before


def test_another_models_export_is_not_replaced_unasked(compared, tmp_path, capsys):
    two, four = (compared[0] / "out/runs/small" / name for name in ("two", "four"))
    path = export_run(four, tmp_path / "model")
    before = (path / "saved_model.pb").read_bytes()
    with pytest.raises(
        FileExistsError, match=r"`.*model` holds another model \(small/four\) than the run `.*two"
    ):
        export_run(two, path)
    assert (path / "saved_model.pb").read_bytes() == before
    assert keras_d3(["export", "--run-dir", str(two), "--out", str(path), "--overwrite"]) == 0
    card = (path / "README.md").read_text()
    assert "# small, two" in card and "SDR in dB, track_median" in card and "- train: " in card
    (tmp_path / "mine").mkdir()
    with pytest.raises(FileExistsError, match="`.*mine` holds another model than the run"):
        export_run(two, tmp_path / "mine")


def test_networks_for_openvino(compared, tmp_path, capsys):
    pytest.importorskip("openvino", reason="OpenVINO is in the extra `export`")
    run = shutil.copytree(compared[0] / "out/runs/small/two", tmp_path / "run")
    command = ["export", "--run-dir", str(run)]
    assert keras_d3([*command, "--format", "openvino"]) == 0
    files = ["README.md", "metadata.json", "network.bin", "network.xml"]
    assert sorted(os.listdir(run / "openvino")) == files
    # The same run again, but what is there has no networks for OpenVINO.
    assert keras_d3([*command, "--with-openvino"]) == 1
    assert "exists already. Choose another path, or give --overwrite." in capsys.readouterr().err
    assert keras_d3([*command, "--with-openvino", "--overwrite"]) == 0
    assert load_separator(run / "saved_model", runtime="openvino").sources == PAIR
    assert keras_d3([*command, "--with-openvino", "--format", "onnx"]) == 1
    assert "`--with-openvino` belongs to `--format saved_model`" in capsys.readouterr().err


def test_commands(compared, tmp_path, capsys):
    """train, stop, resume, evaluate, export and separate as a user types them."""
    records, run = str(compared[0] / "records"), str(tmp_path / "run")
    train = ["--data", records, "--run-dir", run, "--config", "two", "--set", "training.stages.0.epochs=2"]
    assert train_command(small_recipe(), [*train, "--stop-after-epoch", "1"]) == 0
    out = capsys.readouterr().out
    assert "stopped, to be resumed after epoch 1" in out and "MB of memory" in out
    assert keras_d3(["export", "--run-dir", run]) == 1
    assert "Training is not finished" in capsys.readouterr().err
    assert train_command(small_recipe(), train) == 0
    assert "finished after epoch 2" in capsys.readouterr().out
    assert evaluate_command(small_recipe(), ["--data", records, "--run-dir", run]) == 0
    out = capsys.readouterr().out
    assert "vocals" in out and "times real time" in out
    provenance = json.loads(Path(run, "scores/provenance.json").read_text())
    assert provenance["data_set"] == "small" and provenance["seed"] == 0 and provenance["commit"]
    assert {item["source"] for item in provenance["initial_weights"].values()} == {"from scratch"}
    assert keras_d3(["export", "--run-dir", run, "--out", str(tmp_path / "model")]) == 0
    song = tmp_path / "song.flac"
    soundfile.write(song, np.random.default_rng(0).uniform(-0.3, 0.3, 11025 * 2), 11025)
    assert (
        keras_d3(
            ["separate", str(song), "--model", str(tmp_path / "model"), "--out", str(tmp_path / "stems")]
        )
        == 0
    )
    for source in PAIR:
        info = soundfile.info(tmp_path / f"stems/song/{source}.wav")
        assert (info.samplerate, info.channels, info.frames) == (11025, 1, 22050)
    scores = [
        "evaluate",
        "--references",
        f"{run}/references/test",
        "--estimates",
        f"{run}/estimates/test",
        "--out",
        str(tmp_path / "scores"),
        "--sources",
        ",".join(PAIR),
    ]
    capsys.readouterr()
    assert keras_d3(scores) == 0
    assert "SDR" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["export", "--run-dir", "nowhere"], "No run config at"),
        (["separate", "x.wav", "--model", "nowhere", "--out", "stems"], "nowhere"),
        (["separate", "a/x.wav", "b/x.mp3", "--model", "m", "--out", "stems"], "Received twice: x."),
        (["models", "wave_u_net_m9"], "Received: name='wave_u_net_m9'. Did you mean 'wave_u_net_m"),
        (["evaluate", "--references", "nowhere", "--estimates", "nowhere", "--out", "scores"], "nowhere"),
    ],
)
def test_errors_are_one_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert keras_d3(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1
    assert not any(tmp_path.iterdir())


def test_models_are_listed(capsys):
    assert keras_d3(["models"]) == 0
    out = capsys.readouterr().out
    assert "d3net_vocals" in out and "2,967,407" in out
    assert keras_d3(["models", "wave_u_net_m6"]) == 0
    assert "num_levels = 12" in capsys.readouterr().out


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m keras_d3.cli models | head -1"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=environment, check=False)
    assert "Traceback" not in done.stderr


def test_training_errors_are_one_line(tmp_path, capsys):
    run = ["--data", str(tmp_path / "no records"), "--run-dir", str(tmp_path / "run")]
    assert train_command(small_recipe(), [*run, "--config", "four"]) == 1
    assert "It is made by `python -m tfrecords_tools" in capsys.readouterr().err
    assert train_command(small_recipe(), [*run, "--config", "fourr"]) == 1
    assert "Did you mean 'four'?" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())
