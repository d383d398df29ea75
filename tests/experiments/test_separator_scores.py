"""Any separator's SavedModel on records: the command, what it keeps, and what it refuses."""

import json
import shutil

import keras
import numpy as np
import pytest
import soundfile

from keras_d3.audio import read_audio
from keras_d3.cli import main
from keras_d3.data import load_manifest
from keras_d3.evaluation import sdr
from keras_d3.experiments import score_separator, separation_scores
from keras_d3.experiments.separation_scores import separate_tracks
from keras_d3.experiments.separator_scores import check_separator
from keras_d3.separation import GraphSeparator, Separator, read_separator_metadata
from keras_d3.utils import lock_directory
from tests.helpers.small_records import SAMPLE_RATE_HZ, SOURCES, make_records
from tests.helpers.tiny_networks import waveform_settings

PAIR = ("accompaniment", "vocals")
FAST = {"backend": "shared", "progress": False, "num_workers": 1}


def gains(sources):
    """Gives every source a share of the mixture."""
    window = keras.Input((64, 2))
    shares = {source: 0.2 + 0.1 * number for number, source in enumerate(sources)}
    return keras.Model(
        window, {source: keras.layers.Rescaling(share)(window) for source, share in shares.items()}
    )


def export(path, sources, **metadata):
    return Separator(gains(sources), waveform_settings(sources=sources), metadata).export(path, check=False)


def with_recipe(saved_model, path, recipe):
    """A copy of a SavedModel whose metadata tell of another recipe."""
    shutil.copytree(saved_model, path)
    (path / "assets.extra/checksums.json").unlink()
    file = path / "assets.extra/metadata.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "recipe": recipe}))
    return path


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return make_records(tmp_path_factory.mktemp("songs"))


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    return export(tmp_path_factory.mktemp("model") / "four", SOURCES)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return export(tmp_path_factory.mktemp("model") / "pair", PAIR)


@pytest.fixture(scope="module")
def scored(records, four, tmp_path_factory):
    out = tmp_path_factory.mktemp("scores") / "out"
    return out, *score_separator(four, records, out, **FAST)


def test_scores_are_those_of_the_estimates(scored, records, four):
    out, scores, summary, notes = scored
    assert set(scores) == {"test song 0", "test song 1"}
    for track, found in scores.items():
        stems = [
            {name: soundfile.read(out / part / "test" / track / f"{name}.wav")[0] for name in SOURCES}
            for part in ("references", "estimates")
        ]
        for source, expected in sdr(*stems, SAMPLE_RATE_HZ).items():
            np.testing.assert_allclose(found["targets"][source]["SDR"], expected, atol=1e-3)
        mixture, _ = read_audio(out / "references/test" / track / "mixture.wav")
        np.testing.assert_allclose(stems[1]["bass"], 0.2 * mixture, atol=1e-6)
    assert json.loads((out / "scores/test.json").read_text()) == json.loads(json.dumps(summary))
    assert (summary["data_set"], summary["variant"], summary["split"]) == ("small", "folder", "test")
    assert set(summary["track_median"]) == set(SOURCES) and summary["published"] == []
    assert summary["settings"]["quality"] == "best" and summary["settings"]["overlap"] == 0.25
    assert summary["model"]["name"] == "four" and len(summary["model"]["sha256"]) == 64
    assert "No published scores beside these: none is known for this model." in notes
    assert any("does not say what it was trained on" in line for line in notes)


