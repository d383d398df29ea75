"""Training on image records: what is read and compared."""

import keras

from keras_d3.data import check_image_records, image_shuffle_bytes, training_images, validation_images
from keras_d3.models import preset_for
from keras_d3.training.segmentation_loss import MeanIoU, SegmentationCrossEntropy
from keras_d3.utils import ALL_WORK

# `training.loss` and what its sum is divided by.
AVERAGES = {"cross_entropy": "labeled", "cross_entropy_over_all_pixels": "all"}


class SegmentationTask:
    """Crops of images and their label maps.

    Args:
        config: `RunConfig` with `ImageDataConfig`.
    """

    def __init__(self, config):
        self._config = config

    def check(self, manifest, splits):
        """Raises ValueError where config and records do not fit."""
        for split in splits:
            check_image_records(manifest, self._config.data, split)

    def shuffle_bytes(self, manifest):
        """Returns about the memory that the shuffle takes."""
        return image_shuffle_bytes(manifest, self._config.data)

    def prepare_records(self, manifest, progress):
        """Nothing."""

    def prepare(self, model, manifest):
        """Nothing: the normalization of images is that of the config."""

    def objective(self, model):
        """Returns the arguments of `model.compile` that say what is minimized.

        A network with a second output, `auxiliary_logits`, is trained on both.

        Raises:
            ValueError: the network has another number of classes than the data.
        """
        num_classes = len(self._config.data.classes)
        outputs = model.output if isinstance(model.output, dict) else {"logits": model.output}
        found = outputs["logits"].shape[-1]
        if found != num_classes:
            raise ValueError(
                f"`model.num_classes` must be the number of classes of the data, {num_classes}. Received: "
                f"{found} (`--set model.num_classes={num_classes}`)."
            )
        loss = SegmentationCrossEntropy(AVERAGES[self._config.training.loss])
        metric = MeanIoU(num_classes, self._config.segmentation.resize)
        if not isinstance(model.output, dict):
            return {"loss": loss, "metrics": [metric]}
        return {
            "loss": dict.fromkeys(outputs, loss),
            "loss_weights": {
                name: self._config.training.auxiliary_weight if name == "auxiliary_logits" else 1.0
                for name in outputs
            },
            "metrics": {"logits": [metric]},
        }

    def targets_like(self, output):
        """Returns zeros like the targets of an output: a label per pixel."""
        return keras.ops.zeros(output.shape[:-1], "int32")

    def training_data(self, manifest, batch_size, steps, first_epoch, share=ALL_WORK):
        """Returns endless training batches; several processes are refused before (`TrainingDevices`)."""
        dataset = training_images(manifest, self._config.data, batch_size, steps, first_epoch=first_epoch)
        return self._for_all_outputs(dataset)

    def validation_data(self, manifest, batch_size, share=ALL_WORK, even_batches=False):
        """Returns the validation split once, in batches of `validation_batch_size`."""
        return self._for_all_outputs(validation_images(manifest, self._config.data))

    def batch_transform(self):
        """Returns None: images are augmented and scaled as they are read."""
        return None

    def _for_all_outputs(self, dataset):
        """Labels for each output of the network."""
        arguments = {**preset_for(self._config).merged_arguments(), **self._config.model}
        if not arguments.get("auxiliary_logits"):
            return dataset
        return dataset.map(
            lambda images, labels: (images, dict.fromkeys(("logits", "auxiliary_logits"), labels))
        )
