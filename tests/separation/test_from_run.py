import numpy as np
import pytest

from keras_d3 import models
from keras_d3.runs import Run
from keras_d3.separation import separator_from_run
from keras_d3.separation.rebuild_network import network_for_separation
from keras_d3.settings import NETWORK_NAME, AudioDataConfig, RunConfig, Stage, TrainingConfig
from tests.helpers.segmentation_configs import segmentation_config
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


def run_config(separation, target=None, preset="wave_u_net_m1", model=None):
    data = AudioDataConfig(
        separation.sample_rate_hz, separation.channels, separation.sources, 100_000, 100_000
    )
    training = TrainingConfig((Stage(1e-3, 1, 1),), steps_per_epoch=1)
    return RunConfig("tiny", "tiny", preset, data, training, separation, model=model or {}, target=target)


def write_run(path, separation, target, network, **network_config):
    Run(path).claim(run_config(separation, target, **network_config))
    if network:
        (path / "checkpoints").mkdir()
        network.save(path / "checkpoints" / "best.keras")
        network.save(path / "checkpoints" / "last.keras")


@pytest.mark.parametrize("checkpoint", ["best", "last"])
def test_waveform_run(tmp_path, checkpoint):
    write_run(tmp_path / "run", waveform_settings(), None, waveform_identity())
    separator = separator_from_run(tmp_path / "run", checkpoint=checkpoint)
    np.testing.assert_allclose(separator.separate(noise(99), 8000)["drums"], noise(99), atol=1e-6)
    assert separator.metadata["recipe"]["recipe"] == "tiny"


@pytest.mark.parametrize("preset,model", SEGMENTED, ids=["dilated", "wave_u_net"])
def test_windows_of_another_length(tmp_path, preset, model, caplog):
    """The longer network has the same weights; only of dilated networks its segments are warned of."""
    network = models.build(preset, channels=1, sources=SOURCES, **model)
    arguments = {"channels": 1, "sources": list(SOURCES), **model}
    write_run(tmp_path, waveform_settings(channels=1), None, network, preset=preset, model=arguments)
    with caplog.at_level("WARNING", logger="keras_d3.separation"):
        separator = separator_from_run(tmp_path, segment_samples=64)
    warned = "switch on taps that met padding only in training on 32 samples" in caplog.text
    assert warned == (preset == "dilated_u_net")
    longer = separator._networks[NETWORK_NAME]
    assert longer.input_shape == (None, 64, 1)
    for ours, theirs in zip(longer.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_networks_trained_on_magnitudes_give_waveforms(tmp_path):
    model = {"num_samples": 56, "frame_length": 32, "frame_step": 24, "num_levels": 1, "filters": 2}
    model["sources"] = list(SOURCES)
    network = models.build("unet_spectrogram_l1", **model)
    assert network.compute_output_shape(network.input_shape)["drums"] == (None, 2, 17, 1)
    settings = waveform_settings(channels=1)
    write_run(tmp_path, settings, None, network, preset="unet_spectrogram_l1", model=model)
    expected = models.build("unet_spectrogram", **model)
    expected.set_weights(network.get_weights())
    stem = separator_from_run(tmp_path).separate(noise(56, 1), 8000)["drums"]
    np.testing.assert_allclose(stem, expected(noise(56, 1)[None])["drums"][0], atol=1e-6)


def test_windows_that_networks_do_not_have(tmp_path):
    write_run(tmp_path, spectrogram_settings(), "all", None)
    with pytest.raises(ValueError, match="`segment_samples` must be None for spectrogram networks"):
        separator_from_run(tmp_path, segment_samples=64)
    with pytest.raises(ValueError, match="must be None for networks without windows of samples"):
        network_for_separation(
            waveform_identity(), run_config(spectrogram_settings(), "all", "mdensenet"), 64
        )


def test_spectrogram_run_of_all_targets(tmp_path):
    separation = spectrogram_settings(wiener=True, source_patches={"vocals": (12, 6)})
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
    Run(tmp_path / "a").claim(segmentation_config())
    with pytest.raises(ValueError, match="must be one on audio. Received: a run on images"):
        separator_from_run(tmp_path / "a")
    write_run(tmp_path / "b", waveform_settings(), None, None)
    with pytest.raises(FileNotFoundError, match="No checkpoint at .*best.keras"):
        separator_from_run(tmp_path / "b")
    with pytest.raises(ValueError, match="`checkpoint` must be one of 'best', 'last'"):
        separator_from_run(tmp_path / "b", checkpoint="epoch_3")
    write_run(tmp_path / "c", spectrogram_settings(), None, None)
    with pytest.raises(ValueError, match="must name the `target` of a spectrogram network"):
        separator_from_run(tmp_path / "c")
