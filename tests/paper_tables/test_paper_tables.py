"""The papers' tables: what is printed is complete and consistent, and runs stand beside the right rows."""

import csv
import dataclasses
import io

import numpy as np
import pytest

from keras_d3.cli import tables_command
from keras_d3.evaluation import METRICS
from keras_d3.paper_tables import published_tables, table_as_rows
from keras_d3.report import table_as_text
from keras_d3.runs import FROM_SCRATCH, Run, TrainingState, read_run_scores
from keras_d3.settings import MEAN_IOU, PublishedRow, PublishedTable
from keras_d3.utils import write_json
from recipes.all_recipes import RECIPES

BY_NAME = {recipe.name: recipe for recipe in RECIPES}
TABLES = [(recipe, table) for recipe in RECIPES for table in recipe.tables]
MUSIC = BY_NAME["d3net_mss"]
SMOOTHED = BY_NAME["smoothed_dilated"]


def finished_run(path, recipe, config, seed=0, scores=None, initial_weights=None):
    """A run directory without networks, trained to the end."""
    changes = [f"training.seed={seed}"]
    config = recipe.config(config, changes)
    run = Run(path)
    run.claim(config)
    for network in run.networks.values():
        network.save_state(TrainingState(epoch=1, finished=True, parameters=1_500_000, commit="abc"))
        start = {"source": initial_weights, "sha256": 64 * "0"} if initial_weights else FROM_SCRATCH
        write_json(network.path / "initial_weights.json", start)
    return run


def music_run(path, config="official_code", seed=0, sdr_db=7.0, data_set="MUSDB18", tracks=50):
    run = finished_run(path, MUSIC, config, seed)
    facts = {"tool": "museval 0.4.1", "sample_rate_hz": 10, "window_samples": 10, "hop_samples": 10}
    for number in range(tracks):
        frames = {metric: [sdr_db - 1, sdr_db, sdr_db + 3] for metric in METRICS}
        targets = {source: frames for source in ("vocals", "drums", "bass", "other")}
        name = f"track_{number}"
        write_json(
            run.path / "scores" / "test" / f"{name}.json", {"track": name, "targets": targets, **facts}
        )
    write_json(run.path / "scores" / "provenance.json", {"data_set": data_set, "variant": "wav"})
    return run.path


def image_run(path, config, recipe=SMOOTHED, percent=50.0, data_set="Cityscapes", images=500, **kwargs):
    run = finished_run(path, recipe, config, **kwargs)
    classes = run.config.data.classes
    scores = {"mean_iou": percent / 100, "iou": dict.fromkeys(classes, percent / 100), "images": images}
    write_json(run.path / "scores" / "validation.json", {**scores, "data_set": data_set, "variant": "fine"})
    return run.path


def row(rows, **wanted):
    (found,) = [item for item in rows if all(item[key] == value for key, value in wanted.items())]
    return found


def test_every_printed_row_is_there():
    rows = {f"{recipe.name}/{table.name}": len(table.rows) for recipe, table in TABLES}
    # The table of means and medians has two rows per network.
    assert rows.pop("dilated_u_net/1") == 2 * 3
    assert sum(rows.values()) + 3 == 64
    assert {f"smoothed_dilated/{number}" for number in range(1, 7)} <= set(rows)


def test_printed_numbers_agree_with_each_other():
    num_means = 0
    for _, table in TABLES:
        for item in table.rows:
            classes = [name for name in item.values if name not in (MEAN_IOU, "parameters_millions")]
            if table.metric == "IoU" and classes:
                found = np.mean([item.values[name] for name in classes])
                assert abs(found - item.values[MEAN_IOU]) < 0.11, (table.name, item.name)
                num_means += 1
            if "average" in item.values:
                found = np.mean([item.values[name] for name in ("vocals", "drums", "bass", "other")])
                assert abs(found - item.values["average"]) < 0.0101, item.name
                num_means += 1
    assert num_means == 20 + 10


def test_entries_state_what_the_tables_print():
    (paper, official) = MUSIC.entry("official_code").published
    assert paper.sdr_db == {
        "vocals": 7.24,
        "drums": 7.01,
        "bass": 5.25,
        "other": 4.53,
        "accompaniment": 13.52,
    }
    assert (paper.column, official.column) == ("paper", "official weights")
    coco, imagenet = SMOOTHED.entry("voc_aspp_baseline").published
    assert (coco.mean_iou_percent, imagenet.mean_iou_percent) == (75.1, 71.7)
    assert coco.class_iou_percent["train"] == 87.2
    median = BY_NAME["dilated_u_net"].entry("dilated_u_net").published[0]
    assert median.sdr_db["drums"] == 3.977


