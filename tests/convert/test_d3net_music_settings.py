import json

import pytest

from keras_d3.convert import official_settings
from keras_d3.convert.d3net_music import arguments_from_official
from keras_d3.convert.d3net_music_settings import (
    TARGETS,
    find_official_settings,
    read_official_settings,
    settings_from_arguments,
)
from keras_d3.models import presets
from keras_d3.models.multi_band.band import to_band, to_bands

PARAMETERS = {"vocals": 2_967_407, "drums": 2_873_284, "bass": 2_419_822, "other": 2_967_407}


@pytest.mark.parametrize("target", TARGETS)
def test_official_settings_describe_the_preset(target):
    """Whose number of parameters the tests of the models count."""
    settings, preset = official_settings(target), presets()[f"d3net_{target}"]
    assert preset.parameters == PARAMETERS[target]
    converted, expected = arguments_from_official(settings), preset.merged_arguments()
    assert to_bands(converted["bands"]) == to_bands(expected["bands"])
    assert to_band(converted["full"], "full") == to_band(expected["full"], "full")
    for name in ("num_bins", "num_channels", "final_block", "dilation"):
        assert converted[name] == expected[name]
    assert settings_from_arguments(converted) == {name: settings[name] for name in list(settings)[:-3]}
    # All of it can be written and read as JSON.
    assert json.loads(json.dumps(settings)) == settings


def test_patches_of_the_official_separator():
    for target in TARGETS:
        settings = official_settings(target)
        patch = settings["test_patch_len"], settings["out_shift"]
        assert patch == ((384, 192) if target == "bass" else (256, 128))
        assert (settings["fft_size"], settings["hop_size"], settings["n_channels"]) == (4096, 1024, 2)


def test_arguments_that_the_official_code_does_not_know():
    preset = presets()["d3net_vocals"]
    with pytest.raises(ValueError, match="`dilation` must be one of 'multidilated', 'none'.*'standard'"):
        settings_from_arguments(preset.merged_arguments(dilation="standard"))
    full = {"num_bins": None, "filters": 4, "blocks": ((2, 1, 1), (2, 1, 2), (2, 1, 1))}
    with pytest.raises(ValueError, match="`blocks` of band 'full' must have as many D2 blocks in the deep"):
        settings_from_arguments(preset.merged_arguments(full=full))
    with pytest.raises(ValueError, match="`target` must be one of 'bass', 'drums', 'other', 'vocals'"):
        official_settings("piano")


def test_reading_settings(tmp_path):
    (tmp_path / "vocals.yml").write_text("fft_size: 4096\nband_split_idxs: [256]\ndilation: True\n")
    (tmp_path / "drums.json").write_text('{"fft_size": 64}')
    path = find_official_settings(tmp_path, "vocals")
    assert read_official_settings(path) == {"fft_size": 4096, "band_split_idxs": [256], "dilation": True}
    assert read_official_settings(find_official_settings(tmp_path, "drums")) == {"fft_size": 64}
    assert find_official_settings(tmp_path, "bass") is None
    with pytest.raises(FileNotFoundError, match="No settings at .*bass.yaml"):
        read_official_settings(tmp_path / "bass.yaml")
    for name, text, message in (
        ("a.json", "{", "a.json` cannot be read"),
        ("a.yaml", "[1, 2", "a.yaml` cannot be read"),
        ("b.yaml", "- 1", "b.yaml` must be a mapping of the official code's keys. Received: list"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match=message):
            read_official_settings(tmp_path / name)
