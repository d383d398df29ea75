"""Runs of claims: which are needed, what they are scored by, and the whole way from records to the page."""

import dataclasses

import numpy as np
import pytest

from keras_d3.claims import LedgerRow, append_row, named_claims, read_ledger, selected_claims
from keras_d3.cli import claims_command
from keras_d3.evaluation import segmentation_scores
from keras_d3.experiments import load_records, missing_runs, runs_of_claims, untrained_rows, with_records
from keras_d3.experiments.claims.job import mean_iou_pseudo_values, run_job, song_medians
from keras_d3.experiments.claims.untrained import count_parameters
from keras_d3.settings import Claim, ClaimSide, Recipe, RecipeEntry, to_dict, variant
from recipes.all_recipes import RECIPES
from tests.helpers.small_records import make_records
from tests.helpers.small_scenes import make_street_records
from tests.helpers.training_configs import waveform_config

BY_NAME = {recipe.name: recipe for recipe in RECIPES}


def claims(*names):
    return selected_claims(named_claims(RECIPES), names)


def test_networks_of_a_claim_share_seeds_and_runs():
    chosen = claims("d3net_mss/dilation_drums", "d3net_mss/nesting_drums", "d3net_mss/dilation_bass")
    runs = runs_of_claims(chosen, BY_NAME, "small", [0, 5])
    # Three dilations and plain dense blocks of drums, three dilations of bass; seed by seed.
    assert [run.seed for run in runs] == [0] * 7 + [5] * 7
    assert all((run.config.training.seed, run.config.data.seed) == (run.seed, run.seed) for run in runs)
    shared = next(run for run in runs if run.config.name == "small_without_dilation")
    assert shared.claims == ("d3net_mss/dilation_drums", "d3net_mss/nesting_drums")
    assert (
        shared.config.target == "drums" and shared.title == "d3net_mss/small_without_dilation, drums, seed 0"
    )


@pytest.mark.parametrize("named", claims(), ids=lambda named: named.name)
def test_networks_of_a_seed_see_the_same_excerpts_in_the_same_order(named):
    """Excerpts depend on data settings and seed alone, so equal settings are enough."""
    if named.claim.metric in ("parameters", "initial difference"):
        return
    runs = runs_of_claims([named], BY_NAME, "small", [3])
    data = [run.config.data for run in runs]
    if named.recipe == "wave_u_net":
        # Networks with context read more around an excerpt, mono ones the mean of its channels.
        same = {"input_samples": 1, "output_samples": 1, "channels": 1}
        data = [dataclasses.replace(config, **same) for config in data]
    assert all(config == data[0] for config in data)
    first = runs[0].config.training
    # The same steps and rates; the last weights are kept, so validation decides nothing.
    for run in runs:
        assert (run.config.training.stages, run.config.training.steps_per_epoch) == (
            first.stages,
            first.steps_per_epoch,
        )
        assert run.config.training.selection == "last"
        assert sum(stage.epochs for stage in first.stages) * first.steps_per_epoch == 2000


@pytest.mark.parametrize(
    "recipe, first, second",
    [
        ("d3net_mss", "small", "small_standard_dilation"),
        ("d3net_mss", "small_without_dilation", "small_plain_dense"),
        ("mm_dense_net", "small", "small_mdensenet"),
        ("d3net_segmentation", "small_without_dilation", "small_densenet"),
    ],
)
def test_networks_of_equal_size(recipe, first, second):
    target = None if recipe == "d3net_segmentation" else "drums"
    sizes = [count_parameters(BY_NAME[recipe].config(name, target=target)) for name in (first, second)]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.05)


def test_what_is_measured_on_a_run_is_that_of_all_claims_on_it():
    runs = runs_of_claims(claims("smoothed_dilated/group_interaction"), BY_NAME, "small", [0])
    assert {run.measurements for run in runs} == {("energy off the lattice",)}
    runs = runs_of_claims(claims("mm_dense_net"), BY_NAME, "small", [0])
    assert [(run.config.name, run.config.target) for run in runs if run.measurements] == [("small", "drums")]