def test_runs_stand_beside_their_rows_with_a_difference(tmp_path):
    scores = read_run_scores(music_run(tmp_path / "a"), "test")
    rows = table_as_rows(MUSIC, MUSIC.table("4"), scores)
    ours = row(rows, column="vocals", origin="this run")
    assert (ours["row"], ours["config"], ours["value"]) == (
        "D3Net (proposed), frequency",
        "official_code",
        7.0,
    )
    difference = row(rows, column="vocals", origin="difference")
    assert difference["value"] == pytest.approx(7.0 - 7.24)
    # The mean over the four sources, as the paper's column.
    assert row(rows, column="average", origin="difference")["value"] == pytest.approx(7.0 - 6.01)
    text = table_as_text(published_tables(MUSIC, MUSIC.table("4"), scores)[0])
    assert "official_code, seed 0" in text and "-0.24" in text and "6.03" in text


@pytest.mark.parametrize("change", [{"data_set": "demo"}, {"tracks": 49}])
def test_no_difference_where_something_else_was_scored(tmp_path, change):
    scores = read_run_scores(music_run(tmp_path / "a", **change), "test")
    rows = table_as_rows(MUSIC, MUSIC.table("4"), scores)
    assert row(rows, column="vocals", origin="this run")["value"] == 7.0
    assert not [item for item in rows if item["origin"] == "difference"]


def test_no_difference_where_the_start_was_another(tmp_path):
    table = SMOOTHED.table("6")
    for name, weights, wanted in (("a", "resnet.h5", 1), ("b", None, 0)):
        path = image_run(tmp_path / name, "cityscapes_aspp_baseline", initial_weights=weights)
        rows = table_as_rows(SMOOTHED, table, read_run_scores(path, "validation"))
        found = [item for item in rows if item["origin"] == "difference" and item["column"] == MEAN_IOU]
        assert len(found) == wanted
        assert all(item["value"] == pytest.approx(50 - 68.8) for item in found)


def test_seeds_are_one_row_with_mean_and_deviation(tmp_path):
    runs = [
        scores
        for seed, sdr_db in enumerate((6.0, 7.0, 8.5))
        for scores in read_run_scores(music_run(tmp_path / f"{seed}", seed=seed, sdr_db=sdr_db), "test")
    ]
    text = table_as_text(published_tables(MUSIC, MUSIC.table("4"), runs)[0])
    # Mean and sample deviation of three numbers, by hand: 7.1667 and 1.2583.
    assert "7.17 ± 1.26" in text and "seeds 0, 1, 2" in text
    assert f"{21.5 / 3 - 7.24:+.2f}" in text


def test_a_run_of_no_row_has_a_line_of_its_own(tmp_path):
    run = music_run(tmp_path / "a", config="tiny", data_set="demo")
    lines = table_as_rows(MUSIC, MUSIC.table("4"), read_run_scores(run, "test"))
    assert row(lines, column="drums", origin="this run")["row"] == "D3Net (tiny)"


def test_classes_are_rows(tmp_path):
    scores = read_run_scores(image_run(tmp_path / "a", "cityscapes_aspp_baseline"), "validation")
    table = SMOOTHED.table("5")
    main, by_class = published_tables(SMOOTHED, table, scores)
    assert [line[0].text for line in by_class.rows][:2] == ["road", "sidewalk"]
    assert len(by_class.rows) == 19 + 1
    assert by_class.groups[1] == ("baseline", 2)
    assert by_class.rows[0][1].text == "97.2" and by_class.rows[0][2].text == "50.0"
    assert main.rows[0][0].text == "baseline"


def test_sizes_of_small_networks_are_no_zero(tmp_path):
    recipe = BY_NAME["d3net_segmentation"]
    path = image_run(tmp_path / "a", "tiny", recipe)
    state = dataclasses.replace(Run(path).read_state(), parameters=75_741)
    Run(path).save_state(state)
    (table,) = published_tables(recipe, recipe.table("1"), read_run_scores(path, "validation"))[:1]
    text = table_as_text(table)
    assert " 0.076 " in text and " 49.5 " in text


