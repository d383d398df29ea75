"""Score files: what was changed or is none is refused with a sentence."""

import json

import pytest

from keras_d3.evaluation import METRICS, read_scores
from keras_d3.evaluation.kept_scores import write_scores

NO_FRAMES = {metric: [] for metric in METRICS}
SCORES = {
    "track": "a",
    "tool": "museval 0.4.1",
    "sample_rate_hz": 8000,
    "window_samples": 8000,
    "hop_samples": 8000,
    "targets": {"vocals": {**NO_FRAMES, "SDR": [1.5, None, "inf"], "SIR": ["-inf", -3, 0]}},
    "song": {"vocals": {"song_sdr": 2.25, "si_sdr": None}},
    "fingerprint": 64 * "f",
}


SCENARIO = {"sources": ["vocals"], "targets": ["vocals"], "dropped_frames": []}


@pytest.fixture
def path(tmp_path):
    write_scores(tmp_path / "a.json", SCORES)
    return tmp_path / "a.json"


def test_scores_are_read_as_they_were_written(path):
    assert read_scores(path) == SCORES


def test_a_changed_score_is_noticed(path):
    path.write_text(path.read_text().replace("2.25", "2.26"))
    with pytest.raises(ValueError, match="scores file `.*a.json` is damaged, or was changed"):
        read_scores(path)


@pytest.mark.parametrize(
    "change, said",
    [
        ({"track": 1}, "`track` must be a str. Received: 1"),
        ({"targets": []}, "`targets` must be a dict"),
        ({"targets": {"vocals": None}}, "`targets.vocals` must be a mapping"),
        ({"targets": {"vocals": {"SDR": 1}}}, "`SDR` must be a list"),
        ({"targets": {"vocals": {"SDR": [1]}}}, "`ISR` must be a list"),
        (
            {"targets": {"vocals": {**NO_FRAMES, "SDR": [1, "x"]}}},
            "`targets.vocals.SDR` must be numbers.*'x'",
        ),
        ({"targets": {"vocals": {**NO_FRAMES, "SDR": [1e5]}}}, "Received: 100000.0 in it"),
        ({"targets": {"vocals": {**NO_FRAMES, "SDR": [True]}}}, "Received: True in it"),
        ({"song": {"vocals": {"song_sdr": []}}}, "`song.vocals` must be numbers of dB"),
        ({"sample_rate_hz": 0}, "`sample_rate_hz` must be"),
        ({"hop_samples": None}, "`hop_samples` must be"),
        ({"scenarios": None}, "`scenarios` must be a list"),
        ({"scenarios": [1], "num_frames": 3}, "`scenarios` must be a mapping"),
        ({"scenarios": [{"sources": [1]}], "num_frames": 3}, "`scenarios` must have lists of names"),
        ({"scenarios": [SCENARIO], "num_frames": None}, "`num_frames` must be"),
        ({"scenarios": [{**SCENARIO, "dropped_frames": [{}]}], "num_frames": 3}, "`reason` must be a str"),
    ],
)
def test_other_types_and_ranges_are_refused(tmp_path, change, said):
    """In files without a checksum, as earlier versions wrote."""
    (tmp_path / "a.json").write_text(json.dumps({**SCORES, **change}))
    with pytest.raises(ValueError, match=f"The scores file `.*a.json` is damaged: .*{said}.*Remove it"):
        read_scores(tmp_path / "a.json")


@pytest.mark.parametrize("content", ["[]", "null", "{}", "5"])
def test_what_is_no_mapping_is_refused(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ValueError, match="`track` must be a str"):
        read_scores(tmp_path / "a.json")
