"""A catalogue of songs separated on Beam."""

import json

import numpy as np
import pytest
import soundfile

from keras_d3.separation import separate_file, separate_on_beam
from keras_d3.utils import BeamRunner
from tests.helpers.training_configs import waveform_config

pytest.importorskip("apache_beam")
pytestmark = pytest.mark.filterwarnings("default")
HERE = BeamRunner("DirectRunner")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from keras_d3.separation import Separator
    from keras_d3.training import build_network

    config = waveform_config()
    path = tmp_path_factory.mktemp("model") / "separator"
    Separator(build_network(config), config.separation).export(path)
    return path


@pytest.fixture
def songs(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "songs").mkdir()
    paths = [tmp_path / "songs" / f"song {number}.wav" for number in range(3)]
    for path in paths:
        soundfile.write(path, rng.uniform(-0.3, 0.3, (3000, 2)), 8000)
    return paths


def test_songs_are_separated_as_here_and_once(model, songs, tmp_path):
    lines = separate_on_beam(HERE, model, songs, tmp_path / "beam")
    assert [line["song"] for line in lines] == [str(song) for song in songs]
    saved = (tmp_path / "beam" / "separation.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in saved] == lines
    from keras_d3.separation import load_separator

    for path in separate_file(load_separator(model), songs[1], tmp_path / "here", show_progress=False):
        assert path.read_bytes() == (tmp_path / "beam" / "song 1" / path.name).read_bytes()
    stems = sorted((tmp_path / "beam").glob("*/*.wav"))
    times = [path.stat().st_mtime_ns for path in stems]
    (tmp_path / "beam" / "song 2" / "bass.wav").unlink()
    assert len(separate_on_beam(HERE, model, songs, tmp_path / "beam")) == 3
    changed = [path for path, time in zip(stems, times, strict=True) if path.stat().st_mtime_ns != time]
    assert {path.parent.name for path in changed} == {"song 2"}


def test_a_bad_song_does_not_end_the_others(model, songs, tmp_path):
    songs[0].write_bytes(b"RIFF no audio")
    with pytest.raises(ValueError, match="song 0.wav"):
        separate_on_beam(HERE, model, songs, tmp_path / "beam")
    assert len((tmp_path / "beam" / "separation.jsonl").read_text().splitlines()) == 2


def test_refusals(model, songs, tmp_path):
    with pytest.raises(ValueError, match="different names. Received twice: song 1"):
        separate_on_beam(HERE, model, [*songs, songs[1]], tmp_path / "beam")
    with pytest.raises(ValueError, match="`quality` must be one of"):
        separate_on_beam(HERE, model, songs, tmp_path / "beam", quality="good")
