"""Songs that were trained on are found whatever data set they come from."""

import pytest

from keras_d3.experiments.leakage import song_key, songs_to_evaluate, trained_songs
from keras_d3.runs import Run
from tests.helpers.training_configs import spectrogram_config, waveform_config

DSD100 = {"train": ["053 - Actions - Devil's Words"], "validation": ["060 - BKS - Too Much"]}


@pytest.fixture
def run(tmp_path):
    directory = Run(tmp_path / "run")
    directory.claim(waveform_config())
    directory.record_tracks(DSD100)
    return directory.path


@pytest.mark.parametrize(
    "ours, theirs, same",
    [
        ("053 - Actions - Devil's Words", "Actions - Devil's Words", True),
        ("001 - ANiMAL - Clinic A", "Animal - clinic A", True),
        ("Actions - Devil\u2019s  Words", "Actions - Devil's Words", True),
        ("077 - Ma\u0301 - Ö", "M\u00e1 - O", True),
        ("1990 - Song", "Song", False),
        ("12 - Song", "Song", False),
        ("A - Song 1", "A - Song 2", False),
        ("!!!", "???", False),
    ],
)
def test_one_song_under_two_names(ours, theirs, same):
    assert (song_key(ours) == song_key(theirs)) is same


def test_songs_of_a_run(run):
    assert trained_songs(run) == ["053 - Actions - Devil's Words", "060 - BKS - Too Much"]
    Run(run).record_tracks({"train": ["A - B"]})  # it went on with other records
    assert "A - B" in trained_songs(run) and len(trained_songs(run)) == 3


def test_songs_of_a_run_with_a_network_per_source(tmp_path):
    config = spectrogram_config("all").with_sources(("drums", "vocals"))
    Run(tmp_path).claim(config)
    for source in config.data.sources:
        Run(tmp_path / source).record_tracks({"train": [f"A - {source}"]})
    assert trained_songs(tmp_path) == ["A - drums", "A - vocals"]
    (tmp_path / "drums" / "tracks.json").unlink()
    with pytest.raises(FileNotFoundError, match="No list of tracks at .*drums.tracks.json"):
        trained_songs(tmp_path)


def test_other_songs_are_evaluated_in_order(run):
    assert songs_to_evaluate(run, ["Z - Y", "A - B"]) == ["Z - Y", "A - B"]


def test_trained_and_validated_songs_are_refused(run):
    names = ["A - B", "Actions - Devil's words", "BKS - Too Much", "C - D"]
    with pytest.raises(ValueError) as error:
        songs_to_evaluate(run, names)
    message = str(error.value)
    assert "were, 2 of 4: Actions - Devil's words (there: 053 - Actions - Devil's Words), BKS" in message
    assert "--skip-trained-songs" in message
    assert songs_to_evaluate(run, names, skip_trained_songs=True) == ["A - B", "C - D"]
    with pytest.raises(ValueError, match="1 of 1: BKS.*No test song would be left. Evaluate on other"):
        songs_to_evaluate(run, ["BKS - Too Much"], skip_trained_songs=True)


def test_a_run_without_a_list_is_refused(run):
    (run / "tracks.json").unlink()
    with pytest.raises(FileNotFoundError, match="so nothing tells what the run was trained on"):
        songs_to_evaluate(run, ["BKS - Too Much"])


def test_no_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="No run config at"):
        trained_songs(tmp_path)
