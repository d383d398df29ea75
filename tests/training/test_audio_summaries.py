"""Excerpts in TensorBoard: what is written, and that magnitudes sound as they should."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from keras_d3.data import load_manifest
from keras_d3.settings import Stage
from keras_d3.training import check_training, train
from keras_d3.training.audio_summaries import spectrogram_images
from keras_d3.training.audio_task import AudioTask
from keras_d3.training.spectra import spectra_of, waveform_of
from tests.helpers.small_records import SAMPLE_RATE_HZ, SOURCES
from tests.helpers.training_configs import spectrogram_config, waveform_config


def summaries(folder):
    """Tag -> list of (step, list of encoded bytes)."""
    found = {}
    for file in folder.glob("events*"):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                content = tf.make_ndarray(value.tensor)
                found.setdefault((value.tag, value.metadata.plugin_data.plugin_name), []).append(
                    (event.step, content)
                )
    return found


@pytest.mark.slow
def test_a_run_writes_mixture_targets_and_estimates(records, tmp_path):
    config = waveform_config(stages=(Stage(3e-3, 4, 2),), tensorboard_excerpts=2, ema_momentum=0.5)
    train(config, records, tmp_path / "run", verbose=0)
    found = summaries(tmp_path / "run/tensorboard/excerpts")
    names = {"mixture", *(f"{source}/{kind}" for source in SOURCES for kind in ("target", "estimate"))}
    assert set(found) == {(name, plugin) for name in names for plugin in ("audio", "images")}
    assert [step for step, _ in found["mixture", "audio"]] == [0]
    assert [step for step, _ in found["bass/estimate", "audio"]] == [0, 1]
    inputs, mixture, targets = AudioTask(config).validation_excerpts(load_manifest(records), 2)
    for name, expected in (("mixture", mixture), ("bass/target", targets["bass"])):
        clips = found[name, "audio"][0][1][:, 0]
        assert len(clips) == 2
        for clip, waveform in zip(clips, expected, strict=True):
            decoded, rate = tf.audio.decode_wav(clip)
            np.testing.assert_allclose(decoded, waveform, atol=2e-4)
            assert int(rate) == SAMPLE_RATE_HZ


def test_excerpts_are_unaltered_and_always_the_same(records):
    config = waveform_config().changed(
        {"data.sources_from": "different_tracks", "data.polarity_inversion_probability": 1.0}
    )
    manifest = load_manifest(records)
    inputs, mixture, targets = AudioTask(config).validation_excerpts(manifest, 3)
    assert inputs.shape == (3, config.data.input_samples, 2) and mixture.shape == (3, 257, 2)
    np.testing.assert_allclose(mixture, sum(targets.values()), atol=1e-6)
    plain = waveform_config().changed({"data.gain_range": None})
    for ours, theirs in zip(
        (inputs, mixture), AudioTask(plain).validation_excerpts(manifest, 3)[:2], strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("is_centered, frame_step", [(True, 256), (False, 768)])
def test_the_mixtures_own_magnitudes_give_it_back(is_centered, frame_step):
    mixture = np.random.default_rng(0).normal(0, 0.1, (2, 7 * 768 + 1024, 2)).astype("float32")
    spectra = spectra_of(mixture, 1024, frame_step, is_centered=is_centered)
    found = waveform_of(spectra[-1], spectra, 1024, frame_step, is_centered)
    # Frames that hardly overlap do not cover the samples between them.
    kept = slice(None) if is_centered else slice(300, 700)
    np.testing.assert_allclose(found[:, kept], mixture[:, : found.shape[1]][:, kept], atol=1e-4)
    assert found.shape[1] == (7 * 768 + 1024) // 256 * 256 if is_centered else 7 * 768 + 1024


def test_estimates_of_a_spectrogram_network(records):
    """A network that returns the magnitudes it gets: the estimate is the mixture."""
    config = spectrogram_config("vocals")
    task = AudioTask(config)
    inputs, mixture, _ = task.validation_excerpts(load_manifest(records), 2)
    estimates = task.estimates(lambda magnitudes, training: 0.5 * magnitudes, inputs)
    assert list(estimates) == ["vocals"] and estimates["vocals"].shape[1] == 7 * 256
    np.testing.assert_allclose(estimates["vocals"], 0.5 * mixture[:, : 7 * 256], atol=1e-4)


def test_pictures():
    """A tone is one white line at its height, silence is black."""
    time = np.arange(8192) / 8000
    tone = np.sin(2 * np.pi * 1000 * time)[np.newaxis, :, np.newaxis]
    images = spectrogram_images(tone, np.full((1, 1, 1), 256.0))
    assert images.shape == (1, 513, 29, 1)
    assert images.min() >= 0 and images.max() == pytest.approx(1.0, abs=0.01)
    assert np.argmax(images[0, :, 10, 0]) == 512 - 128  # 1000 Hz of 4000, from below
    assert spectrogram_images(0 * tone, np.full((1, 1, 1), 256.0)).max() == 0


def test_what_does_not_fit(records_without_validation):
    with pytest.raises(ValueError, match="`tensorboard_excerpts` must be an integer of at least 0"):
        waveform_config(tensorboard_excerpts=-1)
    config = waveform_config(tensorboard_excerpts=1, selection="last")
    with pytest.raises(ValueError, match="no validation split to take `tensorboard_excerpts` from.*=1"):
        check_training(config, load_manifest(records_without_validation))
    assert dataclasses.replace(config.training, tensorboard_excerpts=0).tensorboard_excerpts == 0