def test_what_is_separated_is_kept_for_the_same_model_records_and_settings(
    scored, records, four, tmp_path, monkeypatch
):
    out = shutil.copytree(scored[0], tmp_path / "out")
    estimate = out / "estimates/test/test song 0/bass.wav"
    separated = []
    separate = GraphSeparator.separate

    def counted(self, mixture, *arguments, **options):
        separated.append(len(mixture))
        return separate(self, mixture, *arguments, **options)

    monkeypatch.setattr(GraphSeparator, "separate", counted)
    assert score_separator(four, records, out, **FAST)[1] == scored[2]
    assert not separated
    shutil.rmtree(estimate.parent)
    folders = out / "estimates", out / "references"
    separate_tracks(four, records, *folders)
    assert len(separated) == 2 and estimate.is_file(), "a second to warm up, and the song that is missing"
    separate_tracks(four, records, *folders, quality="fast")
    assert len(separated) == 5
    other = with_recipe(four, tmp_path / "other", {"recipe": "another"})
    separate_tracks(other, records, *folders, quality="fast")
    assert len(separated) == 8
    separate_tracks(other, records, *folders, quality="fast")
    assert len(separated) == 8

    def killed(path, *arguments, **options):
        raise KeyboardInterrupt  # before the log says who made the first estimate

    monkeypatch.setattr(separation_scores, "write_audio", killed)
    with pytest.raises(KeyboardInterrupt):
        separate_tracks(four, records, *folders)
    log = json.loads((folders[0] / "separation.json").read_text())
    assert log["tracks"] == {}, "the former model's log would claim this one's estimates"
    with lock_directory(folders[0]):
        with pytest.raises(RuntimeError, match="is being written by another process"):
            separate_tracks(four, records, *folders)


def test_the_accompaniment_is_the_sum_of_the_rest(pair, records, tmp_path, capsys):
    command = ["evaluate", "--model", str(pair), "--data", str(records), "--out", str(tmp_path / "out")]
    assert main([*command, "--backend", "shared", "--workers", "1", "--split", "validation"]) == 0
    out = capsys.readouterr().out
    assert "accompaniment" in out and "times real time" in out and "Scored among" not in out
    folder = tmp_path / "out/references/validation/validation song 0"
    stems = {path.stem: read_audio(path)[0] for path in folder.glob("*.wav")}
    assert set(stems) == {"mixture", "accompaniment", *SOURCES}
    rest = stems["bass"] + stems["drums"] + stems["other"]
    np.testing.assert_allclose(stems["accompaniment"], rest, atol=1e-6)
    assert (tmp_path / "out/scores/validation/validation song 0.json").is_file()


def test_some_of_the_sources_are_scored_among_themselves(records, tmp_path):
    model = export(tmp_path / "model", ("bass", "vocals"))
    _, summary, notes = score_separator(model, records, tmp_path / "out", **FAST)
    assert set(summary["track_median"]) == {"bass", "vocals"}
    assert "Scored among these sources alone: SIR and SAR would be others" in notes[0]


def test_songs_that_the_model_was_trained_on(four, records, tmp_path):
    tracks = {"train": ["017 - TEST song 0"], "validation": ["A - B"]}
    model = with_recipe(four, tmp_path / "model", {"run": {"recipe": "r", "config": "c"}, "tracks": tracks})
    with pytest.raises(
        ValueError, match=r"model` these were, 1 of 2: test song 0 \(there: 017 - TEST song 0\)"
    ):
        score_separator(model, records, tmp_path / "out", **FAST)
    assert not (tmp_path / "out").exists()
    scores, summary, notes = score_separator(
        model, records, tmp_path / "out", skip_trained_songs=True, **FAST
    )
    assert set(scores) == {"test song 1"} and summary["skipped_trained_songs"] == ["test song 0"]
    assert "Left out, because they were trained on: test song 0" in notes
    assert not any("does not say" in line for line in notes)


def test_references_of_other_records_are_not_taken(scored, four, tmp_path):
    out = shutil.copytree(scored[0], tmp_path / "out")
    others = make_records(tmp_path / "others", encoding="flac")
    with pytest.raises(ValueError, match="`out` must be a directory of scores on the same records"):
        score_separator(four, others, out, **FAST)


@pytest.mark.parametrize(
    "changes, split, message",
    [
        (
            {"sources": ["bass", "piano"]},
            "test",
            "must separate sources of the records, bass, drums, other, voc",
        ),
        (
            {"sources": [*SOURCES, "accompaniment"]},
            "test",
            "Received: a model of bass, drums, other, vocals, acc",
        ),
        (
            {"sample_rate_hz": 44100},
            "test",
            "at least the sample rate of the model, 44100 Hz. Received: 8000 Hz",
        ),
        ({"channels": 3}, "test", "must have the channels of the model, 3. Received: 2 in"),
        ({}, "train ", "`split` must be one of train, validation, test"),
    ],
)
def test_records_that_do_not_fit_are_refused(four, records, changes, split, message):
    metadata = {**read_separator_metadata(four), **changes}
    with pytest.raises(ValueError, match=message):
        check_separator(metadata, load_manifest(records), split)
