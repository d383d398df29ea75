import json

import pytest

from keras_d3.settings import (
    SeparatorConfig,
    SpectrogramSeparatorConfig,
    WaveformSeparatorConfig,
    from_dict,
    to_dict,
)
from tests.helpers.tiny_networks import spectrogram_settings, waveform_settings


@pytest.mark.parametrize(
    "config",
    [
        waveform_settings(overlap=0.5),
        spectrogram_settings(wiener=True),
        spectrogram_settings(source_patches={"vocals": (12, 6)}),
    ],
)
def test_settings_survive_json(config):
    assert separation_from_dict(json.loads(json.dumps(to_dict(config)))) == config


def separation_from_dict(values):
    return from_dict(SeparatorConfig, values, "separation")


def test_sources_become_a_tuple():
    assert WaveformSeparatorConfig(8000, 1, ["a", "b"]).sources == ("a", "b")


@pytest.mark.parametrize(
    "changes,message",
    [
        ({"sample_rate_hz": 0}, "`sample_rate_hz` must be an integer of at least 1"),
        ({"channels": 1.5}, "`channels` must be an integer of at least 1"),
        ({"sources": ()}, "`sources` must be a sequence of one or more different names"),
        ({"sources": "vocals"}, "`sources` must be a sequence of one or more different names"),
        ({"sources": ("a", "a")}, "`sources` must be a sequence of one or more different names"),
        ({"sources": ("../a",)}, "`sources` must be .* names that can be file names"),
        ({"padding": "edge"}, "`padding` must be one of 'zeros', 'reflect'"),
        ({"overlap": 1.0}, r"`overlap` must be a fraction from 0 to 0.9. Received: overlap=1.0"),
        ({"overlap": -0.1}, "`overlap` must be a fraction from 0 to 0.9"),
        ({"clip": 1}, r"`clip` must be True or False. Received: clip=1"),
        ({"downmix": True}, "`downmix` must be False unless the network is mono"),
        ({"downmix": 1, "channels": 1}, "`downmix` must be True or False"),
        ({"windows_per_batch": 0}, "`windows_per_batch` must be an integer of at least 1"),
    ],
)
def test_waveform_settings_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        waveform_settings(**changes)


@pytest.mark.parametrize(
    "changes,message",
    [
        ({"frame_step": 24}, "`frame_step` must divide `frame_length`"),
        ({"patch_shift": 3}, r"`patch_shift` must divide `patch_frames`.*patch_frames=8, patch_shift=3"),
        ({"num_bins": 34}, "`num_bins` must be at most the 33 bins"),
        ({"flip_channels": True, "channels": 1}, "`flip_channels` must be False unless there are two"),
        ({"flip_channels": "yes"}, "`flip_channels` must be True or False"),
        ({"wiener": True, "sources": ("a",)}, "`wiener` must be False for a single source"),
        ({"wiener": True, "channels": 3}, "`wiener` must be False for more than two channels"),
        ({"wiener_block_secs": 0}, "`wiener_block_secs` must be a positive number of seconds"),
        ({"patches_per_batch": 0}, "`patches_per_batch` must be an integer of at least 1"),
        ({"source_patches": (12, 6)}, r"`source_patches` must be a mapping .*source_patches=\(12, 6\)"),
        ({"source_patches": {"bass": (12, 6)}}, "`source_patches` must have .* of bass, sources="),
        (
            {"source_patches": {"drums": 12.5}},
            r"`source_patches\['drums'\]` must be an integer or 2 integers",
        ),
        ({"source_patches": {"drums": (12, 5)}}, r"`source_patches\['drums'\]` must .* divides the first"),
        ({"source_patches": {"drums": (12, 0)}}, r"`source_patches\['drums'\]` must be an integer of at"),
    ],
)
def test_spectrogram_settings_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        spectrogram_settings(**changes)


def test_settings_from_dict_refused():
    with pytest.raises(ValueError, match="`separation` must be a mapping"):
        separation_from_dict("waveform")
    with pytest.raises(ValueError, match="`separation.kind` must be one of 'waveform', .*kind=None"):
        separation_from_dict({})
    with pytest.raises(ValueError, match="Unknown key in separation: overlapp"):
        separation_from_dict({**to_dict(waveform_settings()), "overlapp": 0.5})


def test_patches_of_sources():
    config = spectrogram_settings(source_patches={"vocals": [12, 6]})
    assert config.patches_of("vocals") == (12, 6) and config.patches_of("drums") == (8, 4)
    assert spectrogram_settings(source_patches={}).source_patches is None


def test_qualities():
    config = spectrogram_settings(flip_channels=True, source_patches={"vocals": (12, 6)})
    fast = config.at_quality("fast")
    assert config.at_quality("best") is config and fast.at_quality("fast") == fast
    assert fast.patches_of("drums") == (8, 8) and fast.patches_of("vocals") == (12, 12)
    assert not fast.flip_channels and fast.wiener == config.wiener
    assert waveform_settings(overlap=0.5).at_quality("fast") == waveform_settings(overlap=0)
    for settings in (config, waveform_settings()):
        with pytest.raises(ValueError, match="`quality` must be one of 'best', 'fast'.*quality='slow'"):
            settings.at_quality("slow")


def test_defaults_are_those_of_the_papers():
    config = SpectrogramSeparatorConfig(44100, 2, ("a", "b"), 4096, 1024, 256, 128)
    assert config.wiener and config.padding == "reflect" and config.wiener_block_secs == 60
