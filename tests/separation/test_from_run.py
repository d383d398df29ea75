import numpy as np
import pytest

from keras_d3 import models
from keras_d3.separation import separator_from_run
from keras_d3.separation.rebuild_network import network_for_separation
from keras_d3.settings.dicts import to_dict
from keras_d3.utils.files import write_json
from tests.helpers.tiny_networks import (
    SOURCES,
    magnitude_gain,
    noise,
    spectrogram_settings,
    waveform_identity,
    waveform_settings,
)

SEGMENTED = [
    ("dilated_u_net", {"num_samples": 32, "filters": 2, "dilation_rates": [[1, 2]]}),
    ("wave_u_net_m1", {"num_output_samples": 32, "filters": 2, "num_levels": 2}),
]


def write_run(path, separation, target, network):
    write_json(path / "config.json", {"recipe": "tiny", "separation": separation, "target": target})
    if network:
        (path / "checkpoints").mkdir()
        network.save(path / "checkpoints" / "best.keras")
        network.save(path / "checkpoints" / "last.keras")


@pytest.mark.parametrize("checkpoint", ["best", "last"])
def test_waveform_run(tmp_path, checkpoint):
    write_run(tmp_path / "run", to_dict(waveform_settings()), None, waveform_identity())
    separator = separator_from_run(tmp_path / "run", checkpoint=checkpoint)
    np.testing.assert_allclose(separator.separate(noise(99), 8000)["drums"], noise(99), atol=1e-6)
    assert separator.metadata["recipe"]["recipe"] == "tiny"


@pytest.mark.parametrize("preset,model", SEGMENTED, ids=["dilated", "wave_u_net"])
def test_windows_of_another_length(tmp_path, preset, model, caplog):
    """The longer network has the same weights; only of dilated networks its segments are warned of."""
    network = models.build(preset, channels=1, sources=SOURCES, **model)
    run = {"preset": preset, "model": {"channels": 1, "sources": SOURCES, **model}, "target": None}
    write_json(tmp_path / "config.json", {**run, "separation": to_dict(waveform_settings(channels=1))})
    (tmp_path / "checkpoints").mkdir()
    network.save(tmp_path / "checkpoints" / "best.keras")
    with caplog.at_level("WARNING", logger="keras_d3.separation"):
        separator = separator_from_run(tmp_path, segment_samples=64)
    warned = "switch on taps that met padding only in training on 32 samples" in caplog.text
    assert warned == (preset == "dilated_u_net")
    (longer,) = separator._networks if isinstance(separator._networks, list) else [separator._networks]
    assert longer.input_shape == (None, 64, 1)
    for ours, theirs in zip(longer.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_networks_trained_on_magnitudes_give_waveforms(tmp_path):
    model = {"num_samples": 56, "frame_length": 32, "frame_step": 24, "num_levels": 1, "filters": 2}
    model["sources"] = list(SOURCES)
    network = models.build("unet_spectrogram_l1", **model)
    assert network.compute_output_shape(network.input_shape)["drums"] == (None, 2, 17, 1)
    run = {"preset": "unet_spectrogram_l1", "model": model, "target": None}
    write_json(tmp_path / "config.json", {**run, "separation": to_dict(waveform_settings(channels=1))})
    (tmp_path / "checkpoints").mkdir()
    network.save(tmp_path / "checkpoints" / "best.keras")
    expected = models.build("unet_spectrogram", **model)
    expected.set_weights(network.get_weights())
    stem = separator_from_run(tmp_path).separate(noise(56, 1), 8000)["drums"]
    np.testing.assert_allclose(stem, expected(noise(56, 1)[None])["drums"][0], atol=1e-6)


def test_windows_that_networks_do_not_have(tmp_path):
    write_run(tmp_path, to_dict(spectrogram_settings()), "all", None)
    with pytest.raises(ValueError, match="`segment_samples` must be None for spectrogram networks"):
        separator_from_run(tmp_path, segment_samples=64)
    with pytest.raises(ValueError, match="must be None for networks without windows of samples"):
        network_for_separation(waveform_identity(), {"preset": "mdensenet"}, 64)


def test_spectrogram_run_of_all_targets(tmp_path):
    separation = to_dict(spectrogram_settings(wiener=True, source_patches={"vocals": (12, 6)}))
    write_run(tmp_path / "run", separation, "all", None)
    for gain, source in zip((0.2, 0.6), SOURCES, strict=True):
        write_run(tmp_path / "run" / source, separation, source, magnitude_gain(33, gain=gain))
    separator = separator_from_run(tmp_path / "run")
    assert separator.sources == SOURCES and separator.config.wiener
    stems = separator.separate(noise(99), 8000)
    # The filter shares the mixture out by power.
    np.testing.assert_allclose(stems["vocals"], 0.9 * noise(99), atol=1e-4)
    # The run of one target alone: its network, no filter.
    alone = separator_from_run(tmp_path / "run" / "vocals")
    assert alone.sources == ("vocals",) and not alone.config.wiener
    assert alone.config.patches_of("vocals") == (12, 6)
    np.testing.assert_allclose(alone.separate(noise(99), 8000)["vocals"], 0.6 * noise(99), atol=1e-5)
    assert separator_from_run(tmp_path / "run" / "drums").config.source_patches is None


def test_runs_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="No run config at .*It is made by `python -m recipes"):
        separator_from_run(tmp_path)
    write_json(tmp_path / "a" / "config.json", {"target": None})
    with pytest.raises(ValueError, match="must have the settings of a separator under `separation`"):
        separator_from_run(tmp_path / "a")
    write_run(tmp_path / "b", to_dict(waveform_settings()), None, None)
    with pytest.raises(FileNotFoundError, match="No checkpoint at .*best.keras"):
        separator_from_run(tmp_path / "b")
    with pytest.raises(ValueError, match="`checkpoint` must be one of 'best', 'last'"):
        separator_from_run(tmp_path / "b", checkpoint="epoch_3")
    write_run(tmp_path / "c", to_dict(spectrogram_settings()), None, None)
    with pytest.raises(ValueError, match="must name the `target` of a spectrogram network"):
        separator_from_run(tmp_path / "c")
