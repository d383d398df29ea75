"""Training on audio records: what is read, compared and prepared."""

import dataclasses

import keras
import numpy as np

from keras_d3 import models
from keras_d3.data import (
    audio_shuffle_bytes,
    check_audio_records,
    input_statistics,
    training_waveforms,
    validation_waveforms,
)
from keras_d3.settings import STFT_LOSS
from keras_d3.training.spectra import spectra_of, waveform_of
from keras_d3.training.waveform_loss import WaveformLoss
from keras_d3.utils import ALL_WORK

LOSSES = {"mse": "mean_squared_error", "mae": "mean_absolute_error"}
NO_AUGMENTATION = {
    "sources_from": "same_track",
    "gain_range": None,
    "channel_swap_probability": 0.0,
    "polarity_inversion_probability": 0.0,
}


class AudioTask:
    """Waveforms of all sources, or magnitudes of one target for a spectrogram network.

    Args:
        config: `RunConfig` of one network, with `AudioDataConfig`.
    """

    def __init__(self, config):
        self._config = config
        self._statistics = None

    def check(self, manifest, splits):
        """Raises ValueError where config and records do not fit."""
        config = self._config
        if config.target == "all":
            raise ValueError(
                "`train` trains one network. Received: target='all'. Call `train_targets`, which trains one "
                "network per source."
            )
        if config.is_spectrogram and config.target is None:
            raise ValueError(
                "`target` must name the source a spectrogram network estimates. Received: target=None. "
                f"Choose one of {', '.join(config.data.sources)}, or 'all'."
            )
        if config.is_spectrogram:
            self._check_bins()
        if config.training.has_stft_loss and self._trained_on_magnitudes:
            raise ValueError(
                "The multi-resolution STFT loss is for networks trained on waveforms. Received: "
                f"training.loss={config.training.loss!r}, training.stft_loss_weight="
                f"{config.training.stft_loss_weight!r} with model.outputs='magnitudes'."
            )
        for split in splits:
            check_audio_records(manifest, config.data, split)

    def _check_bins(self):
        """Raises ValueError where the network is built for another STFT than the separation's."""
        config = self._config
        arguments = self._arguments
        num_bins = config.separation.num_bins or config.separation.frame_length // 2 + 1
        if arguments["num_bins"] not in (None, num_bins):
            raise ValueError(
                "`separation.frame_length` must give the bins that the network is built for: "
                f"frame_length // 2 + 1 = {arguments['num_bins']}. Received: separation.frame_length="
                f"{config.separation.frame_length}, separation.num_bins={config.separation.num_bins}, "
                f"model.num_bins={arguments['num_bins']}."
            )

    def shuffle_bytes(self, manifest):
        """Returns the memory that the shuffle takes."""
        return audio_shuffle_bytes(manifest, self._config.data)

    def prepare_records(self, manifest, progress):
        """Computes what `prepare` takes from the records, and keeps it beside them."""
        if self._config.training.input_statistics:
            self._input_statistics(manifest, progress)

    def prepare(self, model, manifest):
        """Sets what a new network takes from the records, before its first step."""
        if self._config.training.input_statistics:
            models.set_input_statistics(model, *self._input_statistics(manifest, progress=False))

    def _input_statistics(self, manifest, progress):
        if self._statistics is None:
            separation = self._config.separation
            lengths = separation.frame_length, separation.frame_step
            self._statistics = input_statistics(manifest, self._config.data, *lengths, show_progress=progress)
        return self._statistics

    def objective(self, model):
        """Returns the arguments of `model.compile` that say what is minimized: the mean over the sources."""
        loss = self._loss()
        names = list(model.output) if isinstance(model.output, dict) else None
        return {
            "loss": dict.fromkeys(names, loss) if names else loss,
            "loss_weights": dict.fromkeys(names, 1.0 / len(names)) if names else None,
        }

    def targets_like(self, output):
        """Returns zeros like the targets of an output: they have its shape."""
        return keras.ops.zeros_like(output)

    def _loss(self):
        training = self._config.training
        if training.loss == STFT_LOSS:
            return WaveformLoss()
        if training.stft_loss_weight:
            return WaveformLoss(training.loss, training.stft_loss_weight)
        return keras.losses.get(LOSSES[training.loss])

    def training_data(self, manifest, batch_size, steps, first_epoch, share=ALL_WORK):
        """Returns endless training batches, or a process's share of each."""
        data = self._config.data
        return self._examples(
            training_waveforms(manifest, data, batch_size, steps, first_epoch=first_epoch, share=share)
        )

    def validation_data(self, manifest, batch_size, share=ALL_WORK, even_batches=False):
        """Returns the validation split once, or a process's share of it; see `validation_waveforms`."""
        data = self._config.data
        return self._examples(
            validation_waveforms(manifest, data, batch_size, share=share, even_batches=even_batches)
        )

    def _examples(self, dataset):
        """Mixtures with the targets that the network estimates, as waveforms."""
        if not self._config.is_spectrogram:
            return dataset
        target = self._config.target
        return dataset.map(lambda mixture, targets, *weights: (mixture, targets[target], *weights))

    def batch_transform(self):
        """Returns what the training step does to batches of waveforms; see `transform_batches`."""
        config = self._config
        if config.is_spectrogram:
            separation = config.separation
            lengths = separation.frame_length, separation.frame_step, separation.patch_frames

            def transform(mixture, target, *weights):
                magnitudes = (spectra_of(waveforms, *lengths)[-1] for waveforms in (mixture, target))
                return *magnitudes, *_with_axis(weights)

            return transform
        if self._trained_on_magnitudes:
            lengths = self._frame_lengths

            def transform_targets(mixture, targets, *weights):
                magnitudes = {
                    source: spectra_of(waveforms, *lengths, is_centered=False)[-1]
                    for source, waveforms in targets.items()
                }
                return mixture, magnitudes, *_with_axis(weights)

            return transform_targets
        return None

    def validation_excerpts(self, manifest, count):
        """Draws excerpts of the validation split as they are in the songs, the same each time.

        Returns:
            Tuple `(inputs, mixture, targets)`: float32 arrays (batch, time, channels), the network's inputs
            and the part of them that its outputs are of, and a dict of such arrays by source.
        """
        config = dataclasses.replace(self._config.data, **NO_AUGMENTATION)
        batch = next(iter(training_waveforms(manifest, config, count, 1, split="validation")))
        inputs, targets = batch[0].numpy(), {name: value.numpy() for name, value in batch[1].items()}
        begin = config.context_before
        return inputs, inputs[:, begin : begin + config.output_samples], targets

    def estimates(self, model, inputs):
        """Returns what a network makes of excerpts, as waveforms with the mixture's phase where it has none.

        Args:
            model: `keras.Model`, the network as it is trained.
            inputs: float32 array (batch, time, channels), see `validation_excerpts`.

        Returns:
            Dict of source to float32 array (batch, time, channels).
        """
        parts = [self._estimates_of_one(model, inputs[place : place + 1]) for place in range(len(inputs))]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _estimates_of_one(self, model, inputs):
        config = self._config
        if config.is_spectrogram:
            lengths = config.separation.frame_length, config.separation.frame_step
            spectra = spectra_of(inputs, *lengths, config.separation.patch_frames)
            return {config.target: waveform_of(model(spectra[-1], training=False), spectra, *lengths)}
        outputs = model(inputs, training=False)
        if not self._trained_on_magnitudes:
            return {
                name: keras.ops.convert_to_numpy(keras.ops.cast(value, "float32"))
                for name, value in outputs.items()
            }
        spectra = spectra_of(inputs, *self._frame_lengths, is_centered=False)
        return {
            name: waveform_of(value, spectra, *self._frame_lengths, is_centered=False)
            for name, value in outputs.items()
        }

    @property
    def _arguments(self):
        """The arguments of the network."""
        config = self._config
        return models.preset_for(config).merged_arguments(tiny=config.tiny, **config.model)

    @property
    def _trained_on_magnitudes(self):
        """Whether a network takes waveforms and gives magnitudes, as it is trained."""
        return not self._config.is_spectrogram and self._arguments.get("outputs") == "magnitudes"

    @property
    def _frame_lengths(self):
        arguments = self._arguments
        return arguments["frame_length"], arguments["frame_step"]


def _with_axis(weights):
    """Weights (batch, 1) of waveforms with the axis that losses of spectrograms have more."""
    return [weight[:, None] for weight in weights]
