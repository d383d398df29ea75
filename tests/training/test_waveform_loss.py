"""The multi-resolution STFT loss: against NumPy in float64, at silence, as a setting."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_d3.models import wave_u_net_lengths
from keras_d3.settings import STFT_RESOLUTIONS, RunConfig, Stage
from keras_d3.training import train
from keras_d3.training.audio_task import AudioTask
from keras_d3.training.waveform_loss import WaveformLoss, multi_resolution_stft_loss
from tests.helpers.training_configs import spectrogram_config, waveform_config


def magnitudes_by_hand(signals, fft_length, frame_length, frame_step):
    """Frame by frame, in float64."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame_length) / frame_length)
    begins = range(0, signals.shape[1] - frame_length + 1, frame_step)
    frames = np.stack([signals[:, begin : begin + frame_length] for begin in begins], axis=1)
    spectra = np.fft.rfft(frames * window[:, np.newaxis], fft_length, axis=2)
    return np.sqrt(np.maximum(np.abs(spectra) ** 2, 1e-7))


def loss_by_hand(targets, estimates):
    total = 0
    for resolution in STFT_RESOLUTIONS:
        x, y = (magnitudes_by_hand(np.float64(signals), *resolution) for signals in (targets, estimates))
        total += np.sqrt(np.sum((x - y) ** 2)) / np.sqrt(np.sum(x**2)) + np.mean(
            np.abs(np.log(x) - np.log(y))
        )
    return total / len(STFT_RESOLUTIONS)


def excerpts(seed, scale=0.3, samples=2500):
    return np.random.default_rng(seed).normal(0, scale, (2, samples, 2)).astype("float32")


def test_against_numpy():
    targets, estimates = excerpts(0), 0.5 * excerpts(0) + 0.1 * excerpts(1)
    targets[1, 1000:] = 0  # a stretch of silence, where the floor counts
    expected = loss_by_hand(targets, estimates)
    assert float(multi_resolution_stft_loss(targets, estimates)) == pytest.approx(expected, rel=1e-5)
    assert expected > 0.5
    assert float(multi_resolution_stft_loss(targets, targets)) < 1e-5


@pytest.mark.parametrize("sample_loss, distance", [("mae", np.abs), ("mse", np.square)])
def test_beside_a_loss_of_samples(sample_loss, distance):
    targets, estimates = excerpts(0), excerpts(1)
    expected = distance(np.float64(targets) - estimates).mean() + 0.5 * loss_by_hand(targets, estimates)
    loss = WaveformLoss(sample_loss, 0.5)
    assert float(loss(targets, estimates)) == pytest.approx(expected, rel=1e-5)
    restored = keras.losses.deserialize(keras.losses.serialize(loss))
    assert float(restored(targets, estimates)) == float(loss(targets, estimates))


@pytest.mark.parametrize("target_scale, estimate_scale", [(0.0, 0.0), (0.0, 0.3), (0.3, 0.0)])
def test_gradients_are_finite_at_silence(target_scale, estimate_scale):
    estimates = tf.Variable(excerpts(1, estimate_scale))
    with tf.GradientTape() as tape:
        loss = multi_resolution_stft_loss(excerpts(0, target_scale), estimates)
    gradient = tape.gradient(loss, estimates).numpy()
    assert np.isfinite(float(loss)) and np.isfinite(gradient).all()
    # Where the estimate is silent it sits on the floor, which has no slope.
    assert (np.abs(gradient).max() > 0) == (estimate_scale > 0)


def long_enough(**training):
    """A waveform config whose outputs hold the longest frame."""
    values = waveform_config(loss="mae").to_dict()
    values["data"].update(output_samples=1300, input_samples=1300)
    values["training"].update(training)
    return RunConfig.from_dict(values)


@pytest.mark.parametrize(
    "training, expected",
    [
        ({"loss": "multi_resolution_stft"}, (None, 1.0)),
        ({"loss": "mae", "stft_loss_weight": 0.25}, ("mae", 0.25)),
    ],
)
def test_settings_choose_the_loss(training, expected):
    inputs = keras.Input((1300, 2))
    model = keras.Model(inputs, {"bass": inputs, "vocals": inputs})
    objective = AudioTask(long_enough(**training)).objective(model)
    assert objective["loss_weights"] == {"bass": 0.5, "vocals": 0.5}
    for loss in objective["loss"].values():
        assert isinstance(loss, WaveformLoss) and (loss.sample_loss, loss.stft_weight) == expected


@pytest.mark.weekly
def test_a_run_trains_on_it_and_resumes(records, tmp_path):
    """Through the graph of a training step and a checkpoint that is loaded with its loss."""
    lengths = wave_u_net_lengths(1300, num_levels=1, kernel_size=5, up_kernel_size=3, context=True)
    values = waveform_config(stages=(Stage(3e-3, 4, 2),), precision="mixed_bfloat16").to_dict()
    values["data"].update(input_samples=lengths[0], output_samples=lengths[1])
    values["model"]["num_output_samples"] = 1300
    values["training"].update(loss="mae", stft_loss_weight=0.1)
    config = RunConfig.from_dict(values)
    for stop in (1, None):
        state = train(config, records, tmp_path / "run", stop_after_epoch=stop, verbose=0)
    assert np.isfinite(state.best_value) and state.history[1]["loss"] < state.history[0]["loss"]


def test_what_does_not_fit():
    with pytest.raises(
        ValueError, match="`stft_loss_weight` must not be negative, and 0 unless.*=1.0, loss="
    ):
        long_enough(loss="multi_resolution_stft", stft_loss_weight=1.0)
    with pytest.raises(ValueError, match="`stft_loss_weight` must not be negative.*stft_loss_weight=-1.0"):
        long_enough(stft_loss_weight=-1.0)
    with pytest.raises(ValueError, match="must be at least 1200, the longest frame.*output_samples=257"):
        waveform_config(loss="multi_resolution_stft")
    spectrogram = spectrogram_config("vocals")
    training = dataclasses.replace(spectrogram.training, stft_loss_weight=1.0)
    with pytest.raises(ValueError, match="STFT loss is for networks on waveforms.*'spectrogram'"):
        dataclasses.replace(spectrogram, training=training)
    magnitudes = long_enough(loss="multi_resolution_stft")
    magnitudes = dataclasses.replace(magnitudes, preset="unet_spectrogram_l1", model={})
    with pytest.raises(ValueError, match="trained on waveforms. Received.*model.outputs='magnitudes'"):
        AudioTask(magnitudes).check(None, ())
    with pytest.raises(ValueError, match="`sample_loss` must be one of 'mse', 'mae'"):
        WaveformLoss("l1")