def test_claims_that_cannot_be_run():
    with pytest.raises(ValueError, match="`seeds` must be different. Received: 1, 1"):
        runs_of_claims(claims(), BY_NAME, "small", [1, 1])
    with pytest.raises(ValueError, match="claim d3net_mss/nesting_drums has configs. Received: 'paper'"):
        runs_of_claims(claims("d3net_mss/nesting_drums"), BY_NAME, "paper", [0])


def test_pseudo_values_of_mean_iou():
    """Their mean is the jackknife estimate; an image that changes nothing counts as the whole."""
    rng = np.random.default_rng(0)
    matrices = rng.integers(0, 50, (6, 3, 3)) + 100 * np.eye(3, dtype=int)
    values = mean_iou_pseudo_values(matrices)

    def points(some):
        return 100 * segmentation_scores(some.sum(0), ("a", "b", "c"))["mean_iou"]

    left_out = [points(np.delete(matrices, index, 0)) for index in range(6)]
    np.testing.assert_allclose(values, 6 * points(matrices) - 5 * np.array(left_out))
    same = mean_iou_pseudo_values(np.stack([matrices[0]] * 4))
    np.testing.assert_allclose(same, points(matrices[:1]))
    # A class that one image has, and one that none has.
    matrices[:, 2], matrices[:, :, 2] = 0, 0
    matrices[1, 2, 2] = 10
    assert np.isfinite(mean_iou_pseudo_values(matrices)).all()
    matrices[1, 2, 2] = 0
    np.testing.assert_allclose(mean_iou_pseudo_values(matrices[:1]), points(matrices[:1]))


def test_songs_are_scored_by_the_median_of_their_frames():
    frames = {
        "drums": {"SDR": [1.0, None, 3.0, 8.0]},
        "bass": {"SDR": [None, None]},
        "other": {"SDR": ["inf"]},
    }
    assert song_medians(frames) == {"drums": 3.0}


def test_smoothed_networks_start_as_the_plain_one():
    rows = untrained_rows(claims("smoothed_dilated/initial_equality"), BY_NAME, "small")
    assert [row.config for row in rows] == ["small_group_interaction", "small_separable_shared"]
    assert all(0 <= row.measurements["initial difference"] < 1e-4 for row in rows)


@pytest.mark.slow
def test_printed_numbers_of_parameters():
    rows = untrained_rows(claims("d3net_segmentation/parameters"), BY_NAME, "small")
    found = {row.config: round(row.measurements["parameters"], 1) for row in rows}
    assert found["s_cityscapes"] == 9.7 and found["densenet_189"] == 8.0 and found["l_cityscapes"] == 38.7


def small_recipe():
    """Two networks of one level that differ in their outputs."""
    base = variant(
        waveform_config(steps_per_epoch=3, selection="last"),
        "direct",
        {"recipe": "test", "preset": "wave_u_net_m6"},
    )
    base = base.changed({"training.stages": [{"learning_rate": 1e-3, "batch_size": 2, "epochs": 1}]})
    other = variant(base, "difference", {"model.output_type": "direct"})
    claim = Claim(
        "outputs",
        "One is better.",
        "nowhere",
        "SDR",
        (ClaimSide("difference", "", "difference"), ClaimSide("direct", "", "direct")),
        target="drums",
    )
    entries = (RecipeEntry(base, "direct"), RecipeEntry(other, "difference"))
    return Recipe("test", "Test", "Nobody, 2026", entries, claims=(claim,))