def test_mean_and_median_are_rows_without_difference(tmp_path):
    recipe = BY_NAME["dilated_u_net"]
    run = finished_run(tmp_path / "a", recipe, "dilated_u_net")
    frames = {metric: [1.0, 2.0, 6.0] for metric in METRICS}
    facts = {"tool": "x", "sample_rate_hz": 10, "window_samples": 10, "hop_samples": 10}
    targets = dict.fromkeys(("vocals", "drums", "bass", "other"), frames)
    for number in range(50):
        write_json(
            run.path / f"scores/test/{number}.json", {"track": str(number), "targets": targets, **facts}
        )
    write_json(run.path / "scores/provenance.json", {"data_set": "MUSDB18", "variant": "wav"})
    rows = table_as_rows(recipe, recipe.table("1"), read_run_scores(run.path, "test"))
    ours = {item["aggregation"]: item["value"] for item in rows if item["origin"] == "this run"}
    assert ours == {"all_frames_mean": 3.0, "all_frames_median": 2.0}
    assert not [item for item in rows if item["origin"] == "difference"]


def test_errors_come_before_any_work(tmp_path, capsys):
    music, images = music_run(tmp_path / "a"), image_run(tmp_path / "b", "cityscapes_aspp_baseline")
    other = music_run(tmp_path / "c", seed=1, data_set="demo")
    same_seed = music_run(tmp_path / "d")
    unscored = finished_run(tmp_path / "e", MUSIC, "paper").path
    for arguments, message in (
        (["d3net_mss/44"], "Did you mean 'd3net_mss/4'"),
        (["--runs", str(music)], "needs the table"),
        (["d3net_mss/4", "--runs", str(images)], "must be of the recipe"),
        (["d3net_mss/4", "--runs", str(music), str(other)], "one data set"),
        (["d3net_mss/4", "--runs", str(music), str(same_seed)], "different seeds"),
        (["d3net_mss/4", "--runs", str(music), str(music)], "Received twice"),
        (["d3net_mss/4", "--runs", str(unscored)], "no scores of the test split"),
        (["d3net_mss/4", "--runs", str(tmp_path / "none")], "No run config"),
    ):
        assert tables_command(RECIPES, arguments) == 1
        out = capsys.readouterr()
        assert message in out.err and out.err.count("\n") == 1 and not out.out


def test_the_command_lists_and_writes_every_format(tmp_path, capsys):
    assert tables_command(RECIPES, []) == 0
    listing = capsys.readouterr().out
    assert all(f"{recipe.name}/{table.name} " in listing for recipe, table in TABLES)
    run = str(music_run(tmp_path / "a"))
    for name, wanted in (
        ("markdown", "| D3Net \\(proposed\\)"),
        ("csv", "table,row,origin"),
        ("html", "<td"),
    ):
        out = tmp_path / f"table.{name}"
        arguments = ["d3net_mss/4", "--runs", run, "--format", name, "--out", str(out)]
        assert tables_command(RECIPES, arguments) == 0
        assert wanted.replace("\\", "") in out.read_text().replace("\\", "")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "table.csv").read_text())))
    assert {item["origin"] for item in rows} == {"paper", "official weights", "this run", "difference"}
    assert "http" not in (tmp_path / "table.html").read_text().replace("http-equiv", "")
    capsys.readouterr()
    assert tables_command(RECIPES, ["all"]) == 0
    assert capsys.readouterr().out.count("by class") == 6


def test_of_all_tables_each_shows_the_runs_of_its_recipe(tmp_path, capsys):
    music = music_run(tmp_path / "tiny", "tiny", tracks=2)
    standing_for = image_run(tmp_path / "smoothed", "tiny")
    of_no_table = image_run(tmp_path / "multigrid", "tiny_multigrid")
    runs = [str(path) for path in (music, standing_for, of_no_table)]
    out = tmp_path / "all.csv"
    assert tables_command(RECIPES, ["all", "--runs", *runs, "--format", "csv", "--out", str(out)]) == 0
    found = csv.DictReader(io.StringIO(out.read_text()))
    rows = [item for item in found if item["origin"] == "this run"]
    assert {item["table"] for item in rows} == {"d3net_mss/4", "smoothed_dilated/5", "smoothed_dilated/6"}
    said = capsys.readouterr().err
    assert f"not shown: `{of_no_table}`" in said and len(said.splitlines()) == 1


def test_tables_check_themselves():
    table = MUSIC.table("4")
    with pytest.raises(ValueError, match="different names"):
        dataclasses.replace(table, rows=(table.rows[0], table.rows[0]))
    with pytest.raises(ValueError, match="metric"):
        dataclasses.replace(table, metric="PESQ")
    with pytest.raises(ValueError, match="must be a row of table 4"):
        table.row("D3Net")
    with pytest.raises(ValueError, match="tables"):
        strange = PublishedTable("9", "", "SDR", "x", "test", 1, ("a",), (PublishedRow(("b",), {}, ("no",)),))
        dataclasses.replace(MUSIC, tables=(strange,))
