"""The command line from a checkpoint of the authors' kind to stems, against the authors' loop in NumPy."""

import json

import numpy as np
import pytest
import soundfile

from keras_d3.cli import main
from keras_d3.convert import official_wave_u_net_settings
from keras_d3.convert.wave_u_net_separation import wave_u_net_separator
from keras_d3.separation import read_separator_metadata
from keras_d3.utils.files import sha256_of_file
from tests.helpers.official_wave_u_net import OfficialWaveUNet, write_checkpoint
from tests.helpers.tiny_networks import noise
from tests.separation.test_waveform_graph import official_tiling

# Mono with context: the song's channels are averaged, and its stems given to both.
SETTINGS = {
    "num_layers": 2,
    "num_initial_filters": 2,
    "num_frames": 100,
    "expected_sr": 8000,
    "context": True,
    "output_type": "difference",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("official")
    (folder / "config.json").write_text(json.dumps(SETTINGS))
    official = OfficialWaveUNet({**official_wave_u_net_settings("baseline"), **SETTINGS})
    official(np.zeros((1, official.lengths()[0], 1)))
    write_checkpoint(folder / "model-1", official.variables)
    return folder, official


def test_from_a_checkpoint_to_stems(files, tmp_path, capsys):
    folder, official = files
    arguments = ["--weights", str(folder / "model-1"), "--config", str(folder / "config.json")]
    arguments += ["--out", str(tmp_path / "separator")]
    assert main(["convert", "wave-u-net", *arguments]) == 0
    song = noise(1000)
    soundfile.write(tmp_path / "song.wav", song, 8000, subtype="FLOAT")
    model = ["--model", str(tmp_path / "separator"), "--out", str(tmp_path), "--subtype", "FLOAT"]
    assert main(["separate", str(tmp_path / "song.wav"), *model]) == 0
    lengths = official.lengths()
    for source in ("accompaniment", "vocals"):
        expected = official_tiling(official, song.mean(axis=1, keepdims=True), *lengths, source)
        stem, _ = soundfile.read(tmp_path / "song" / f"{source}.wav", dtype="float32")
        assert np.abs(expected).max() > 0.05
        np.testing.assert_allclose(stem, np.repeat(expected, 2, axis=1), atol=1e-5)

    recipe = read_separator_metadata(tmp_path / "separator")["recipe"]
    data = "model-1.data-00000-of-00001"
    assert recipe["weights"] == {data: sha256_of_file(folder / data)}
    assert recipe["settings"]["num_frames"] == 100
    assert main(["convert", "wave-u-net", *arguments]) == 1
    assert "exists already. Choose another path, or give --overwrite." in capsys.readouterr().err


def test_settings_of_the_separator(files):
    folder, _ = files
    separator = wave_u_net_separator(folder / "model-1", SETTINGS, padding="reflect", downmix=False)
    assert separator.config.padding == "reflect" and not separator.config.downmix
    assert separator.sample_rate == 8000 and separator.config.overlap == 0
    lines = []
    with pytest.raises(ValueError, match=r"must be those of the network .* missing \(\d+\)"):
        # The tensors of a small network are no M4.
        wave_u_net_separator(folder / "model-1", "baseline_stereo", progress=lines.append)
    assert lines == ["settings of baseline_stereo", f"weights from {folder / 'model-1'}"]
