"""Training on audio records: what is read, compared and prepared."""

import keras

from keras_d3 import models
from keras_d3.data import (
    audio_shuffle_bytes,
    check_audio_records,
    input_statistics,
    targets_to_magnitudes,
    to_magnitudes,
    training_waveforms,
    validation_waveforms,
)
from keras_d3.utils import ALL_WORK

LOSSES = {"mse": "mean_squared_error", "mae": "mean_absolute_error"}


class AudioTask:
    """Waveforms of all sources, or magnitudes of one target for a spectrogram network.

    Args:
        config: `RunConfig` of one network, with `AudioDataConfig`.
    """

    def __init__(self, config):
        self._config = config

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
        for split in splits:
            check_audio_records(manifest, config.data, split)

    def _check_bins(self):
        """Raises ValueError where the network is built for another STFT than the separation's."""
        config = self._config
        arguments = models.preset_for(config).merged_arguments(tiny=config.tiny, **config.model)
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

    def prepare(self, model, manifest, progress):
        """Sets what a new network takes from the records, before its first step."""
        if self._config.training.input_statistics:
            models.set_input_statistics(model, *self._input_statistics(manifest, progress))

    def _input_statistics(self, manifest, progress):
        separation = self._config.separation
        lengths = separation.frame_length, separation.frame_step
        return input_statistics(manifest, self._config.data, *lengths, show_progress=progress)

    def objective(self, model):
        """Returns the arguments of `model.compile` that say what is minimized: the mean over the sources."""
        loss = keras.losses.get(LOSSES[self._config.training.loss])
        names = list(model.output) if isinstance(model.output, dict) else None
        return {
            "loss": dict.fromkeys(names, loss) if names else loss,
            "loss_weights": dict.fromkeys(names, 1.0 / len(names)) if names else None,
        }

    def training_data(self, manifest, batch_size, steps, first_epoch, share=ALL_WORK):
        """Returns endless training batches, or a process's share of each."""
        return self._examples(
            training_waveforms(
                manifest, self._config.data, batch_size, steps, first_epoch=first_epoch, share=share
            )
        )

    def validation_data(self, manifest, batch_size, share=ALL_WORK, even_batches=False):
        """Returns the validation split once, or a process's share of it; see `validation_waveforms`."""
        return self._examples(
            validation_waveforms(
                manifest, self._config.data, batch_size, share=share, even_batches=even_batches
            )
        )

    def _examples(self, dataset):
        """Waveforms as they are, or magnitudes of the targets, or of mixture and target."""
        if not self._config.is_spectrogram:
            return self._waveform_examples(dataset)
        separation = self._config.separation
        return to_magnitudes(
            dataset,
            self._config.target,
            frame_length=separation.frame_length,
            frame_step=separation.frame_step,
            num_frames=separation.patch_frames,
        )

    def _waveform_examples(self, dataset):
        config = self._config
        preset = models.preset_for(config)
        arguments = preset.merged_arguments(tiny=config.tiny, **config.model)
        if arguments.get("outputs") != "magnitudes":
            return dataset
        return targets_to_magnitudes(dataset, arguments["frame_length"], arguments["frame_step"])