@pytest.mark.slow
def test_from_records_to_the_page(tmp_path, capsys, monkeypatch):
    # At the lowest priority it would wait for all tests that run beside it.
    monkeypatch.setattr("keras_d3.experiments.claims.running.LOWEST_PRIORITY", 0)
    recipes, records, out = [small_recipe()], make_records(tmp_path), tmp_path / "out"
    command = ["test/outputs", "--data", str(records), "--out", str(out), "--workers", "2"]
    assert claims_command(recipes, [*command, "--seeds", "0", "--plan"]) == 0
    assert "2 runs, 0 of them in the ledger" in capsys.readouterr().out
    assert claims_command(recipes, [*command, "--seeds", "0"]) == 0
    assert "difference > direct" in capsys.readouterr().out
    ledger = out / "results" / "ledger.jsonl"
    rows = read_ledger(ledger)
    assert sorted((row.config, row.seed) for row in rows) == [("difference", 0), ("direct", 0)]
    for row in rows:
        assert len(row.scores) == 2 and set(row.summary["do_nothing"]) >= {"drums"}
        assert row.steps == 3 and row.parameters > 0 and row.memory_bytes > 0 and row.total_secs > 0
        assert row.code and row.commit and row.corpus and row.split == "test" and len(row.curves) == 1
    assert not list(out.glob("runs/**/saved_model"))
    page = (out / "claims.html").read_bytes()
    # Nothing is left to do, and the ledger alone gives the same page.
    assert claims_command(recipes, [*command, "--seeds", "0"]) == 0
    assert "2 runs, 2 of them in the ledger" in capsys.readouterr().out and read_ledger(ledger) == rows
    again = ["--from-ledger", str(ledger), "--out", str(tmp_path / "again"), "--scale", "small"]
    assert claims_command(recipes, again) == 0
    assert (tmp_path / "again" / "claims.html").read_bytes() == page


@pytest.mark.slow
def test_a_run_on_images(tmp_path):
    records = make_street_records(tmp_path)
    changes = ["data.crop=[32, 64]", "training.steps_per_epoch=2", "training.stages.0.epochs=1"]
    runs = runs_of_claims(claims("smoothed_dilated/group_interaction"), BY_NAME, "small", [0], changes)
    (run, _) = with_records(runs, load_records([str(records)]))
    job = {
        "config": run.config.to_dict(),
        "row": to_dict(run.row),
        "data_dir": str(records),
        "run_dir": str(run.directory(tmp_path / "out")),
        "references_dir": str(tmp_path / "references"),
        "measurements": list(run.measurements),
    }
    row = run_job(job)
    values = [scores["mean IoU"] for scores in row.scores.values()]
    assert len(values) == 3 and row.split == "validation"
    assert 0 <= row.summary["scores"]["mean IoU"] <= 100 and np.isfinite(values).all()
    assert 0 < row.measurements["energy off the lattice"] < 100
    assert isinstance(row, LedgerRow) and append_row(tmp_path / "ledger.jsonl", row)
    assert missing_runs([run], [row]) == []
    other = dataclasses.replace(row, code="other")
    assert missing_runs([run], [other]) == [run] and missing_runs([run], [other], any_commit=True) == []


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["d3net_mss/dilation"], "Did you mean 'd3net_mss/dilation_bass'"),
        (["--data", "D"], "`--out` is required"),
        (["--from-ledger", "L", "--out", "O", "--seeds", "1"], "leave out --seeds"),
        (["--seeds", "1"], "`--data` or `--from-ledger` is required"),
        (["--from-ledger", "none.jsonl", "--out", "O"], "No ledger at `none.jsonl`"),
        (["--data", "none", "--out", "O"], "No directory of TFRecords at `none`"),
        (["--data", "D", "--out", "O", "--workers", "0"], "`workers` must be"),
    ],
)
def test_commands_that_cannot_be(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert claims_command(RECIPES, arguments) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_claims_are_listed(capsys):
    assert claims_command(RECIPES, ["d3net_mss"]) == 0
    listed = capsys.readouterr().out
    assert "multidilated 7.01, standard dilation 6.61, without dilation 6.37" in listed
    assert "small: small, small_standard_dilation, small_without_dilation" in listed
