import pytest

from keras_d3.convert.d3net_music import TARGETS, arguments_from_official
from keras_d3.convert.d3net_music_separation import PATCHES, _separation_settings
from keras_d3.convert.official_settings import find_official_settings, read_official_settings
from keras_d3.models import D3Net, presets
from tests.convert.official_settings import official_settings

PARAMETERS = {"vocals": 2_967_407, "drums": 2_873_284, "bass": 2_419_822, "other": 2_967_407}


@pytest.mark.parametrize("target", TARGETS)
def test_official_settings_describe_the_preset(target):
    """Whose number of parameters the tests of the models count."""
    preset = presets()[f"d3net_{target}"]
    assert preset.parameters == PARAMETERS[target]
    converted = D3Net.arguments_class(**arguments_from_official(official_settings(preset)))
    expected = D3Net.arguments_class(**preset.arguments, final_dilation="multidilated")
    assert converted == expected


def test_patches_of_the_official_separator():
    assert set(PATCHES) == {"bass"}
    for target in TARGETS:
        settings = _separation_settings(target, None)
        patch = settings["test_patch_len"], settings["out_shift"]
        assert patch == ((384, 192) if target == "bass" else (256, 128))
        assert (settings["fft_size"], settings["hop_size"], settings["n_channels"]) == (4096, 1024, 2)


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
